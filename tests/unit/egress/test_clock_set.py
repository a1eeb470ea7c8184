"""Where a worker's clock was wrong for a while, the next owner waits no longer than if it had been right."""

from __future__ import annotations

import pytest

from egress.lines.now import Now
from tests.builders.line_model import Model
from tests.builders.lines import WALL, message, plan, rules
from tests.unit.egress.test_partition_model import assert_nobody_twice, model

HOUR_MS = 3_600_000
POLICY = {"reply": {"resend_after_s": 60, "times": 1}}
KNOWN_S = 5 + 10 + 60  # a plan's deadline, its call, and the grace


def say(made: Model, name: str, fate: str) -> None:
    made.put("outbound.replies", message(name, "5691"))
    made.step(fate, 1)


def until(made: Model, calls: int, within_s: float) -> None:
    for _ in range(int(within_s)):
        if len(made.plans()) >= calls:
            return
        made.step("accept", 1)
    raise AssertionError(f"{len(made.plans())} calls after {within_s:g} s")


def test_a_plan_of_a_clock_that_was_ahead_is_a_doubt_when_its_call_must_have_ended() -> None:
    ours, now = rules(), Now(WALL, 1000.0)
    right = ours.doubt_at(plan(deadline_ms=WALL + 5000), now)
    assert ours.doubt_at(plan(deadline_ms=WALL + HOUR_MS), now) == right
    assert ours.doubt_at(plan(deadline_ms=WALL - HOUR_MS), now) < now.s, "that was long ago"


@pytest.mark.parametrize("fate", ["crash_before", "crash_after"])
def test_a_person_waits_for_no_clock_after_a_call_that_its_owner_did_not_survive(fate: str) -> None:
    made = model(policies=POLICY)
    made.shift_ms = HOUR_MS
    say(made, "r1", fate)
    made.shift_ms = 0
    made.crash()
    made.put("outbound.replies", message("r2", "5691"))
    until(made, 2, within_s=2 * KNOWN_S + 60)
    assert_nobody_twice(made)


def test_a_refusal_of_a_clock_that_was_ahead_is_tried_again_as_soon_as_any() -> None:
    made = model()
    made.shift_ms = HOUR_MS
    say(made, "r1", "unreachable")
    made.shift_ms = 0
    made.crash()
    until(made, 2, within_s=60)


def test_what_happened_is_never_later_than_now() -> None:
    now = Now(WALL, 1000.0)
    assert (now.since_s(WALL + HOUR_MS), now.since_s(WALL - 5000)) == (1000.0, 995.0)
