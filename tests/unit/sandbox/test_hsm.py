"""Batches of templates: what is refused, what is accepted, and that the ledger has every recipient once."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.config import Template
from sandbox.chattigo.server import Chattigo

Batch = Callable[..., dict[str, Any]]


async def test_a_batch_is_accepted_whole(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    status, answer = await client.hsm(batch(3))
    assert (status, orjson.loads(answer)) == (200, {"success": True})
    found = chattigo.ledger.of(ledger.Recipient)
    assert [one.destination_id for one in found] == ["m0", "m1", "m2"]
    assert [one.position for one in found] == [0, 1, 2]
    assert {(one.template, one.language, one.root_id, one.bot_attention) for one in found} == {
        ("order_update", "es", "7", True)
    }
    assert len({one.wamid for one in found}) == 3
    call = chattigo.ledger.of(ledger.Call)[-1]
    assert (call.recipients, call.accepted, call.call) == (3, True, found[0].call)


async def test_the_limits_are_one_and_a_thousand(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    assert (await client.hsm(batch(1000)))[0] == 200
    assert (await client.hsm(batch(1001)))[0] == 400
    assert (await client.hsm(batch(0)))[0] == 400
    assert len(chattigo.ledger.of(ledger.Recipient)) == 1000


async def test_a_repeat_is_sent_twice(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    for _ in range(2):
        assert (await client.hsm(batch(1)))[0] == 200
    first, second = chattigo.ledger.of(ledger.Recipient)
    assert first.destination_id == second.destination_id
    assert first.wamid != second.wamid


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.pop("did"),
        lambda body: body.pop("channel"),
        lambda body: body.pop("hsm"),
        lambda body: body.update(type="template"),
        lambda body: body.update(id=True),
        lambda body: body["hsm"].pop("template"),
        lambda body: body["hsm"].pop("languageCode"),
        lambda body: body["hsm"].update(botAttention="yes"),
        lambda body: body["hsm"].update(destinations={}),
        lambda body: body["hsm"].update(destinations=[{"destination": 569}]),
        lambda body: body["hsm"].update(destinations=[{"destination": "569", "parameters": [1]}]),
        lambda body: body["hsm"].update(destinations=[{"destination": "569", "id": 1}]),
        lambda body: body.update(destinations=body["hsm"].pop("destinations")),
    ],
)
async def test_a_body_that_lacks_something_is_400(
    client: Any, chattigo: Chattigo, batch: Batch, spoil: Callable[[Any], Any]
) -> None:
    body = batch(2)
    spoil(body)
    assert (await client.hsm(body))[0] == 400
    assert not chattigo.ledger.of(ledger.Recipient)


async def test_destinations_at_the_root_by_knob(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    root = batch(2)
    root["destinations"] = root["hsm"].pop("destinations")
    for form, nested_status in (("root", 400), ("both", 200)):
        chattigo.turn(hsm_form=form)
        assert (await client.hsm(root))[0] == 200
        assert (await client.hsm(batch(2)))[0] == nested_status


@pytest.mark.parametrize(
    ("knob", "value", "status"),
    [
        ("int31", 2**31 - 1, 200),
        ("int31", 2**31, 400),
        ("int53", 2**53 - 1, 200),
        ("int53", 2**53, 400),
        ("int53", "7", 400),
        ("text", 7, 400),
        ("text", "x" * 450, 200),
        ("any", "x" * 451, 400),
    ],
)
async def test_the_width_of_the_root_id(
    client: Any, chattigo: Chattigo, batch: Batch, knob: str, value: Any, status: int
) -> None:
    chattigo.turn(hsm_id=knob)
    assert (await client.hsm(batch(1) | {"id": value}))[0] == status


async def test_static_parameters_count_for_everybody(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    chattigo.world.templates.put(Template("order_update", parameters=2))
    plain = [{"destination": "56911111111"}]
    assert (await client.hsm(batch(destinations=plain, parameters=["a", "b"])))[0] == 200
    assert (await client.hsm(batch(destinations=plain, parameters=["a"])))[0] == 200
    await chattigo.settled()
    codes = {one.wamid: one.code for one in chattigo.ledger.of(ledger.Receipt) if one.state == "failed"}
    good, bad = chattigo.ledger.of(ledger.Recipient)
    assert codes == {bad.wamid: 132000}
    assert good.parameters != bad.parameters


async def test_the_answer_may_be_empty(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    chattigo.turn(hsm_answer="empty")
    assert await client.hsm(batch(1)) == (200, b"")
