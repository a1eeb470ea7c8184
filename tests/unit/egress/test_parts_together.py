"""What one part of a line forgets, counts or retries must not make another send a message again."""

from __future__ import annotations

import pytest

from egress.lines.memory import index as indexes
from egress.lines.memory import segments
from egress.lines.memory.book import Book
from egress.lines.parking import lot as lots
from egress.lines.queues.admission import PARKED
from egress.lines.receipts.receipts import Letter, Waiting, WaitingRoom
from schemas.chattigo.inbound import Receipt
from schemas.journal import CallOutcome
from schemas.line_command import ControlLine
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, plan, promo, rules, tenant
from tests.unit.egress.test_checkpoints import busy, small
from tests.unit.egress.test_failures import notice, said
from tests.unit.egress.test_partition_model import assert_nobody_twice
from tests.unit.egress.test_replays import letters, put_back

POLICY = {"marketing": {"resend_after_s": 60, "times": 1}}


def times(made: Model, message_id: str) -> int:
    """How often it was accepted."""
    return [one for _, one in made.accepted].count(message_id)


def pause(made: Model, action: str) -> None:
    made.put("lines.commands", ControlLine(id=action, did=DID, at_ms=WALL, by="ana", action=action))  # type: ignore[arg-type]
    made.step()


def test_what_was_sent_from_its_parked_copy_is_known_to_a_new_owner_however_many_went_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(indexes, "KNOWN_MAX", 10)
    monkeypatch.setattr(segments, "SEGMENT_MAX", 10)
    made = small()
    made.put("outbound.templates", promo("far", "5690", not_before_ms=WALL + 40 * 3_600_000))
    pause(made, "pause")
    made.put("outbound.templates", promo("t", "5691"))
    made.step("accept", 1)
    pause(made, "resume")
    busy(made, 200)
    assert (times(made, "t"), made.offsets[PARKED]) == (1, 0), "a crash brings its copy back"
    made.crash()
    made.settle(30)
    assert times(made, "t") == 1


def test_an_attempt_does_not_leave_memory_before_the_one_that_it_follows() -> None:
    made = small()
    made.put("outbound.templates", promo("a", "5691"), promo("b", "5692"))
    for _ in range(2):
        made.step("throttle", 2)
    made.rules.tenants.only = tenant(batch_max=1)  # type: ignore[attr-defined]
    while len(made.plans()) < 3:
        made.step("time_out_taken", 2)
    first, second, _ = made.plans()
    assert [len(first.messages), len(second.messages)] == [2, 1]
    made.rules.tenants.only = tenant(batch_max=4)  # type: ignore[attr-defined]
    made.put("inbound.receipts", notice(second.root_id, second.messages[0].contact, "DELIVERY"))
    busy(made, 200)
    made.crash()
    made.settle(30)
    assert made.states() | {"b": "in_doubt", "a": "delivered"} == made.states()
    assert_nobody_twice(made)


@pytest.mark.parametrize("crash", [False, True])
def test_a_resend_that_was_told_not_now_ends_when_the_attempt_in_doubt_proves_to_have_arrived(crash: bool) -> None:
    made = Model(rules(tenant(policies=POLICY)))
    made.put("outbound.templates", promo("t", "5691"))
    for fate, seconds in (("accept", 0), ("time_out_taken", 3), ("throttle", 61)):
        made.step(fate, seconds)
    first, second = made.plans()
    assert second.resend_why == "policy_marketing"
    made.put("inbound.receipts", notice(first.root_id, "5691", "DELIVERY"))
    made.step("throttle")
    if crash:
        made.crash()
    made.settle(30)
    assert times(made, "t") == 1
    assert made.states() == {"t": "delivered"}
    made.crash()
    made.settle(30)
    assert (times(made, "t"), len(made.plans())) == (1, 2)


def test_one_that_failed_is_tried_again_though_its_first_attempt_was_accepted_also_after_a_crash() -> None:
    made = Model(rules(tenant()))
    made.put("outbound.templates", promo("t", "5691"))
    for _ in range(2):
        made.step("accept", 3)
    [first] = made.plans()
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "130429"))
    while len(made.plans()) < 2:
        made.step("throttle", 1)
    made.crash()
    made.settle(30)
    assert times(made, "t") == 2
    assert [p.resend_why for p in made.plans()] == ["", "failed_130429", ""]


