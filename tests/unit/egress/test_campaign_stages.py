"""A campaign begins in its time, tries a canary, climbs, and pauses by itself when too much fails."""

from __future__ import annotations

from typing import Any

import pytest

from runtime import metrics
from schemas.campaign import Canary, Ramp, StopRule
from schemas.tenant import Line
from tests.builders.campaigns import first_calls, notices, order, progress, sizes_of, submit
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, promo, rules, tenant
from tests.unit.egress.test_counted import Count

RATE = 100.0


def model(**fields: Any) -> Model:
    """A line of 100 messages a second in calls of 10."""
    line = Line(did=DID, sends="isv", templates="hsm", rate=RATE, batch_max=10)
    return Model(rules(tenant(lines=[line], **fields), reserve_per_s=0, circuit_failures=0, bisect_calls=24))


def run(made: Model, seconds: float, step: float = 0.1) -> None:
    end = made.seconds + seconds
    while made.seconds < end - 1e-9:
        made.step("accept", step)


# -- when it begins


def test_a_campaign_is_scheduled_until_its_time_and_nobody_must_wake_it() -> None:
    made = model()
    submit(made, [20], start_ms=WALL + 60_000)
    run(made, 1)
    assert progress(made).state == "scheduled"
    assert made.partition.next_at(made.now) == pytest.approx(made.now.s + 59)
    run(made, 58.5)
    assert (progress(made).state, first_calls(made)) == ("scheduled", [])
    run(made, 2)
    assert progress(made).state == "finished"


def test_a_draft_waits_to_be_resumed_and_then_for_its_time() -> None:
    made = model()
    submit(made, [20], draft=True, start_ms=WALL + 5000)
    run(made, 10)
    made.crash()
    run(made, 1)
    assert (progress(made).state, first_calls(made)) == ("draft", [])
    order(made, "resume")
    run(made, 1)
    assert (progress(made).state, progress(made).why) == ("finished", "")
    submit(made, [20], "later", "5697", draft=True, start_ms=WALL + 60_000)
    order(made, "resume", "later")
    assert progress(made, "later").state == "scheduled"


def test_an_order_is_acknowledged_also_where_it_changes_nothing() -> None:
    made = model()
    submit(made, [20])
    run(made, 2)
    before = len(made.topics["campaigns"])
    for action in ("pause", "resume"):
        order(made, action)  # type: ignore[arg-type]
        assert progress(made).state == "finished"
    for action in ("cancel", "pause", "resume", "cancel"):
        order(made, action)  # type: ignore[arg-type]
        assert (progress(made).state, progress(made).planned) == ("cancelled", 20)
    assert len(made.topics["campaigns"]) == before + 6


def test_an_order_that_is_read_before_its_campaign_waits_for_it_but_not_for_ever() -> None:
    made = model()
    for action in ("pause", "cancel"):
        order(made, action, "late")  # type: ignore[arg-type]
    made.crash()
    order(made, "pause", "never")
    run(made, 5)
    submit(made, [20], "late")
    run(made, 1)
    assert (progress(made, "late").state, made.plans()) == ("cancelled", [])
    assert made.offsets["lines.commands"] == 2
    run(made, 31, 1)
    assert made.offsets["lines.commands"] == 3


# -- canary


def test_so_many_go_first_and_the_rest_when_enough_of_them_are_heard_of() -> None:
    made = model()
    people = submit(made, [40, 20], canary=Canary(count=25, settled=0.8))
    run(made, 30)
    assert (sizes_of(made), progress(made).stage) == ([10, 10, 5], "judging")
    notices(made, "DELIVERY", people[:10])
    notices(made, "READ", people[:10])
    notices(made, "INVALID", people[10:19], "131026")
    run(made, 30)
    assert (len(first_calls(made)), progress(made).delivered, progress(made).failed) == (3, 10, {"131026": 9})
    notices(made, "DELIVERY", people[19:20])
    run(made, 3)
    assert (sum(sizes_of(made)), progress(made).stage, progress(made).state) == (60, "full", "finished")


def test_recipients_that_are_refused_are_no_canaries() -> None:
    made = model()
    people = submit(made, [30], canary=Canary(count=5))
    for person in people[:7]:
        made.put("optouts", {"tenant": "acme", "since_ms": 1, "why": "word"}, key=f"{DID}|{person}".encode())
    run(made, 5)
    assert (sum(sizes_of(made)), progress(made).refused, progress(made).planned) == (5, 7, 5)


def test_refused_calls_of_the_canary_are_heard_of_too() -> None:
    made = model()
    people = submit(made, [30], canary=Canary(count=4, settled=1.0))
    made.bad = {people[1]}
    run(made, 5)
    assert progress(made).failed == {"http_400": 1} or sum(progress(made).failed.values()) == 1
    notices(made, "DELIVERY", [people[0], *people[2:4]])
    run(made, 5)
    assert progress(made).state == "finished"


def test_a_canary_of_which_nothing_is_heard_pauses_and_to_resume_it_means_to_go_on() -> None:
    made = model()
    count = Count(metrics.EGRESS_CAMPAIGN_PAUSES, tenant="acme", reason="canary")
    submit(made, [40], canary=Canary(count=5, wait_s=60), ramp=Ramp(shares=[0.1], step_s=3600))
    run(made, 61, 1)
    made.crash()
    run(made, 5, 1)
    said = progress(made)
    assert (said.state, said.why) == ("paused", "nothing was heard of 5 canaries in 60 s")
    assert count.moved == 1
    order(made, "resume")
    run(made, 1)
    assert (progress(made).state, progress(made).stage) == ("running", "ramp")
    assert sizes_of(made)[:3] == [5, 1, 1]


