"""What a partition must remember beyond its books: inputs that will be read again, decisions made twice, ends said."""

from __future__ import annotations

import msgspec
import pytest

from egress.lines import partition as partitions
from egress.lines.memory import book as books
from egress.lines.memory.index import HORIZON_MS
from egress.lines.queues.admission import PARKED
from runtime.kafka.record import Record
from schemas.campaign import Progress
from schemas.line_command import ControlCampaign, DecideDoubt
from schemas.record import decode
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo, tenant
from tests.unit.egress.test_partition_model import assert_nobody_twice, model, with_campaign

HORIZON_S = HORIZON_MS / 1000
# Near enough to wait in memory with its offset open.
SOON = WALL + 50_000


def accepted_times(made: Model) -> dict[str, int]:
    ids = [message_id for _, message_id in made.accepted]
    return {one: ids.count(one) for one in ids}


def crash_and_turn(made: Model) -> None:
    """The new owner's cycle turns before its inputs come."""
    made.crash()
    work, _ = made.partition.cycle(made.now, 10)
    assert work.grants == []


def test_a_message_that_waits_for_days_does_not_make_its_successors_go_twice() -> None:
    made = model()
    made.put("outbound.templates", promo("late", "5691", not_before_ms=WALL + 4 * HORIZON_MS), promo("t1", "5692"))
    for _ in range(3):
        made.step("accept", 3)
    assert made.accepted == [("5692", "t1")]
    assert (made.offsets["outbound.templates"], made.offsets[PARKED]) == (2, 0), "the first one waits in Kafka"
    made.step("accept", HORIZON_S + 60)
    crash_and_turn(made)
    for _ in range(3):
        made.step("accept", 3)
    assert made.accepted == [("5692", "t1")]
    made.step("accept", 3 * HORIZON_S)
    made.settle(10)
    assert made.accepted == [("5692", "t1"), ("5691", "late")]
    assert made.offsets[PARKED] == 1


def test_many_sends_beside_a_waiting_one_are_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "MESSAGES_MAX", 5)
    made = model()
    made.put("outbound.templates", promo("late", "5691", not_before_ms=SOON))
    made.put("outbound.templates", *(promo(f"t{n:02}", f"5692{n}") for n in range(20)))
    for _ in range(5):
        made.step("accept", 3)
    crash_and_turn(made)
    for _ in range(5):
        made.step("accept", 3)
    assert set(accepted_times(made).values()) == {1}
    made.step("accept", HORIZON_S + 60)
    made.settle(20)
    assert made.offsets["outbound.templates"] == 21
    assert len(list(made.partition.lines[DID].book.entries())) <= 5, "and forgotten once nothing reads them again"


def doubt(made: Model) -> str:
    for _ in range(2):
        made.step("time_out", 3)
    return made.plans()[-1].plan_id


def order(number: int, plan_id: str) -> DecideDoubt:
    return DecideDoubt(id=str(number), did=DID, at_ms=WALL, by="ana", plan_id=plan_id, action="resend")


def test_an_order_to_resend_that_comes_twice_resends_once() -> None:
    made = model()
    made.put("outbound.templates", promo("t1", "5691"))
    plan_id = doubt(made)
    made.put("lines.commands", order(1, plan_id), order(2, plan_id))
    made.settle(10)
    assert made.accepted == [("5691", "t1")]
    assert_nobody_twice(made)


def test_an_order_that_comes_twice_resends_once_also_when_the_resend_is_in_doubt_again() -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    made.step("time_out_taken")
    [plan] = made.plans()
    made.put("lines.commands", order(1, plan.plan_id), order(2, plan.plan_id))
    for _ in range(10):
        made.step("time_out_taken", 61)
    assert len(made.accepted) == 2
    assert_nobody_twice(made)


def test_a_plan_that_another_owner_made_is_in_doubt_only_when_its_call_must_be_over() -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    made.step("crash_after")
    limits = made.rules.settings
    over_s = limits.plan_deadline_s + limits.post_timeout_reply_s + limits.doubt_grace_s
    made.step("accept", over_s - 0.1)
    assert made.outcomes() == []
    made.step("accept", 0.2)
    assert [outcome.code for outcome in made.outcomes()] == ["no_outcome"]


