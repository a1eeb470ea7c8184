"""Recipients whose turn comes later: the campaign goes on with the others, and ends when they had their turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from egress.lines.campaigns import deferred
from egress.lines.gate import asking
from egress.lines.item import Item
from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.queues.admission import KEPT_MS
from egress.lines.work import Work
from schemas.campaign import Canary, Ramp
from schemas.parked import Parked
from schemas.tenant import Line as LineConfig
from tests.builders.campaigns import first_calls, order, outcomes, progress, sizes_of, submit
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, promo, rules, tenant
from tests.unit.egress.test_partition_model import assert_nobody_twice

_judged, _clear = Line.judged, asking.clear
HOUR_S = 3600.0
Quiet = dict[str, int]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Quiet:
    """Until when the gate says of a person: later."""
    people: Quiet = {}

    def judged(line: Line, item: Item, now: Now, work: Work, ahead: int = 0) -> Any:
        until_ms = people.get(item.contact, 0)
        if until_ms > now.wall_ms and item.campaign and not line.campaigns.cancelled(item.campaign):
            deferred.defer(line, item, until_ms, now, work)
            return None, None
        return _judged(line, item, now, work, ahead)

    def clear(line: Line, items: Sequence[Item], now: Now) -> list[bool]:
        at_once = [people.get(item.contact, 0) <= now.wall_ms for item in items]
        return [goes and soon for goes, soon in zip(_clear(line, items, now), at_once, strict=True)]

    monkeypatch.setattr(Line, "judged", judged)
    monkeypatch.setattr(asking, "clear", clear)
    return people


def model(**settings: Any) -> Model:
    return Model(rules(tenant(batch_max=10), circuit_failures=0, **settings))


def run(made: Model, steps: int = 5, seconds: float = 1.0) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


@pytest.mark.parametrize("crash", [False, True])
def test_some_wait_parked_and_come_back_once_and_the_plan_names_their_place(quiet: Quiet, crash: bool) -> None:
    made = model()
    people = submit(made, [20])
    quiet.update(dict.fromkeys(people[::4], WALL + 7_200_000))
    run(made)
    said = progress(made)
    assert (said.state, said.planned, said.waiting, said.position) == ("running", 15, 5, 0)
    assert [(o.state, o.code, len(o.message_ids)) for o in outcomes(made) if o.state == "parked"] == [
        ("parked", "not_before", 5)
    ]
    if crash:
        made.crash()
    run(made, 5, 600)
    assert progress(made).waiting == 5
    made.seconds = 2 * HOUR_S
    run(made, 5, 30)
    if crash:
        made.crash()
        run(made, 5, 30)
    said = progress(made)
    assert (said.state, said.planned, said.waiting) == ("finished", 20, 0)
    assert len(made.accepted) == 20
    assert {m.source for plan in first_calls(made) for m in plan.messages} == {"campaign/c/0"}
    assert sorted(m.position for plan in first_calls(made) for m in plan.messages) == list(range(20))
    assert_nobody_twice(made)


def test_where_nobody_may_go_nobody_is_parked_and_the_campaign_waits_for_the_first(
    quiet: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferred, "HOLD_AFTER", 10)
    made = model()
    people = submit(made, [20])
    quiet.update(dict.fromkeys(people, WALL + 7_200_000))
    quiet[people[3]] = WALL + 3_600_000
    run(made)
    assert made.topics.get("outbound.parked", []) == []
    assert made.partition.next_at(made.now) == pytest.approx(made.now.at_ms(WALL + 3_600_000))
    made.seconds = HOUR_S
    run(made)
    assert (progress(made).planned, progress(made).waiting) == (1, 9), "then the others are parked"
    made.seconds = 2 * HOUR_S
    run(made, 10, 30)
    assert (progress(made).state, progress(made).planned) == ("finished", 20)


@pytest.mark.parametrize("crash", [False, True])
def test_those_whose_campaign_is_paused_when_their_time_comes_wait_where_they_are(quiet: Quiet, crash: bool) -> None:
    made = model()
    people = submit(made, [10])
    quiet.update(dict.fromkeys(people[:3], WALL + 3_600_000))
    run(made)
    order(made, "pause")
    made.seconds = HOUR_S
    run(made, 200, 300)
    if crash:
        made.crash()
    run(made, 5, 30)
    assert made.partition.waiting() == (0, 0)
    campaign = made.partition.lines[DID].campaigns.get("c")
    assert campaign is not None
    assert campaign.admitted == 0
    assert len(made.topics["outbound.parked"]) == 3, "nothing is written again in all these hours"
    assert progress(made).waiting == 3
    order(made, "resume")
    run(made, 10, 1)
    assert (progress(made).state, len(made.accepted)) == ("finished", 10)


def test_those_in_memory_when_their_campaign_is_paused_are_parked_once(quiet: Quiet) -> None:
    made = model()
    people = submit(made, [10])
    quiet.update(dict.fromkeys(people, WALL + 60_000))
    quiet[people[9]] = 0
    run(made, 3)
    assert progress(made).waiting == 9
    made.partition.granting = False
    made.seconds = 61.0
    run(made, 3)
    assert made.partition.waiting() == (0, 9)
    made.partition.granting = True
    order(made, "pause")
    run(made, 300, 100)
    assert made.partition.waiting() == (0, 0)
    assert len(made.topics["outbound.parked"]) == 2 * 9
    order(made, "resume")
    run(made, 20, 5)
    assert (progress(made).state, len(made.accepted)) == ("finished", 10)
    assert_nobody_twice(made)


def test_a_pause_longer_than_kafka_keeps_what_is_parked_loses_nobody(quiet: Quiet) -> None:
    made = model()
    people = submit(made, [10])
    quiet.update(dict.fromkeys(people[:3], WALL + 3_600_000))
    run(made)
    order(made, "pause")
    run(made, 2 * 45, 12 * HOUR_S)
    notes = [Parked.from_headers(record.headers) for record in made.topics["outbound.parked"] if record.key]
    assert len(notes) == 3 * 4, "written again every fourteen days"
    youngest = sorted(note.at_ms for note in notes)[-3:]
    assert youngest[0] > made.now.wall_ms - KEPT_MS
    assert progress(made).waiting == 3
    order(made, "resume")
    run(made, 10, 100)
    assert len(made.accepted) == 10
    assert_nobody_twice(made)


@pytest.mark.parametrize("crash", [False, True])
def test_a_template_and_a_campaign_that_wait_for_the_same_morning_take_turns(
    quiet: Quiet, monkeypatch: pytest.MonkeyPatch, crash: bool
) -> None:
    monkeypatch.setattr(deferred, "HOLD_AFTER", 10**6)
    made = model(line_memory=20, worker_memory=20)
    people = submit(made, [50] * 6)
    quiet.update(dict.fromkeys(people, WALL + 3_600_000))
    run(made, 40)
    assert progress(made).waiting == 300
    late = [promo(f"late{n}", f"5697{n}", not_before_ms=WALL + 3_600_000) for n in range(10)]
    made.put("outbound.templates", *late)
    run(made)
    if crash:
        made.crash()
    assert made.accepted == []
    made.seconds = HOUR_S
    run(made, 80, 3)
    order_of = [one for _, one in made.accepted]
    assert len(order_of) == 310
    assert max(order_of.index(one.id) for one in late) < 50, "behind a few of the campaign's calls, not behind all"
    assert_nobody_twice(made)


def test_one_of_a_cancelled_campaign_is_refused_when_its_turn_comes(quiet: Quiet) -> None:
    made = model()
    people = submit(made, [10])
    quiet[people[0]] = WALL + 3_600_000
    run(made)
    order(made, "cancel")
    made.crash()
    made.seconds = HOUR_S
    run(made, 5, 30)
    assert [o.code for o in outcomes(made) if o.state == "refused"] == ["campaign_cancelled"]
    assert (progress(made).waiting, progress(made).refused, progress(made).planned) == (0, 1, 9)
    assert progress(made).why == "by ana: 1 of 10 recipients were not sent to"


def test_those_that_come_back_keep_to_the_canary(quiet: Quiet) -> None:
    made = model()
    people = submit(made, [20], canary=Canary(count=4, wait_s=10**6))
    quiet.update(dict.fromkeys(people[:8:2], WALL + 3_600_000))
    run(made)
    assert (progress(made).planned, progress(made).waiting) == (4, 4)
    made.seconds = HOUR_S
    run(made, 20, 30)
    assert (sum(sizes_of(made)), progress(made).stage) == (4, "judging")


def test_another_attempt_waits_in_memory_for_its_time(quiet: Quiet) -> None:
    made = model()
    people = submit(made, [2])
    while not made.plans():
        made.step("throttle", 1)
    quiet.update(dict.fromkeys(people, WALL + 60_000))
    run(made, 5, 5)
    assert made.accepted == []
    made.seconds = 61.0
    run(made, 5, 1)
    assert (len(made.accepted), progress(made).state) == (2, "finished")


@pytest.mark.parametrize("in_a_row", [3, 4])
def test_a_few_who_must_wait_do_not_hold_up_the_others_also_where_a_call_has_one_recipient(
    quiet: Quiet, monkeypatch: pytest.MonkeyPatch, in_a_row: int
) -> None:
    monkeypatch.setattr(deferred, "HOLD_AFTER", 4)
    made = Model(rules(tenant(batch_max=1), circuit_failures=0))
    people = submit(made, [10])
    quiet.update(dict.fromkeys(people[:in_a_row], WALL + 3_600_000))
    run(made)
    assert (progress(made).planned, progress(made).waiting) == ((7, 3) if in_a_row == 3 else (0, 3))


def test_those_that_come_back_keep_to_the_ramp(quiet: Quiet) -> None:
    line = LineConfig(did=DID, sends="isv", templates="hsm", rate=10, batch_max=10)
    made = Model(rules(tenant(lines=[line]), circuit_failures=0, reserve_per_s=0))
    people = submit(made, [60], ramp=Ramp(shares=[0.1], step_s=10_000))
    quiet.update(dict.fromkeys(people[::2], WALL + 300_000))
    run(made, 60, 1)
    assert (progress(made).planned, progress(made).waiting) == (30, 30)
    made.seconds = 300.0
    run(made, 10, 1)
    assert sum(sizes_of(made)) - 30 <= 11, "one a second"
    run(made, 30, 1)
    assert progress(made).state == "finished"
