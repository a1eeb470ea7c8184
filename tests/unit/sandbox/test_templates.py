"""Templates: states, counts, lengths, forms; told later or at once; listed; changed while it runs."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.templates import Filled, State, Template, Templates, of_cloud
from tests.builders.knobs.rig import PERSON, rig
from tests.unit.sandbox.conftest import CLOUD, Isv


@pytest.mark.parametrize(
    ("state", "code"),
    [("approved", 0), ("pending", 132001), ("rejected", 132001), ("in_appeal", 132001), ("paused", 132015),
     ("disabled", 132016)],
)  # fmt: skip
def test_states(state: State, code: int) -> None:
    assert Templates([Template("a", state=state)]).fate("a", "es", Filled()) == ("utility", code)


@pytest.mark.parametrize(
    ("template", "filled", "code"),
    [
        (Template("a", parameters=1), Filled(["x"]), 0),
        (Template("a", parameters=1), Filled([]), 132000),
        (Template("a", header=1), Filled([], ["x"]), 0),
        (Template("a", header=1), Filled(), 132000),
        (Template("a", buttons=1), Filled(buttons=2), 132000),
        (Template("a", length=1023), Filled(["x"]), 0),
        (Template("a", length=1023), Filled(["xx"]), 132005),
        (Template("a"), Filled([], ["x" * 61]), 132005),
        (Template("a"), Filled([], ["https://x.example/" + "x" * 61]), 0),
        (Template("a"), Filled(["a\nb"]), 132012),
        (Template("a"), Filled(["a     b"]), 132012),
    ],
)
def test_fillings(template: Template, filled: Filled, code: int) -> None:
    assert Templates([template]).fate("a", "es", filled)[1] == code


def test_another_language_is_no_template_and_without_any_all_exist() -> None:
    assert Templates([Template("a", language="es")]).fate("a", "en", Filled())[1] == 132001
    assert Templates([]).fate("a", "en", Filled(["a\nb"])) == ("utility", 0)


def test_a_cloud_template_is_counted() -> None:
    link = {"type": "image", "image": {"link": "https://x.example/a.png"}}
    components = [
        {"type": "HEADER", "parameters": [link]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ana"}, 7]},
        {"type": "button", "sub_type": "url", "index": 0},
    ]
    assert of_cloud({"components": components}) == Filled(["Ana", ""], ["https://x.example/a.png"], 1)


@pytest.mark.parametrize(("name", "status"), [("no_such", 404), ("two", 400), ("order_update", 200)])
async def test_the_isv_service_tells_at_once_by_knob(isv: Isv, tmp_path: Path, name: str, status: int) -> None:
    async with rig(tmp_path, isv, {"templates": "sync"}) as here:
        template = {"name": name, "language": {"code": "es"}}
        body = {"messaging_product": "whatsapp", "to": PERSON, "type": "template", "template": template}
        found, answer = await here.send(body)
        assert found == status
        expected = {404: 132001, 400: 132000}.get(status)
        assert orjson.loads(answer).get("error", {}).get("code") == expected


async def test_a_state_is_changed_while_it_runs_and_lines_hear_of_it(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {"webhooks": {"other_fields": 1}}) as here:
        paused: dict[str, Any] = {"name": "order_update", "state": "paused"}
        assert (await here.control("POST", "templates", paused))[0] == 200
        told = [body["entry"][0]["changes"][0] for body in await here.hear()]
        assert {(one["field"], one["value"]["event"]) for one in told} == {("message_template_status_update", "PAUSED")}
        assert not here.found(ledger.Event)
        await here.batched(hsm_template="order_update")
        assert await here.codes() == [132015]
    async with rig(tmp_path, isv, {}) as again:  # what the ledger has of it outlives a restart
        await again.batched(hsm_template="order_update")
        assert await again.codes() == [132015] * 2


async def test_the_list_has_each_template_of_each_line_of_the_account(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {}) as here:
        token = f"Bearer {await here.token('hsm')}"
        status, body = await here.call("GET", "/message/templates/client_id/1001", None, token)
        data = orjson.loads(body)["data"]
        assert status == 200
        assert len(data) == 6
        assert {"name", "channelDid", "channelType", "campaignId"} <= set(data[0])
        assert data[0]["channelDid"] == CLOUD
        assert (await here.call("GET", "/message/templates/client_id/7", None, token))[0] == 403
