"""Webhook Chattigo: a client brings its own channel; the answer is success whatever it is, and agents answer."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.chattigo import ledger
from tests.builders.knobs.rig import CHANNEL, PERSON, rig
from tests.unit.sandbox.conftest import CLOUD, Isv

FILE = {"mediaUrl": "https://x.example/a.pdf", "mimeType": "application/pdf"}


async def test_an_agent_answers_at_the_lines_address(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {"humans": {"auto": True}}) as here:
        assert await here.brought() == (200, b'{"success":true}')
        said, back = await here.hear()
        assert (said["chatType"], said["stateAgent"], said["msisdn"]) == ("OUTBOUND", "AGENT", PERSON)
        assert back["type"] == "transfer"
        assert ledger.read(here.chattigo.ledger.path) == here.chattigo.ledger.entries


async def test_a_chat_is_given_to_an_agent_once(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {}) as here:
        await here.brought()
        await here.brought(content="sigo aquí")
        assert [one.content for one in here.found(ledger.Brought)] == ["hola", "sigo aquí"]
        assert [one.action for one in here.found(ledger.Human)] == ["take"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 7},
        {"did": CLOUD},
        {"msisdn": 56911111111},
        {"type": "Text"},
        {"channel": "SMOKE"},
        {"content": ""},
        {"isAttachment": True},
        {"isAttachment": "true"},
        {"type": "media"},
    ],
)
async def test_what_is_wrong_is_answered_success_and_lost(isv: Isv, tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with rig(tmp_path, isv, {}) as here:
        assert (await here.brought(**wrong))[0] == 200
        (one,) = here.found(ledger.Brought)
        assert not one.taken
        assert one.reason
        assert not here.found(ledger.Call)[-1].accepted


async def test_a_file_is_taken(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {}) as here:
        await here.brought(type="media", isAttachment="true", content="", attachment=FILE)
        assert [one.taken for one in here.found(ledger.Brought)] == [True]


async def test_a_token_is_asked_for(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {}) as here:
        assert (await here.call("POST", "/webhook-chattigo/inbound", {}))[0] == 401


async def test_customers_of_a_channel_do_not_write_through_chattigo(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {}) as here:
        saying = {"did": CHANNEL, "contact": PERSON, "message": "hola"}
        status, answer = await here.call("POST", "/_sandbox/customers/say", saying)
        assert status == 400
        assert b"no line of WhatsApp" in answer
        assert await here.hear() == []