def test_a_receipt_that_comes_before_the_answer_holds_over_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Model(rules(tenant(policies=POLICY)))
    made.put("outbound.templates", promo("t", "5691"))
    with monkeypatch.context() as hanging:
        hanging.setattr(made, "_call", lambda grant, fate: made.accepted.append(("5691", "t")))
        for _ in range(2):
            made.step("accept", 3)
    [first] = made.plans()
    made.put("inbound.receipts", notice(first.root_id, "5691", "DELIVERY"))
    made.step("accept", 1)
    assert said(made, "t")[-1] == ("delivered", "")
    made.crash()
    made.settle(60)
    assert times(made, "t") == 1
    assert made.outcomes()[-1].result == "settled"


def test_what_was_put_back_and_accepted_is_not_sent_by_another_run_however_many_went_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(indexes, "KNOWN_MAX", 10)
    limits = {"attempts_max": 2, "circuit_failures": 0, "checkpoint_records": 20, "sends_memory": 2}
    made = Model(rules(tenant(batch_max=4), **limits))
    made.put("outbound.replies", message("r"))
    for _ in range(6):
        made.step("throttle", 2.5)
    [letter] = letters(made)
    put_back(made, letter, "dlq-1")
    made.settle(5)
    assert times(made, "r") == 1
    busy(made, 200)
    made.crash()
    put_back(made, letter, "dlq-2")
    made.settle(30)
    assert times(made, "r") == 1


def test_a_receipt_is_not_bound_to_a_doubt_because_the_send_that_it_means_left_memory_meanwhile() -> None:
    book, room = Book(), WaitingRoom()
    meant = book.add(plan("meant"))
    book.placed("meant", 1)
    book.apply(CallOutcome(plan_id="meant", did=DID, result="accepted", at_ms=WALL))
    doubt = book.add(plan("doubt"))
    book.apply(CallOutcome(plan_id="doubt", did=DID, result="in_doubt", at_ms=WALL))
    receipt = Receipt(id="wamid.1", did=DID, contact="5691", state="sent", at_ms=WALL, format="cloud")
    room.add(Waiting(receipt, Letter(0, DID, "acme", b"k", b"", [], 1), 0.0))
    assert room.settle(book, 1.0) == []
    book.index.build([meant], frozenset(), WALL)
    book.indexed(meant)
    book.forget("meant")
    assert room.settle(book, 4.0) == []
    assert [ref.plan_id for ref in book.wanted()] == ["meant"]
    book.recall(meant.plan, CallOutcome(plan_id="meant", did=DID, result="accepted", at_ms=WALL), book.wanted()[0])
    [(_, place)] = room.settle(book, 5.5)
    assert place is not None
    assert (place.entry.plan.plan_id, doubt.ids) == ("meant", [""])


@pytest.mark.parametrize("crash", [False, True])
def test_a_doubt_whose_message_went_again_leaves_memory(crash: bool) -> None:
    made = small(policies=POLICY)
    made.put("outbound.templates", promo("t", "5691"))
    for fate, seconds in (("accept", 0), ("time_out", 3), ("accept", 61)):
        made.step(fate, seconds)
    first, second = made.plans()
    assert second.resend_of == first.plan_id
    if crash:
        made.crash()
    busy(made, 200)
    book = made.partition.lines[DID].book
    assert (book.plan(first.plan_id), book.plan(second.plan_id)) == (None, None)
    made.put("inbound.receipts", notice(first.root_id, "5691", "DELIVERY"))
    made.settle(10)
    assert made.states()["t"] == "delivered", "and comes back for a receipt"


@pytest.mark.parametrize("crash", [False, True])
def test_a_second_copy_that_waits_in_kafka_is_known_when_its_turn_comes(
    crash: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "KNOWN_MAX", 10)
    monkeypatch.setattr(segments, "SEGMENT_MAX", 10)
    monkeypatch.setattr(lots, "NOTE_EVERY", 5)
    made = small(line_memory=4)
    made.put("outbound.templates", promo("far", "5690", not_before_ms=WALL + 40 * 3_600_000))
    pause(made, "pause")
    for one in range(160):
        made.put("outbound.templates", promo("t", "5691") if one in (0, 159) else promo(f"f{one}", f"57{one}"))
    made.step()
    made.step()
    pause(made, "resume")
    while times(made, "f60") == 0:
        made.step("accept", 3)
    made.seconds += 1200
    while times(made, "f140") == 0:
        made.step("accept", 3)
    if crash:
        made.crash()
    made.settle(60)
    assert (times(made, "t"), times(made, "f158")) == (1, 1)
