"""A message that was given up and is put back goes again, once a run, and only if nothing of it can have arrived."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.results import replays
from runtime.kafka.record import Record
from schemas.dead_letter import Cause
from schemas.outcome import Outcome
from schemas.record import decode, encode
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo, reply_item, rules, tenant
from tests.unit.egress.test_partition_model import FATES, PEOPLE, assert_nobody_twice, with_campaign
from tests.unit.egress.test_partition_replays import receipt_body

RUN = "dlq-1"


def model(checkpoint_records: int = 20_000, **fields: Any) -> Model:
    """Two attempts and a message is given up."""
    limits = {"attempts_max": 2, "circuit_failures": 0, "checkpoint_records": checkpoint_records, "park_after_s": 3600}
    return Model(rules(tenant(**fields), **limits))


def letters(made: Model) -> list[Record]:
    return [*made.topics.get("outbound.replies.dlq", []), *made.topics.get("outbound.templates.dlq", [])]


def put_back(made: Model, letter: Record, run: str = RUN) -> None:
    """As `relevo dlq requeue` does it."""
    kept = [(name, value) for name, value in letter.headers if not name.startswith("dlq_") and name != "replay"]
    topic = letter.topic.removesuffix(".dlq")
    made.topics.setdefault(topic, []).append(letter._replace(topic=topic, headers=[*kept, ("replay", run.encode())]))


def given_up(made: Model, *messages: Any, topic: str = "outbound.replies") -> list[Record]:
    """The letters of messages that nobody would take."""
    before = len(letters(made))
    made.put(topic, *messages)
    for _ in range(6):
        made.step("throttle", 2.5)
    found = letters(made)[before:]
    assert len(found) == len(messages)
    return found


def turns(made: Model, *fates: str, seconds: float = 2.5) -> None:
    for fate in fates:
        made.step(fate, seconds)


def test_what_was_given_up_goes_again_as_the_next_attempt_on_record() -> None:
    made = model()
    [letter] = given_up(made, message("r1"))
    assert made.states() == {"r1": "dead"}
    put_back(made, letter)
    turns(made, "accept")
    assert made.accepted == [("5691", "r1")]
    assert made.states() == {"r1": "accepted"}
    first, second, third = made.plans()
    assert [plan.attempt for plan in (first, second, third)] == [1, 2, 3]
    assert (third.retry_of, third.replay, third.first_attempt, third.resend_of) == (second.plan_id, RUN, 3, "")
    assert len({plan.plan_id for plan in made.plans()}) == 3


def test_the_letter_keeps_what_became_of_each_attempt() -> None:
    made = model()
    [letter] = given_up(made, message("r1"))
    told = Cause.from_headers(letter.headers).attempts
    assert [(one.plan, one.at_ms) for one in told] == [(plan.plan_id, plan.at_ms) for plan in made.plans()]
    assert [(one.result, one.status) for one in told] == [("throttled", 429)] * 2
    put_back(made, letter)
    turns(made, *["throttle"] * 6)
    told = Cause.from_headers(letters(made)[1].headers).attempts
    assert [one.run for one in told] == ["", "", RUN, RUN]


def test_each_run_has_its_own_attempts_and_sends_once() -> None:
    made = model()
    [letter] = given_up(made, message("r1"))
    put_back(made, letter)
    turns(made, *["throttle"] * 6)
    assert len(made.plans()) == 4
    assert len(letters(made)) == 2
    put_back(made, letter)
    turns(made, *["accept"] * 3)
    assert made.accepted == [], "the same run, again"
    put_back(made, letters(made)[1], "dlq-2")
    put_back(made, letter, "dlq-3")
    turns(made, *["accept"] * 3)
    assert made.accepted == [("5691", "r1")]


def test_a_resend_that_is_given_up_says_that_an_earlier_attempt_may_have_arrived() -> None:
    made = Model(
        rules(tenant(policies={"reply": {"resend_after_s": 60, "times": 1}}), attempts_max=3, circuit_failures=0)
    )
    made.put("outbound.replies", message("r1"))
    made.step("time_out_taken")
    for _ in range(20):
        made.step("throttle", 61)
    [letter] = letters(made)
    cause = Cause.from_headers(letter.headers)
    assert "may have arrived" in cause.error
    assert cause.attempts[0].result == "in_doubt"
    put_back(made, letter)
    turns(made, *["accept"] * 5)
    assert [message_id for _, message_id in made.accepted] == ["r1"]


def held(made: Model) -> None:
    """A template that waits in memory: what is read behind it on its topic is read again after a crash."""
    made.put("outbound.templates", promo("late", "5699", not_before_ms=WALL + 59_000))


@pytest.mark.parametrize("moment", ["crash_uncommitted", "crash_before", "crash_after"])
def test_a_crash_in_a_run_repeats_nothing(moment: str) -> None:
    made = model()
    held(made)
    [letter] = given_up(made, promo("t1", "5691"), topic="outbound.templates")
    put_back(made, letter)
    turns(made, "accept", seconds=0)
    turns(made, moment)
    assert made.offsets["outbound.templates"] == 0
    turns(made, *["accept"] * 20)
    made.accepted = [told for told in made.accepted if told[0] != "5699"]
    assert len(made.accepted) <= 1
    if moment == "crash_uncommitted":
        assert made.accepted == [("5691", "t1")]
    else:
        assert made.states()["t1"] == "in_doubt"


def test_runs_that_are_read_again_after_a_crash_are_each_remembered() -> None:
    made = model()
    held(made)
    [letter] = given_up(made, promo("t1", "5691"), topic="outbound.templates")
    for run in ("dlq-1", "dlq-2"):
        put_back(made, letter, run)
        turns(made, *["throttle"] * 8)
    assert len(letters(made)) == 3
    plans = len(made.plans())
    made.crash()
    turns(made, *["accept"] * 6, seconds=0.5)
    assert made.offsets["outbound.templates"] == 0
    assert len(made.plans()) == plans
    assert made.accepted == []


def test_a_run_that_the_gate_refused_stays_refused_after_a_crash_and_another_run_may_try() -> None:
    made = model()
    held(made)
    [letter] = given_up(made, promo("t1", "5691"), topic="outbound.templates")
    only = made.rules.tenants.only  # type: ignore[attr-defined]
    made.rules.tenants.only = tenant(templates=[])  # type: ignore[attr-defined]
    put_back(made, letter)
    turns(made, *["accept"] * 3)
    assert made.states()["t1"] == "refused"
    made.rules.tenants.only = only  # type: ignore[attr-defined]
    made.crash()
    turns(made, *["accept"] * 3)
    assert made.accepted == []
    put_back(made, letter, "dlq-2")
    turns(made, *["accept"] * 3)
    assert made.accepted == [("5691", "t1")]


@pytest.mark.parametrize("fate", ["accept", "refuse", "time_out", "error_500"])
def test_what_was_not_given_up_is_a_duplicate_when_it_is_put_back(fate: str) -> None:
    made = model(policies={})
    made.put("outbound.replies", message("r1"))
    turns(made, fate)
    plans, letter = len(made.plans()), Record("outbound.replies.dlq", encode(message("r1")), b"k", [])
    reached = len(made.accepted)
    put_back(made, letter)
    if fate != "error_500":
        turns(made, *["accept"] * 3, seconds=0.1)
        assert len(made.plans()) == plans
        assert len(made.accepted) == reached
    made.settle(20)
    assert_nobody_twice(made)


@pytest.mark.parametrize("fate", ["accept", "refuse", "time_out", "throttle"])
def test_only_what_was_given_up_is_taken_up(fate: str) -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    turns(made, fate)
    item = reply_item("r1")
    item.replay = RUN
    assert not replays.take_up(made.partition.lines[DID].book, item)
    assert (item.attempt, item.retry_of) == (1, "")


def test_what_was_in_doubt_before_it_was_given_up_is_not_sent_again() -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    turns(made, "error_500_taken", *["throttle"] * 8)
    assert made.states()["r1"] == "dead"
    put_back(made, letters(made)[0])
    turns(made, *["accept"] * 5)
    assert made.accepted == [("5691", "r1")]


@pytest.mark.parametrize("crash", [True, False])
def test_a_receipt_after_it_was_given_up_makes_it_a_duplicate_also_after_a_crash(crash: bool) -> None:
    made = model()
    [letter] = given_up(made, promo("t1", "5691"), topic="outbound.templates")
    made.put("inbound.receipts", receipt_body(made.plans()[-1].root_id, "5691"))
    turns(made, "accept")
    assert made.states() == {"t1": "sent"}
    if crash:
        made.crash()
    put_back(made, letter)
    turns(made, *["accept"] * 5)
    assert made.accepted == []
    assert made.states() == {"t1": "sent"}


def test_a_receipt_while_it_waits_to_go_again_stops_it_and_holds_nobody_up() -> None:
    made = model()
    [letter] = given_up(made, promo("t1", "5691"), topic="outbound.templates")
    put_back(made, letter)
    turns(made, "accept", seconds=0.5)
    assert made.partition.lines[DID].waiting_bulk == 1
    made.put("inbound.receipts", receipt_body(made.plans()[-1].root_id, "5691"))
    turns(made, *["accept"] * 5)
    assert made.accepted == []
    assert made.offsets["outbound.templates"] == 2


def test_a_batch_that_was_given_up_goes_back_as_one() -> None:
    made = model()
    found = given_up(made, *(promo(f"t{n}", f"5691{n}") for n in range(5)), topic="outbound.templates")
    for letter in found:
        put_back(made, letter)
    turns(made, *["accept"] * 3)
    assert [len(plan.messages) for plan in made.plans()] == [5, 5, 5]
    assert len(made.accepted) == 5


def test_a_campaigns_recipient_goes_back_as_a_template_of_its_campaign() -> None:
    made = model(batch_max=5)
    with_campaign(made, (5,))
    for _ in range(8):
        made.step("throttle", 4)
    assert len(letters(made)) == 5
    put_back(made, letters(made)[2])
    made.settle(10)
    assert [contact for contact, _ in made.accepted] == ["56982"]
    told = [decode(r.value, Outcome) for r in made.topics["outcomes"]]
    assert [one.campaign for one in told if one.state == "accepted"] == ["c"]


def test_a_message_that_its_line_has_forgotten_goes_in_a_plan_of_its_own() -> None:
    made = model(checkpoint_records=10)
    [letter] = given_up(made, message("r1"))
    for _ in range(2):
        turns(made, "accept", seconds=49 * 3600)
        for n in range(30):
            made.put("outbound.replies", message(f"other-{made.seconds}-{n}", "5699"))
            turns(made, "accept", "accept")
    assert not made.partition.lines[DID].book.knows("r1")
    put_back(made, letter)
    turns(made, "crash_after", *["accept"] * 10)
    assert [told for told in made.accepted if told[0] == "5691"] == [("5691", "r1")]
    assert made.states()["r1"] == "in_doubt"
    plans = [plan.plan_id for plan in made.plans() if plan.messages[0].id == "r1"]
    assert len(set(plans)) == len(plans) == 3


def test_a_reply_put_back_comes_behind_what_was_said_since() -> None:
    made = model()
    [letter] = given_up(made, message("r1"))
    made.put("outbound.replies", message("r2"))
    put_back(made, letter)
    turns(made, *["accept"] * 3)
    assert made.accepted == [("5691", "r2"), ("5691", "r1")]


steps = st.tuples(st.sampled_from([*FATES, "throttle", "throttle", "unreachable"]), st.floats(0, 10))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(steps, st.integers(-1, 5), st.sampled_from(["dlq-1", "dlq-2", "dlq-3"])), max_size=40))
def test_whatever_is_put_back_and_whenever_it_dies_nobody_gets_it_twice(script: list[Any]) -> None:
    made = model(batch_max=3)
    made.put("outbound.replies", *(message(f"m{n}", PEOPLE[n % 3]) for n in range(6)))
    made.put("outbound.templates", *(promo(f"t{n}", f"5695{n}") for n in range(5)))
    runs: set[tuple[str, str]] = set()
    for (fate, seconds), which, run in script:
        made.step(fate, seconds)
        known = letters(made)
        if 0 <= which < len(known):
            put_back(made, known[which], run)
    made.settle()
    assert_nobody_twice(made)
    for plan in made.plans():
        if plan.replay and plan.attempt == plan.first_attempt:
            for one in plan.messages:
                assert (one.id, plan.replay) not in runs, "once a run"
                runs.add((one.id, plan.replay))
    assert set(made.states().values()) <= {"accepted", "in_doubt", "refused", "dead"}
    assert made.offsets["outbound.replies"] == len(made.topics["outbound.replies"])
    assert made.offsets["outbound.templates"] == len(made.topics["outbound.templates"])
