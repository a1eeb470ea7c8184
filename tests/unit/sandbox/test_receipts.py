"""What follows a send: which receipts in which form, and the misfortunes that the knobs bring."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.knobs import Receipts
from sandbox.chattigo.receipts import plan
from sandbox.chattigo.server import Chattigo

CALM = Receipts(failed=0, lost=0, duplicate=0, reorder=0, skip_delivered=0, read=1)
PERSON = "56911111111"


def statuses(isv: Any) -> list[dict[str, Any]]:
    return [
        status
        for body in isv.bodies
        for entry in body["entry"]
        for change in entry["changes"]
        for status in change["value"]["statuses"]
    ]


async def test_a_session_message_gets_cloud_statuses(client: Any, chattigo: Chattigo, isv: Any) -> None:
    await client.text()
    await chattigo.settled()
    wamid = chattigo.ledger.of(ledger.Message)[0].wamid
    found = statuses(isv)
    assert [(one["id"], one["status"]) for one in found] == [
        (wamid, "sent"),
        (wamid, "delivered"),
        (wamid, "read"),
    ]
    assert all(one["recipient_id"] == PERSON and one["timestamp"].isdigit() for one in found)
    assert found[0]["pricing"]["billable"] is False
    receipts = chattigo.ledger.of(ledger.Receipt)
    acked = [key for post in chattigo.ledger.of(ledger.Webhook) if post.acked for key in post.receipts]
    assert [one.receipt for one in receipts] == acked == [f"{wamid}:{one['status']}" for one in found]


async def test_a_message_outside_the_window_fails_later(client: Any, chattigo: Chattigo, isv: Any) -> None:
    chattigo.turn(window="async")
    assert (await client.text())[0] == 200
    await chattigo.settled()
    failed = statuses(isv)[-1]
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131047)


@pytest.mark.parametrize(("ids", "expected"), [(True, {"m0", "m1"}), (False, {7})])
async def test_a_batch_gets_flat_notifications(
    client: Any, chattigo: Chattigo, isv: Any, batch: Callable[..., Any], ids: bool, expected: set[Any]
) -> None:
    chattigo.turn(destination_ids=ids)
    await client.hsm(batch(2))
    await chattigo.settled()
    assert {body["id"] for body in isv.bodies} == expected
    assert sorted(body["type"] for body in isv.bodies) == ["DELIVERY"] * 2 + ["READ"] * 2 + ["SENT"] * 2
    assert {body["msisdn"] for body in isv.bodies} == {"56900000000", "56900000001"}
    assert set(isv.bodies[0]) == {"id", "did", "msisdn", "type", "channel"}


async def test_a_number_that_is_none_is_invalid_later(
    client: Any, chattigo: Chattigo, isv: Any, batch: Callable[..., Any]
) -> None:
    assert (await client.hsm(batch(destinations=[{"destination": "abc"}])))[0] == 200
    await chattigo.settled()
    assert isv.bodies[-1]["type"] == "INVALID"
    assert set(isv.bodies[-1]["errors"][0]) == {"code", "title"}


async def test_a_batch_may_get_cloud_statuses_with_unseen_wamids(
    client: Any, chattigo: Chattigo, isv: Any, batch: Callable[..., Any]
) -> None:
    chattigo.turn(receipts={"hsm": "cloud"})
    await client.hsm(batch(1))
    await chattigo.settled()
    assert {one["id"] for one in statuses(isv)} == {chattigo.ledger.of(ledger.Recipient)[0].wamid}


async def test_a_batch_may_get_both_or_nothing(
    client: Any, chattigo: Chattigo, isv: Any, batch: Callable[..., Any]
) -> None:
    chattigo.turn(receipts={"hsm": "both"})
    await client.hsm(batch(1))
    await chattigo.settled()
    assert [one.format for one in chattigo.ledger.of(ledger.Receipt)].count("cloud") == 3
    assert len(isv.bodies) == 6
    chattigo.turn(receipts={"hsm": "none"})
    await client.hsm(batch(1))
    await chattigo.settled()
    assert len(isv.bodies) == 6


async def test_notifications_may_come_as_an_array(
    client: Any, chattigo: Chattigo, isv: Any, batch: Callable[..., Any]
) -> None:
    chattigo.turn(receipts={"array": True}, webhooks={"batch": [50, 50], "lanes": 1, "linger_s": 0.05})
    await client.hsm(batch(20))
    await chattigo.settled()
    arrays = [body for body in isv.bodies if isinstance(body, list)]
    assert arrays
    assert sum(len(body) if isinstance(body, list) else 1 for body in isv.bodies) == 60


async def test_lost_receipts_are_on_record_and_never_sent(client: Any, chattigo: Chattigo, isv: Any) -> None:
    chattigo.turn(receipts={"lost": 1.0})
    await client.text()
    await chattigo.settled()
    assert [one.lost for one in chattigo.ledger.of(ledger.Receipt)] == [True] * 3
    assert not isv.bodies


async def test_a_receipt_may_overtake_the_answer(client: Any, chattigo: Chattigo) -> None:
    await client.login("isv")
    chattigo.turn(receipts={"before_answer": 1.0})
    assert (await client.text())[0] == 200
    assert [one.state for one in chattigo.ledger.of(ledger.Receipt)] == ["sent", "delivered", "read"]


async def test_receipts_go_to_their_own_address_if_there_is_one(
    client: Any, chattigo: Chattigo, isv: Any, dids: Any
) -> None:
    address = {"did": dids[0], "kind": "notifications", "url": isv.url + "?second"}
    assert (await client.control("POST", "webhooks", address))[0] == 200
    assert chattigo.world.url(dids[0], "notifications") == isv.url + "?second"
    assert chattigo.world.url(dids[0], "inbound") == isv.url


async def test_what_the_isv_sent_along_is_dropped_or_echoed(client: Any, chattigo: Chattigo, isv: Any) -> None:
    body = {
        "messaging_product": "whatsapp", "to": PERSON, "type": "text", "text": {"body": "x"},
        "biz_opaque_callback_data": "plan-7",
    }  # fmt: skip
    await client.send(body)
    await chattigo.settled()
    assert "biz_opaque_callback_data" not in statuses(isv)[0]
    assert chattigo.ledger.of(ledger.Message)[0].opaque == "plan-7"
    chattigo.turn(opaque="echo")
    await client.send(body)
    await chattigo.settled()
    assert statuses(isv)[-1]["biz_opaque_callback_data"] == "plan-7"


def test_a_calm_send_is_sent_delivered_read() -> None:
    steps = plan("w", CALM, Dice(1))
    assert [step.state for step in steps] == ["sent", "delivered", "read"]
    assert [step.after_s for step in steps] == sorted(step.after_s for step in steps)


def test_the_fate_of_a_send_is_its_seeds() -> None:
    harsh = Receipts(failed=0.3, lost=0.3, duplicate=0.3, reorder=0.3, skip_delivered=0.3)
    fates = [plan(str(word), harsh, Dice(5)) for word in range(50)]
    assert fates == [plan(str(word), harsh, Dice(5)) for word in range(50)]
    assert fates != [plan(str(word), harsh, Dice(6)) for word in range(50)]


@pytest.mark.parametrize(
    ("change", "states"),
    [
        ({"read": 0.0}, ["sent", "delivered"]),
        ({"skip_delivered": 1.0}, ["sent", "read"]),
        ({"duplicate": 1.0}, ["sent", "sent", "delivered", "delivered", "read", "read"]),
    ],
)
def test_misfortunes(change: dict[str, float], states: list[str]) -> None:
    knobs = Receipts(**{"failed": 0, "lost": 0, "duplicate": 0, "reorder": 0, "skip_delivered": 0, "read": 1} | change)
    assert [step.state for step in plan("w", knobs, Dice(1))] == states


def test_reordered_receipts_swap_their_times() -> None:
    knobs = Receipts(failed=0, lost=0, duplicate=0, reorder=1, skip_delivered=0, read=1)
    steps = {step.state: step.after_s for step in plan("w", knobs, Dice(1))}
    assert steps["read"] < steps["delivered"]


def test_a_failure_carries_one_of_the_codes() -> None:
    knobs = Receipts(failed=1, failed_codes=(131026, 131049), lost=0, duplicate=0)
    codes = {plan(str(word), knobs, Dice(1))[-1].code for word in range(30)}
    assert codes == {131026, 131049}