def test_a_person_and_a_policy_resend_once() -> None:
    made = model(policies={"marketing": {"resend_after_s": 60, "times": 1}})
    made.put("outbound.templates", promo("t1", "5691"))
    plan_id = doubt(made)
    made.put("lines.commands", order(1, plan_id))
    made.step("accept", 3)
    made.settle(60)
    assert made.accepted == [("5691", "t1")]


def test_what_was_said_to_be_refused_is_not_sent_after_a_crash() -> None:
    made = model(batch_max=1)
    made.put("outbound.templates", promo("t1", "5691"))
    for _ in range(2):
        made.step("throttle", 3)
    assert made.plans()
    only = made.rules.tenants.only  # type: ignore[attr-defined]
    made.rules.tenants.only = tenant(templates=[])  # type: ignore[attr-defined]
    made.settle(10)
    assert made.states() == {"t1": "refused"}
    made.rules.tenants.only = only  # type: ignore[attr-defined]
    made.crash()
    made.settle(10)
    assert made.accepted == []


def test_a_cancelled_campaigns_failed_call_is_not_tried_again() -> None:
    made = model(batch_max=5)
    with_campaign(made, (5,))
    while not made.plans():
        made.step("throttle")
    cancel = ControlCampaign(id="1", did=DID, at_ms=WALL, by="ana", campaign="c", action="cancel")
    made.put("lines.commands", cancel)
    made.settle(20)
    assert made.accepted == []
    assert set(made.states().values()) == {"refused"}
    assert decode(made.topics["campaigns"][-1].value, Progress).state == "cancelled"


def receipt_body(root: str, contact: str) -> dict[str, str]:
    return {"id": root, "did": DID, "msisdn": contact, "type": "SENT", "channel": "WHATSAPP"}


def test_a_receipt_of_a_call_that_was_told_not_now_stops_its_next_attempt() -> None:
    made = model()
    made.put("outbound.templates", promo("t1", "5691"))
    for _ in range(2):
        made.step("throttle", 3)
    [plan] = made.plans()
    made.put("inbound.receipts", receipt_body(plan.root_id, "5691"))
    made.settle(20)
    assert made.accepted == []
    assert made.states() == {"t1": "sent"}
    assert made.outcomes()[-1].result == "settled"


