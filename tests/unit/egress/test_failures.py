"""What a receipt says was not delivered is sent again if that may help: on record, within its attempts, over a crash,
and never because of a receipt that may be another send's."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.chattigo.result import CallResult
from egress.lines.receipts.failures import PASSING, Failures, Order, next_attempt, pause_s
from runtime.settings import EgressSettings
from schemas.journal import Plan
from schemas.outcome import Outcome
from schemas.record import decode
from schemas.session import Template
from tests.builders import line_model
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, plan, promo, rules, tenant
from tests.unit.egress.test_partition_model import model, with_campaign

SETTINGS = EgressSettings()


def notice(root: str, contact: str, kind: str, code: str = "", **fields: object) -> dict[str, object]:
    errors = {"errors": [{"code": code, "title": "why"}]} if code else {}
    return {"id": root, "did": DID, "msisdn": contact, "type": kind, "channel": "WHATSAPP", **errors, **fields}


def said(made: Model, message_id: str) -> list[tuple[str, str]]:
    outcomes = (decode(record.value, Outcome) for record in made.topics["outcomes"])
    return [(outcome.state, outcome.code) for outcome in outcomes if message_id in outcome.message_ids]


def sent(made: Model, *messages: object) -> Plan:
    """Templates that were accepted as one batch."""
    made.put("outbound.templates", *messages)
    before = len(made.plans())
    while len(made.plans()) == before:
        made.step("accept", 3)
    return made.plans()[-1]


def run(made: Model, steps: int = 12) -> None:
    for _ in range(steps):
        made.step("accept", 5)


@pytest.mark.parametrize("code", sorted(PASSING))
def test_the_one_of_a_batch_that_failed_is_sent_again_alone_and_on_record(code: str) -> None:
    made = model()
    first = sent(made, promo("t1", "5691"), promo("t2", "5692"))
    made.put("inbound.receipts", notice(first.root_id, "5692", "INVALID", code))
    run(made)
    second = made.plans()[-1]
    assert [m.id for m in second.messages] == ["t2"]
    assert (second.attempt, second.resend_of, second.resend_why) == (2, first.plan_id, f"failed_{code}")
    assert said(made, "t2") == [("accepted", ""), ("accepted", "")], "failed is not said while there is an attempt left"
    made.put("inbound.receipts", notice(second.root_id, "5692", "DELIVERY"))
    run(made)
    assert made.states() == {"t1": "accepted", "t2": "delivered"}


@pytest.mark.parametrize("code", ["131026", "131047", "470", "", "1"])
def test_what_no_repetition_helps_is_failed_at_once(code: str) -> None:
    made = model()
    first = sent(made, promo("t1", "5691"))
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", code))
    run(made)
    assert len(made.plans()) == 1
    assert said(made, "t1")[-1] == ("failed", code)


def test_attempts_end_and_then_it_is_failed() -> None:
    made = model()
    last = sent(made, promo("t1", "5691"))
    for _ in range(10):
        made.put("inbound.receipts", notice(last.root_id, "5691", "INVALID", "130429"))
        run(made, 8)
        last = made.plans()[-1]
    assert [p.attempt for p in made.plans()] == [1, 2, 3, 4, 5]
    assert [state for state, _ in said(made, "t1")] == ["accepted"] * 5 + ["failed"]


def test_a_recipient_of_a_campaign_is_read_again_from_its_chunk() -> None:
    made = model(batch_max=5)
    numbers = with_campaign(made, (5,))
    while not made.plans():
        made.step("accept", 1)
    [first] = made.plans()
    made.put("inbound.receipts", notice(first.root_id, numbers[3], "INVALID", "131000"))
    run(made)
    assert [m.contact for m in made.plans()[-1].messages] == [numbers[3]]
    assert made.plans()[-1].campaign == "c"


def test_failures_of_one_call_go_again_together_though_they_are_told_one_by_one() -> None:
    made = model()
    first = sent(made, *(promo(f"t{n}", f"569{n}") for n in range(6)))
    for n in range(4):
        made.put("inbound.receipts", notice(first.root_id, f"569{n}", "INVALID", "130429"))
        made.step("accept", 0.3)
    run(made)
    assert [len(p.messages) for p in made.plans()] == [6, 4]


def test_a_delivery_that_is_told_late_takes_the_next_attempt_back() -> None:
    made = model()
    first = sent(made, promo("t1", "5691"))
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "131056"))
    made.step("accept", 1)
    made.put("inbound.receipts", notice(first.root_id, "5691", "DELIVERY"))
    made.step("crash_uncommitted", 0)
    made.step("accept", 0)
    made.crash()
    run(made)
    assert len(made.plans()) == 1
    assert made.states() == {"t1": "delivered"}


def test_an_order_holds_over_a_crash_and_is_carried_out_once() -> None:
    made = model()
    first = sent(made, promo("t1", "5691"))
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "131056"))
    made.step("accept", 1)
    assert made.offsets["inbound.receipts"] == 1
    assert len(made.plans()) == 1
    made.crash()
    run(made)
    assert [p.resend_why for p in made.plans()] == ["", "failed_131056"]
    made.crash()
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "131056"))
    run(made)
    assert len(made.plans()) == 2, "the same failure told again is not another"
    assert made.states() == {"t1": "accepted"}


def test_a_text_that_came_too_late_for_its_window_goes_as_its_fallback_template() -> None:
    made = model()
    fallback = Template(name="promo", language="es", body=["x"])
    made.put("outbound.replies", message("r1", fallback=fallback), message("r2", "5692"))
    made.step("accept")
    for contact in ("5691", "5692"):
        made.put("inbound.receipts", notice("", contact, "INVALID", "131047"))
    run(made)
    assert [(p.messages[0].id, p.template, p.resend_why) for p in made.plans()] == [
        ("r1", "", ""),
        ("r2", "", ""),
        ("r1", "promo", "failed_131047"),
    ]
    assert said(made, "r2")[-1] == ("failed", "131047")


def test_a_fallback_that_could_not_be_sent_is_tried_again_as_the_fallback_also_by_a_new_owner() -> None:
    made = model()
    made.put("outbound.replies", message("r1", fallback=Template(name="promo", language="es", body=["x"])))
    made.step("accept")
    made.put("inbound.receipts", notice("", "5691", "INVALID", "470"))
    while len(made.plans()) < 2:
        made.step("throttle", 3)
    made.crash()
    run(made)
    assert [(p.template, p.failed, p.resend_of != "") for p in made.plans()] == [
        ("", "", False),
        ("promo", "470", True),
        ("promo", "470", False),
    ]


@pytest.mark.parametrize("fate", ["refuse", "gate", "throttle", "gone"])
def test_a_next_attempt_that_comes_to_nothing_ends_as_failed_for_every_reader(
    fate: str,
) -> None:
    made = model()
    first = sent(made, promo("t1", "5691"))
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "130429"))
    if fate == "gate":
        made.rules.tenants.only = tenant(templates=[])  # type: ignore[attr-defined]
    if fate == "gone":
        made.lost.add(("outbound.templates", 0))
    for _ in range(40):
        made.step("accept" if fate in ("gate", "gone") else fate, 20)
    assert made.states() == {"t1": "failed"}
    assert said(made, "t1")[-1] == ("failed", "130429")
    ended = len(made.topics["outcomes"]), len(made.plans())
    made.rules.tenants.only = tenant()  # type: ignore[attr-defined]
    made.lost.clear()
    made.crash()
    run(made)
    assert (len(made.topics["outcomes"]), len(made.plans())) == ended, "nor does a new owner try"


def test_a_receipt_by_the_messages_own_id_resends_it_once_for_it_may_be_of_the_attempt_before() -> None:
    made = model()
    sent(made, promo("t1", "5691"))
    failed = notice("t1", "5691", "INVALID", "130429", timestamp=str(WALL // 1000 + 3))
    made.put("inbound.receipts", failed)
    run(made)
    assert len(made.plans()) == 2
    made.put("inbound.receipts", failed)
    run(made)
    assert len(made.plans()) == 2
    assert made.states() == {"t1": "accepted"}, "it is older than the second attempt"
    made.put("inbound.receipts", notice("t1", "5691", "INVALID", "130429"))
    run(made)
    assert len(made.plans()) == 2, "without a time it may be of either, and is not worth a third"
    assert made.states() == {"t1": "failed"}


def cloud(wamid: str, contact: str, state: str) -> dict[str, object]:
    status = {"id": wamid, "status": state, "timestamp": str(WALL // 1000 + 100), "recipient_id": contact}
    status |= {"errors": [{"code": 130429, "title": "x"}]} if state == "failed" else {}
    value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": DID}, "statuses": [status]}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }


@pytest.mark.parametrize(("sends", "plans"), [(1, 2), (2, 2)])
def test_an_unknown_wamid_resends_only_where_no_other_send_could_be_meant(sends: int, plans: int) -> None:
    made = model()
    for n in range(sends):
        sent(made, promo(f"t{n}", "5691"))
    made.put("inbound.receipts", cloud("wamid.x", "5691", "failed"))
    run(made, 6)
    assert len(made.plans()) == plans
    assert made.states() == ({"t0": "accepted"} if sends == 1 else {"t0": "failed", "t1": "accepted"})


def test_a_wamid_of_the_calls_own_answer_is_certain_whoever_else_was_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = (CallResult(kind="accepted", status=200, provider_ids=[f"wamid.{n}"]) for n in range(9))
    made = model()
    for name in ("r1", "r2"):
        monkeypatch.setitem(line_model.ANSWERS, "accept", next(answers))
        made.put("outbound.replies", message(name))
        made.step("accept", 7)
    monkeypatch.setitem(line_model.ANSWERS, "accept", next(answers))
    made.put("inbound.receipts", cloud("wamid.0", "5691", "failed"))
    run(made)
    assert [p.messages[0].id for p in made.plans()] == ["r1", "r2", "r1"]


def test_replies_that_failed_are_said_again_in_their_order_and_before_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = model()
    for n in range(3):
        answer = CallResult(kind="accepted", status=200, provider_ids=[f"wamid.{n}"])
        monkeypatch.setitem(line_model.ANSWERS, "accept", answer)
        made.put("outbound.replies", message(f"r{n}"))
        made.step("accept", 1)
    monkeypatch.setitem(line_model.ANSWERS, "accept", CallResult(kind="accepted", status=200))
    for n in range(3):
        made.put("inbound.receipts", cloud(f"wamid.{n}", "5691", "failed"))
    made.step("accept", 0)
    made.put("outbound.replies", message("r3", not_before_ms=WALL + 30_000))
    made.step("accept", 0)
    for _ in range(10):
        made.step("accept", 2)
    assert len(made.plans()) == 6, "they do not wait for the time of what they come before"
    run(made)
    assert [p.messages[0].id for p in made.plans()] == ["r0", "r1", "r2", "r0", "r1", "r2", "r3"]


CODES = ["", "", "130429", "131016", "131056", "131026"]
STEPS = ["accept", "accept", "throttle", "refuse", "crash_uncommitted", "crash_after"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.floats(0, 30)), max_size=25),
    st.lists(st.tuples(st.sampled_from(CODES), st.integers(1, 3), st.booleans()), min_size=1, max_size=30),
)
def test_nobody_is_sent_to_again_unless_the_attempt_before_failed(
    script: list[tuple[str, float]], fates: list[tuple[str, int, bool]]
) -> None:
    """Every accepted message meets its fate: delivered, or failed; told up to three times, in any order."""
    made = Model(rules(tenant(batch_max=4), line_parallel=4, bisect_calls=0))
    made.put("outbound.templates", *(promo(f"t{n}", f"5695{n}") for n in range(6)))
    truth: dict[tuple[str, str], str] = {}
    told, left = 0, list(fates)
    for fate, seconds in [*script, *[("accept", 20.0)] * 60]:
        made.step(fate, seconds)
        fresh, told = made.taken[told:], len(made.taken)
        for called in fresh:
            for one in called.messages:
                code, times, late = left.pop(0) if left else ("", 1, False)
                truth[called.plan_id, one.id] = code
                kind = "INVALID" if code else "DELIVERY"
                notices = [notice(called.root_id, one.contact, kind, code)] * times
                notices += [notice(called.root_id, one.contact, "SENT")] * late
                made.put("inbound.receipts", *notices)
    accepted = [(called.attempt, called.plan_id, m.id) for called in made.taken for m in called.messages]
    for message_id in {m for _, _, m in accepted}:
        attempts = [plan_id for _, plan_id, m in sorted(accepted) if m == message_id]
        assert all(truth[before, message_id] in PASSING for before, _ in pairwise(attempts))
        assert len(attempts) <= made.rules.settings.attempts_max
        last = truth[attempts[-1], message_id]
        assert made.states()[message_id] == ("failed" if last else "delivered")
    resends = Counter(m.id for p in made.plans() if p.resend_of for m in p.messages)
    assert {m: n for m, n in Counter(m for _, _, m in accepted).items() if n > 1 + resends[m]} == {}


@given(st.sampled_from(sorted(PASSING | {"131047", "131026"})), st.integers(1, 40), st.booleans())
def test_the_table_of_failures(code: str, attempt: int, fallback: bool) -> None:
    made = plan(attempt=attempt, fallback=fallback)
    again = next_attempt(made, code, SETTINGS)
    passes = code in PASSING and attempt < SETTINGS.attempts_max
    assert again == (f"failed_{code}" if passes or (code == "131047" and fallback) else "")
    assert 0 <= pause_s(made, code, SETTINGS) <= SETTINGS.backoff_max_s


def test_a_pairs_limit_wants_longer_pauses() -> None:
    assert [pause_s(plan(attempt=n), "131056", SETTINGS) for n in (1, 2, 3, 9)] == [4, 16, 60, 60]
    assert [pause_s(plan(attempt=n), "130429", SETTINGS) for n in (1, 2, 3)] == [1, 2, 4]


def test_orders_of_a_plan_that_is_being_read_wait_and_one_that_was_taken_back_is_not_due() -> None:
    failures, made = Failures(), plan("p", ("5691", "5692"))
    one, two = made.messages
    failures.add(Order(made, one, "failed_1", 5.0))
    failures.add(Order(made, two, "failed_1", 5.0))
    assert failures.next_at() == 5.0
    assert list(failures.due(4.9, set())) == list(failures.due(5.0, {"p"})) == []
    assert failures.close("p", one.id)
    assert [[o.message for o in group] for group in failures.due(5.0, set())] == [[two]]
    assert list(failures.due(9.0, set())) == []
    assert failures.stands("p", two.id)
    assert not failures.stands("p", one.id)
    assert not failures.close("p", one.id)