def test_a_canary_of_which_something_was_heard_in_time_goes_on() -> None:
    made = model()
    people = submit(made, [40], canary=Canary(count=10, wait_s=60))
    run(made, 5)
    notices(made, "DELIVERY", people[:1])
    run(made, 40)
    assert progress(made).stage == "judging"
    run(made, 20)
    assert progress(made).state == "finished"


def test_a_campaign_that_is_all_canary_is_finished_without_a_verdict() -> None:
    made = model()
    submit(made, [10], canary=Canary(count=50))
    run(made, 2)
    assert (progress(made).state, progress(made).planned) == ("finished", 10)


# -- ramp


def test_a_ramp_sends_its_shares_of_the_rate_over_crashes_then_all_of_it() -> None:
    made = model()
    submit(made, [1000] * 4, ramp=Ramp(shares=[0.1, 0.5], step_s=10))
    for n in range(200):
        made.step("crash_uncommitted" if n % 7 == 3 else "accept", 0.1)
        if n % 10 == 5:
            made.crash()
    sent = dict.fromkeys(range(2), 0)
    for plan in first_calls(made):
        second = (plan.at_ms - WALL) / 1000
        if second <= 20:
            sent[int(second > 10.05)] += len(plan.messages)
    assert sizes_of(made)[0] == 1, "a share of a call"
    assert 80 <= sent[0] <= 0.1 * RATE * 10.1 + 1
    assert 350 <= sent[1] <= 0.5 * RATE * 10.1 + 5
    run(made, 5)
    assert progress(made).stage == "full"
    assert sizes_of(made)[-1] == 10


def test_a_step_in_which_nothing_could_be_sent_begins_again() -> None:
    made = model()
    submit(made, [1000], ramp=Ramp(shares=[0.1], step_s=10))
    run(made, 5)
    line = made.partition.lines[DID]
    line.stance.paused = True
    run(made, 100, 1)
    line.stance.paused = False
    assert progress(made).stage == "ramp"
    before = sum(sizes_of(made))
    run(made, 5)
    assert sum(sizes_of(made)) - before <= 0.1 * RATE * 5 + 1


def test_after_a_pause_a_step_begins_again() -> None:
    made = model()
    submit(made, [1000], ramp=Ramp(shares=[0.1], step_s=10))
    run(made, 9)
    order(made, "pause")
    run(made, 60, 1)
    order(made, "resume")
    run(made, 9)
    assert progress(made).stage == "ramp"
    run(made, 3)
    assert progress(made).stage == "full"


# -- it pauses by itself


@pytest.mark.parametrize("crash", [False, True])
def test_too_many_failures_pause_it_at_once_and_to_resume_begins_the_window_anew(crash: bool) -> None:
    made = model()
    count = Count(metrics.EGRESS_CAMPAIGN_PAUSES, tenant="acme", reason="stop_rule")
    people = submit(made, [200], stop=StopRule(failed_share=0.3, least=10, window=20, codes=["131026"]))
    run(made, 0.3)
    notices(made, "INVALID", people[:4], "131000x")
    notices(made, "DELIVERY", people[4:7])
    run(made, 0.1)
    if crash:
        made.crash()
    assert progress(made).state == "running"
    calls = len(first_calls(made))
    notices(made, "INVALID", people[7:11], "131026")
    run(made, 5)
    said = progress(made)
    assert (said.state, said.why) == ("paused", "4 of the last 11 that were heard of failed (131026: 4)")
    assert (len(first_calls(made)), count.moved) == (calls, 1)
    if crash:
        made.crash()
    order(made, "resume")
    run(made, 30)
    assert progress(made).state == "finished"
    assert sum(sizes_of(made)) == 200


def test_calls_that_chattigo_refuses_count_as_failures_with_its_code() -> None:
    made = model()
    submit(made, [1000], stop=StopRule(failed_share=0.5, least=10))
    for _ in range(60):
        made.step("refuse", 0.2)
    said = progress(made)
    assert said.state == "paused"
    assert said.planned <= 100, "no more are planned while so many are searched"
    made.crash()
    for _ in range(60):
        made.step("refuse", 0.2)
    heard, planned = sum(progress(made).failed.values()), progress(made).planned
    assert planned == said.planned
    assert 10 <= heard <= planned, "the parts of refused batches wait until it is resumed"
    order(made, "resume")


def test_a_refusal_that_is_on_record_counts_though_the_owner_died_before_it_counted() -> None:
    made = model()
    submit(made, [2], stop=StopRule(failed_share=0.5, least=100))
    made.rules = made.rules.__class__(made.rules.settings.model_copy(update={"bisect_calls": 0}), made.rules.tenants)
    made.crash()
    while not made.plans():
        made.step("refuse", 0.1)
    made.crash()
    run(made, 1)
    assert sum(progress(made).failed.values()) == 2


def test_what_else_a_line_sends_is_not_heard_of_by_its_campaigns() -> None:
    made = model()
    submit(made, [10], stop=StopRule(failed_share=0.1, least=1))
    made.put("outbound.templates", promo("t", "5691"))
    run(made, 4)
    notices(made, "INVALID", ["5691"], "131026")
    run(made, 1)
    assert (progress(made).state, progress(made).failed) == ("finished", {})