def cloud_body(wamid: str, contact: str, state: str) -> dict[str, object]:
    status = {"id": wamid, "status": state, "timestamp": str(WALL // 1000 + 100), "recipient_id": contact}
    value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": DID}, "statuses": [status]}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }


def test_a_wamid_that_was_bound_means_the_same_send_after_a_crash() -> None:
    made = model()
    for name in ("t1", "t2"):
        made.put("outbound.templates", promo(name, "5691"))
        for _ in range(2):
            made.step("accept", 3)
    for wamid in ("wamid.1", "wamid.2"):
        made.put("inbound.receipts", cloud_body(wamid, "5691", "sent"))
        for _ in range(4):
            made.step("accept", 2)
    assert made.states() == {"t1": "sent", "t2": "sent"}
    made.crash()
    made.put("inbound.receipts", cloud_body("wamid.2", "5691", "read"))
    made.settle(10)
    assert made.states() == {"t1": "sent", "t2": "read"}


def test_a_campaign_that_exists_is_not_changed_by_another_of_its_name() -> None:
    made = model(batch_max=5)
    with_campaign(made, (5,) * 7)
    while len(made.plans()) < 1:
        made.step("accept", 1)
    records = made.topics["campaigns"][:2]
    definition, contents = (Record(r.topic, r.value.replace(b'"promo"', b'"order"'), r.key) for r in records)
    made.topics["campaigns"] += [definition, contents]
    made.settle(20)
    assert {plan.template for plan in made.plans()} == {"promo"}
    assert len(made.accepted) == 35


def test_a_contact_that_could_be_no_key_is_refused_instead_of_ending_every_owner() -> None:
    made = model()
    made.put("outbound.replies", message("r1", "56|91"), message("r2"))
    for _ in range(30):
        made.step("throttle", 70)
    assert made.states() == {"r1": "refused", "r2": "dead"}


def test_an_order_to_resend_holds_over_a_crash_before_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    made.put("outbound.templates", promo("t1", "5691"))
    made.put("lines.commands", order(1, doubt(made)))
    with monkeypatch.context() as slow:
        slow.setattr(made, "_fetch", lambda: None)
        made.step("accept", 1)
    assert made.offsets["lines.commands"] == 1
    assert len(made.plans()) == 1
    made.crash()
    made.settle(10)
    assert made.accepted == [("5691", "t1")]
    assert [plan.resend_why for plan in made.plans()] == ["", "person"]


def test_a_resend_that_the_gate_refused_is_not_made_after_a_crash_but_on_a_new_order() -> None:
    made = model(policies={"marketing": {"resend_after_s": 60, "times": 1}})
    made.put("outbound.templates", promo("t1", "5691"))
    plan_id = doubt(made)
    only = made.rules.tenants.only  # type: ignore[attr-defined]
    made.rules.tenants.only = tenant(templates=[])  # type: ignore[attr-defined]
    made.settle(20)
    made.rules.tenants.only = only  # type: ignore[attr-defined]
    made.crash()
    made.settle(20)
    assert made.accepted == []
    assert made.states() == {"t1": "in_doubt"}
    made.put("lines.commands", order(1, plan_id))
    made.settle(20)
    assert made.accepted == [("5691", "t1")]
    assert_nobody_twice(made)


def test_only_so_much_is_read_behind_a_message_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "BEHIND_MAX", 10)
    made = model()
    made.put("outbound.templates", promo("late", "5691", not_before_ms=SOON))
    made.put("outbound.templates", *(promo(f"t{n}", f"5692{n}") for n in range(8)))
    made.step("accept", 3)
    made.step("accept", 3)
    assert (len(made.accepted), made.offsets["outbound.templates"]) == (8, 0)
    made.put("outbound.templates", promo("t8", "56928"))
    made.step("accept")
    assert made.states()["late"] == "parked"
    assert made.offsets["outbound.templates"] == 9, "all but the one that was read last"
    made.settle(20)
    assert accepted_times(made) == dict.fromkeys(["late", *(f"t{n}" for n in range(9))], 1)


def test_what_was_refused_beside_a_message_that_waits_stays_refused_after_a_crash() -> None:
    made = model()
    only = made.rules.tenants.only  # type: ignore[attr-defined]
    made.rules.tenants.only = tenant(templates=[])  # type: ignore[attr-defined]
    made.put("outbound.templates", promo("late", "5691", not_before_ms=SOON), promo("t1", "5692"))
    made.step("accept", 3)
    assert made.states() == {}, "it is gathered with others first"
    made.step("accept", 3)
    said = len(made.topics["outcomes"])
    made.rules.tenants.only = only  # type: ignore[attr-defined]
    made.crash()
    for _ in range(3):
        made.step("accept", 3)
    assert made.accepted == []
    assert made.states() == {"t1": "refused"}
    assert len(made.topics["outcomes"]) == said, "nor is it said twice"


def test_a_refusal_whose_offset_goes_with_it_needs_no_record_in_the_journal() -> None:
    made = model()
    made.put("outbound.replies", message("r1", window_expires_ms=1))
    made.step("accept")
    assert made.states() == {"r1": "refused"}
    assert made.offsets["outbound.replies"] == 1
    assert "egress.journal" not in made.topics


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "a|b"}, {"did": "5|6"}, {"did": ""}])
def test_a_message_whose_names_could_be_no_key_is_refused_however_often_it_comes(fields: dict[str, str]) -> None:
    made = model()
    made.put("outbound.templates", promo("late", "5691", not_before_ms=SOON))
    named = message(fields.get("name", "m"), "5692")
    made.put("outbound.templates", msgspec.structs.replace(named, did=fields.get("did", DID)))
    for _ in range(2):
        made.step("accept", 3)
    crash_and_turn(made)
    made.step("accept", 3)
    assert made.accepted == []
    assert set(made.states().values()) == {"refused"}
