"""The ledger keeps what was said, so that a conversation can be read from it, also after a restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.chattigo import humans, ledger
from sandbox.chattigo.server import Chattigo

Batch = Callable[..., dict[str, Any]]
ANA = "56911111111"


async def test_what_everybody_said_is_on_record(
    client: Any, chattigo: Chattigo, batch: Batch, dids: tuple[str, str, str]
) -> None:
    cloud, flat, _ = dids
    chattigo.say(cloud, ANA, "hola", name="Ana María")
    chattigo.say(flat, ANA, "buenas", name="Ana")
    humans.take(chattigo.world, cloud, ANA)
    humans.say(chattigo.world, cloud, ANA, "soy Marta")
    body = batch(1, parameters=["de todos"])
    body["hsm"]["destinations"] = [
        {"destination": ANA, "buttonsParameters": ["x1"]},
        {"destination": ANA, "parameters": ["Ana"]},
    ]
    assert (await client.hsm(body))[0] == 200
    said = [one for one in ledger.read(chattigo.ledger.path) if isinstance(one, ledger.Event)]
    assert [(one.name, one.body["text"]["body"]) for one in said if one.format == "cloud"] == [("Ana María", "hola")]
    assert [(one.name, one.body["content"]) for one in said if one.format == "flat"] == [("Ana", "buenas")]
    assert [one.text for one in chattigo.ledger.of(ledger.Human)] == ["", "soy Marta"]
    filled = [one.filled for one in chattigo.ledger.of(ledger.Recipient)]
    assert filled == [{"body": ["de todos"], "buttons": ["x1"]}, {"body": ["Ana"]}]


def test_lines_of_older_ledgers_are_read(tmp_path: Path) -> None:
    fields = '"event":"e","did":"1","contact":"2","kind":"text","format":"cloud","origin":"customer"'
    path = tmp_path / "ledger.ndjson"
    path.write_text('{"type":"event","seq":1,"at_ms":1,' + fields + "}\n")
    (entry,) = ledger.read(path)
    assert isinstance(entry, ledger.Event)
    assert (entry.body, entry.name) == (None, "")
