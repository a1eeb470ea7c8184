"""A campaign of which WhatsApp withholds recipients (131049) stays open until they went again, and obeys orders."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from egress.lines.process import gauges
from runtime import metrics
from schemas import topics
from schemas.campaign import Canary, StopRule
from schemas.line_command import ControlCampaign
from schemas.parked import Parked
from tests.builders.campaigns import notices, order, outcomes, progress, submit
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, promo, rules, tenant
from tests.unit.egress.test_partition_model import assert_nobody_twice

HOUR_S = 3600.0


def model(**settings: Any) -> Model:
    return Model(rules(tenant(), **({"circuit_failures": 0} | settings)))


def run(made: Model, steps: int = 5, seconds: float = 1.0) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


def sent(made: Model, count: int = 5, **fields: Any) -> list[str]:
    """A campaign whose first recipients were called."""
    people = submit(made, [count], **fields)
    while not any(plan.campaign for plan in made.plans()):
        made.step("accept", 1)
    return people


def withhold(made: Model, contacts: list[str]) -> None:
    notices(made, "INVALID", contacts, "131049")
    run(made, 4)


def how(made: Model) -> tuple[str, int]:
    said = progress(made)
    return said.state, said.withheld


def owned(made: Model) -> int:
    """How many a new owner knows of."""
    made.crash()
    campaign = made.partition.lines[DID].campaigns.get("c")
    assert campaign is not None
    return len(campaign.withheld)


def said_of(made: Model, contact: str) -> list[tuple[str, str]]:
    return [(o.state, o.code) for o in outcomes(made) for c in o.contacts if c == contact]


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("finished", [False, True])
def test_it_stays_open_until_they_went_again_and_says_how_many_wait(finished: bool, crash: bool) -> None:
    made = model()
    people = sent(made)
    if finished:
        run(made, 5)
        assert how(made) == ("finished", 0)
    withhold(made, people[2:4])
    assert how(made) == ("running", 2)
    if crash:
        made.crash()
    run(made, 23, HOUR_S)
    assert how(made) == ("running", 2)
    assert len(made.plans()) == 1
    run(made, 5, HOUR_S)
    assert how(made) == ("finished", 0)
    assert sorted(m.contact for m in made.plans()[-1].messages) == people[2:4]
    assert_nobody_twice(made)


def test_a_new_owner_knows_who_is_withheld_though_some_copies_are_done_and_not_committed() -> None:
    made = model()
    # This one keeps the topic from being committed.
    made.put("outbound.templates", promo("far", "5691", not_before_ms=WALL + round(200 * HOUR_S * 1000)))
    people = sent(made)
    withhold(made, people[:1])
    run(made, 10, HOUR_S)
    withhold(made, people[1:2])
    run(made, 15, HOUR_S)
    assert how(made) == ("running", 1)
    assert owned(made) == 1
    withhold(made, people[:1])  # again: its first copy is done, and still stands on the topic
    assert how(made) == ("running", 2)
    assert owned(made) == owned(made) == 2
    run(made, 60, HOUR_S)
    assert how(made) == ("finished", 0)
    assert owned(made) == 0
    assert [plan.attempt for plan in made.plans() if plan.campaign] == [1, 2, 2, 3]


def test_a_new_owner_counts_no_copy_that_went_and_is_read_again() -> None:
    made = model()
    made.put("outbound.templates", promo("far", "5691", not_before_ms=WALL + round(200 * HOUR_S * 1000)))
    people = sent(made)
    for person in people[:2]:
        withhold(made, [person])
        run(made, 1, HOUR_S / 2)
    run(made, 23, HOUR_S)
    for _ in range(45):
        made.step("accept", 60)
    assert how(made) == ("finished", 0)
    notes = sum(record.key is None for record in made.topics["outbound.parked"])
    assert notes == 1, "which tells of one of the two alone"
    assert owned(made) == 0


@pytest.mark.parametrize("crash", [False, True])
def test_the_same_receipt_twice_counts_once(crash: bool) -> None:
    made = model()
    people = sent(made)
    withhold(made, people[:1])
    if crash:
        made.crash()
    withhold(made, people[:1])
    assert how(made) == ("running", 1)
    run(made, 30, HOUR_S)
    assert how(made) == ("finished", 0)
    assert len(made.plans()) == 2


@pytest.mark.parametrize("crash", [False, True])
def test_a_pause_holds_them_and_a_resume_lets_them_go(crash: bool) -> None:
    made = model()
    people = sent(made)
    run(made, 5)
    withhold(made, people[2:4])
    order(made, "pause")
    assert how(made) == ("paused", 2)
    if crash:
        made.crash()
    run(made, 30, HOUR_S)
    assert (how(made), len(made.plans())) == (("paused", 2), 1)
    assert len(made.topics["outbound.parked"]) == 2, "they stay where they are"
    gauges.show([made.partition], made.now)
    assert metrics.PROCESS.value(metrics.EGRESS_CAMPAIGN_WITHHELD) == 2
    order(made, "resume")
    assert how(made) == ("running", 0), "they are on their way"
    run(made, 20, 60)
    assert how(made) == ("finished", 0)
    assert sorted(m.contact for m in made.plans()[-1].messages) == people[2:4]


@pytest.mark.parametrize("crash", [False, True])
def test_a_cancellation_ends_them_with_an_outcome(crash: bool) -> None:
    made = model()
    people = sent(made)
    run(made, 5)
    withhold(made, people[2:4])
    order(made, "cancel")
    assert progress(made).why == (
        "by ana: 0 of 5 recipients were not sent to, 2 whom WhatsApp withheld are not sent to again"
    )
    withhold(made, people[4:])
    assert said_of(made, people[4])[-1] == ("failed", "131049")
    if crash:
        made.crash()
    run(made, 5)
    assert how(made) == ("cancelled", 0)
    run(made, 30, HOUR_S)
    assert len(made.plans()) == 1
    assert made.partition.lot.position == len(made.topics["outbound.parked"])
    assert [said_of(made, contact)[-1] for contact in people[2:4]] == [("failed", "131049")] * 2


@pytest.mark.parametrize("crash", [False, True])
def test_one_that_is_cancelled_when_it_is_finished_sends_to_nobody_who_is_withheld_later(crash: bool) -> None:
    """Of a campaign over several lines some are through before it is cancelled."""
    made = model()
    people = sent(made)
    run(made, 5)
    assert how(made) == ("finished", 0)
    order(made, "pause")
    assert how(made) == ("finished", 0)
    order(made, "cancel")
    assert how(made) == ("cancelled", 0)
    if crash:
        made.crash()
    withhold(made, people[2:3])
    assert (how(made), said_of(made, people[2])[-1]) == (("cancelled", 0), ("failed", "131049"))
    run(made, 30, HOUR_S)
    assert len(made.plans()) == 1


@pytest.mark.parametrize("fate", ["accept", "crash_uncommitted", "crash_before"])
def test_a_cancellation_ends_also_those_whose_copies_stand_somewhere_else_and_nobody_elses(fate: str) -> None:
    made = model()
    made.put("outbound.templates", promo("far", "5691", not_before_ms=WALL + round(50 * HOUR_S * 1000)))
    people, others = sent(made), submit(made, [5], "d", "5697")
    run(made, 5)
    made.deaf = True
    withhold(made, people[:1] + others[:1])  # written, and not read back
    made.put("lines.commands", ControlCampaign(id="o", did=DID, at_ms=WALL, by="ana", campaign="c", action="cancel"))
    made.step(fate)
    made.deaf = False
    run(made, 5)
    assert how(made) == ("cancelled", 0)
    assert said_of(made, people[0])[-1] == ("failed", "131049")
    assert progress(made, "d").withheld == 1
    assert made.states()["far"] == "parked"
    run(made, 60, HOUR_S)
    assert (progress(made, "d").state, progress(made, "d").withheld) == ("finished", 0)
    assert made.states()["far"] == "accepted"
    assert sorted(m.contact for plan in made.plans()[2:] for m in plan.messages) == sorted(["5691", others[0]])
    assert_nobody_twice(made)


def test_places_of_copies_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egress.lines.parking.withheld.COPIES_MORE", 3)
    made = model(withheld_attempts=10)
    people = sent(made)
    for _ in range(8):
        withhold(made, people)
        run(made, 24, HOUR_S)
    withhold(made, people)
    campaign = made.partition.lines[DID].campaigns.get("c")
    assert campaign is not None
    assert len(made.topics["outbound.parked"]) > 40
    assert len(campaign.copies) <= 2 * 5 + 3 + 1
    assert how(made) == ("running", 5)
    order(made, "cancel")
    run(made, 3)
    assert how(made) == ("cancelled", 0)


def test_their_time_passes() -> None:
    made = model()
    people = sent(made, expires_ms=WALL + round(30 * HOUR_S * 1000))
    withhold(made, people[:1])
    order(made, "pause")
    run(made, 4, HOUR_S)
    assert how(made) == ("paused", 1)
    run(made, 27, HOUR_S)
    assert how(made) == ("finished", 0)
    assert said_of(made, people[0])[-1] == ("failed", "131049")
    made = model()
    people = sent(made, expires_ms=WALL + round(2 * HOUR_S * 1000))
    withhold(made, people[:1])
    assert how(made) == ("finished", 0)
    assert said_of(made, people[0])[-1] == ("failed", "131049")


def test_an_attempt_that_was_withheld_and_fails_for_good_is_heard_once_by_the_stop_rule() -> None:
    made = model(withheld_attempts=2)
    people = sent(made, 4, stop=StopRule(failed_share=0.2, least=1))
    withhold(made, people[:2])
    assert progress(made).failed == {}
    run(made, 24, HOUR_S)
    assert how(made) == ("running", 0)
    withhold(made, people[:1])
    assert progress(made).failed == {"131049": 1}
    assert progress(made).state in ("paused", "finished")


# -- canaries


def canaried(made: Model, count: int = 4) -> list[str]:
    people = sent(made, 20, canary=Canary(count=count, wait_s=100, settled=1))
    run(made, 3)
    assert (progress(made).stage, progress(made).planned) == ("judging", count)
    return people


def test_a_withheld_canary_counts_neither_as_heard_of_nor_as_missing() -> None:
    made = model()
    people = canaried(made)
    withhold(made, people[:2])
    assert progress(made).stage == "judging"
    notices(made, "DELIVERY", people[2:3])
    run(made, 3)
    assert progress(made).stage == "judging"
    notices(made, "DELIVERY", people[3:4])
    run(made, 3)
    assert (progress(made).stage, progress(made).planned) == ("full", 20)


@pytest.mark.parametrize("crash", [False, True])
def test_canaries_that_are_all_withheld_are_no_verdict_and_no_wait_for_ever(crash: bool) -> None:
    made = model()
    people = canaried(made)
    withhold(made, people[:4])
    assert (progress(made).stage, progress(made).planned) == ("judging", 4)
    if crash:
        made.crash()
    run(made, 20, 10)
    said = progress(made)
    assert (said.state, said.planned) == ("paused", 4)
    assert said.why == "nothing was heard of 4 canaries in 100 s, 4 of them are withheld"
    order(made, "resume")
    run(made, 5)
    assert progress(made).planned == 20


def test_a_campaign_that_is_all_canary_is_not_judged_by_who_is_withheld() -> None:
    made = model()
    people = sent(made, 4, canary=Canary(count=4, wait_s=100, settled=1))
    withhold(made, people)
    run(made, 40, HOUR_S)
    assert how(made) == ("finished", 0)


# -- the copies


def test_a_plan_names_them_by_their_place_in_the_campaign() -> None:
    made = model()
    people = sent(made)
    withhold(made, people[2:3])
    run(made, 26, HOUR_S)
    [message] = made.plans()[-1].messages
    assert (message.source, message.position) == ("campaign/c/0", 2)


def test_a_copy_that_cannot_be_read_keeps_nothing_open() -> None:
    made = model()
    people = sent(made)
    withhold(made, people[2:3])
    at = next(n for n, r in enumerate(made.topics["outbound.parked"]) if Parked.from_headers(r.headers).after)
    made.topics["outbound.parked"][at] = made.topics["outbound.parked"][at]._replace(value=b"{")
    run(made, 26, HOUR_S)
    assert how(made) == ("finished", 0)
    assert len(made.topics["outbound.templates" + topics.DEAD_LETTERS]) == 1


def test_a_copy_of_an_earlier_version_goes_and_keeps_nothing_open() -> None:
    made = model()
    people = sent(made)
    withhold(made, people[2:3])
    copy = made.topics["outbound.parked"][-1]
    old = [(k, v.replace(b',"chunk":0,"place":2', b"") if k == "parked_after" and v else v) for k, v in copy.headers]
    assert old != copy.headers
    made.topics["outbound.parked"][-1] = copy._replace(headers=old)
    made.crash()
    run(made, 5)
    assert how(made) == ("finished", 0)
    run(made, 26, HOUR_S)
    assert [m.contact for m in made.plans()[-1].messages] == people[2:3]


# -- the attempts after theirs


def gone_again(made: Model, fate: str) -> None:
    """Their day is over, and their call met this."""
    before = len(made.plans())
    run(made, 23, HOUR_S)
    while len(made.plans()) == before:
        made.step(fate, 60)


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("fate", ["throttle", "unreachable", "held"])
def test_an_attempt_after_theirs_is_no_copy_any_more_and_waits_for_a_resume_as_others_do(
    fate: str, crash: bool
) -> None:
    made = model()
    people = sent(made)
    withhold(made, people[2:4])
    gone_again(made, fate)
    parked = len(made.topics["outbound.parked"])
    order(made, "pause")
    run(made, 5, 2)
    if crash:
        made.crash()
    run(made, 5, 100)
    assert how(made) == ("paused", 0)
    assert len(made.topics["outbound.parked"]) == parked
    order(made, "resume")
    run(made, 20, 60)
    assert how(made) == ("finished", 0)
    first, second, third = made.plans()
    assert (second.resend_of, second.resend_why) == (first.plan_id, "failed_131049")
    assert (third.retry_of, third.resend_of) == (second.plan_id, ""), "nobody got the one before"
    assert_nobody_twice(made)


@pytest.mark.parametrize("crash", [False, True])
def test_a_batch_of_theirs_that_is_searched_goes_on_to_be_after_a_pause(crash: bool) -> None:
    made = model()
    people = sent(made, 8)
    withhold(made, people[1:7])
    made.bad = {people[4]}
    gone_again(made, "accept")
    order(made, "pause")
    run(made, 5, 2)
    if crash:
        made.crash()
    run(made, 5, 100)
    assert (how(made), len(made.plans())) == (("paused", 0), 2)
    order(made, "resume")
    run(made, 20, 60)
    assert how(made) == ("finished", 0)
    whole, parts = made.plans()[1], made.plans()[2:]
    assert {plan.part.batch for plan in parts if plan.part} == {whole.plan_id}
    assert [plan.part.call for plan in parts if plan.part] == [*range(1, 7)]
    assert said_of(made, people[4])[-1] == ("failed", "131049")
    assert_nobody_twice(made)


@pytest.mark.parametrize("crash", [False, True])
def test_who_is_cancelled_between_two_attempts_has_one_last_outcome(crash: bool) -> None:
    made = model()
    people = sent(made)
    withhold(made, people[2:4])
    gone_again(made, "throttle")
    order(made, "pause")
    run(made, 5, 2)
    if crash:
        made.crash()
    order(made, "cancel")
    run(made, 20, 60)
    assert how(made) == ("cancelled", 0)
    assert said_of(made, people[2]) == [("accepted", ""), ("parked", "withheld"), ("failed", "131049")]
    assert len(made.plans()) == 2


@pytest.mark.parametrize("wait_h", [0, 20])
def test_a_campaign_that_an_owner_of_an_earlier_version_finished_over_them_is_open_again(wait_h: int) -> None:
    made = model()
    people = sent(made)
    withhold(made, people[2:4])
    assert how(made) == ("running", 2)
    run(made, wait_h, HOUR_S)
    # That one knew nobody who is withheld; it fetched no copy before its time.
    over = msgspec.structs.replace(progress(made), state="finished", withheld=0)
    made.put("campaigns", over, key=f"{DID}|c|progress".encode())
    made.crash()
    run(made, 2)
    assert how(made) == ("running", 2)
    order(made, "cancel")
    run(made, 3)
    assert how(made) == ("cancelled", 0)
    assert said_of(made, people[2])[-1] == ("failed", "131049")
