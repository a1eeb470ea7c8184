"""What is over is refused in bounded steps, what has ended is kept for a while and then forgotten, name and all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from egress.lines.campaigns import ending
from egress.lines.process import gauges
from runtime import metrics
from schemas import keys, topics
from schemas.campaign import CHUNK_MAX, CHUNKS_MAX, ChunkRef, Contents, Recipient, StopRule, digest_of
from schemas.line_command import DecideDoubt
from schemas.record import encode
from tests.builders.campaigns import first_calls, notices, order, outcomes, progress, sizes_of, submit
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, promo, rules, tenant
from tests.unit.egress.test_counted import Count
from tests.unit.egress.test_partition_model import assert_nobody_twice

DAY_S = 86_400.0


def model(**fields: Any) -> Model:
    return Model(rules(tenant(**fields), circuit_failures=0))


def run(made: Model, steps: int = 5, seconds: float = 1.0) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


# -- its time passes


@pytest.mark.parametrize("state", ["running", "paused", "draft", "line paused"])
def test_a_campaign_whose_time_has_passed_is_refused_without_a_call_in_bounded_steps(state: str) -> None:
    made = model()
    count = Count(metrics.EGRESS_REFUSALS, tenant="acme", reason="expired")
    people = submit(made, [1000] * 30, expires_ms=WALL + 2000, draft=state == "draft")
    if state == "paused":
        order(made, "pause")
    if state == "line paused":
        made.step()
        made.partition.lines[DID].stance.paused = True
    while state == "running" and len(first_calls(made)) < 3:
        made.step("accept", 0.2)
    called = sum(sizes_of(made))
    made.seconds = 3.0
    said: list[int] = []
    for _ in range(40):
        before = len(outcomes(made))
        made.put("outbound.templates", promo(f"t{len(said)}", f"5691{len(said)}"))
        made.step("accept", 0.0)
        fresh = [outcome for outcome in outcomes(made)[before:] if outcome.state == "expired"]
        assert all(len(outcome.message_ids) <= 1000 for outcome in fresh)
        said.append(sum(len(outcome.message_ids) for outcome in fresh))
        if sum(said) < len(people) - called:
            assert made.partition.next_at(made.now) <= made.now.s, "there is more to do at once"
    assert max(said) <= ending.EXPIRED_A_CYCLE
    assert sum(said) == count.moved == len(people) - called
    assert sum(sizes_of(made)) == called
    last = progress(made)
    assert (last.state, last.why, last.refused) == ("finished", "its time has passed", len(people) - called)
    states = Counter(made.states().values())
    assert states["expired"] == len(people) - called
    assert len({c for o in outcomes(made) if o.state == "expired" for c in o.contacts}) == len(people) - called


def test_others_go_on_while_it_is_refused() -> None:
    made = model()
    submit(made, [1000] * 20, "old", expires_ms=WALL + 1)
    submit(made, [500], "young", "5697")
    made.seconds = 1.0
    run(made, 2, 0)
    assert sizes_of(made, "young") == [500]
    assert progress(made, "old").state == "running"


def test_another_attempt_of_a_paused_campaign_is_refused_when_its_time_has_passed() -> None:
    made = model(batch_max=5)
    submit(made, [5], expires_ms=WALL + 60_000)
    while not made.plans():
        made.step("throttle", 1)
    order(made, "pause")
    run(made, 5)
    assert len(made.plans()) == 1
    made.seconds = 61.0
    run(made)
    assert (progress(made).state, set(made.states().values())) == ("finished", {"expired"})


# -- it is cancelled


def test_a_cancellation_says_how_many_were_not_sent_to_and_nothing_more_goes_over_crashes() -> None:
    made = model(batch_max=10)
    submit(made, [100])
    while len(first_calls(made)) < 3:
        made.step("throttle", 0.01)
    order(made, "cancel")
    planned = sum(sizes_of(made))
    assert progress(made).why == f"by ana: {100 - planned} of 100 recipients were not sent to"
    made.crash()
    run(made, 20, 10)
    assert made.accepted == []
    assert Counter(made.states().values()) == {"refused": planned}, "what was told `not now` is not tried again"
    order(made, "resume")
    run(made, 5, 10)
    assert (progress(made).state, made.accepted) == ("cancelled", [])


# -- what is refused is grouped


def test_recipients_whom_the_gate_refuses_are_one_record_a_slice_and_reason() -> None:
    made = model()
    people = submit(made, [1000])
    for person in people[::2]:
        made.put("optouts", {"tenant": "acme", "since_ms": 1, "why": "word"}, key=f"{DID}|{person}".encode())
    run(made)
    refused = [outcome for outcome in outcomes(made) if outcome.state == "refused"]
    assert [(o.code, o.campaign, len(o.message_ids)) for o in refused] == [("opted_out", "c", 500)]
    assert (progress(made).planned, progress(made).refused) == (500, 500)


# -- chunks


def test_a_chunk_counts_only_if_it_is_whole_and_what_the_contents_name() -> None:
    made = model()
    submit(made, [3, 2])
    made.step()
    campaign = made.partition.lines[DID].campaigns.get("c")
    assert campaign is not None
    good = msgspec.structs.replace(made.chunks[1], digest=digest_of(made.chunks[1].recipients))

    def whole(**change: Any) -> bool:
        chunk = msgspec.structs.replace(good, **change)
        return ending.is_whole(chunk, campaign, 1, digest_of(chunk.recipients))

    assert whole()
    assert not whole(recipients=[good.recipients[0], Recipient("569800001", ["y"])])
    assert not whole(recipients=good.recipients[:1])
    assert not whole(did="56911111112")
    assert not whole(campaign="d")
    assert not whole(index=0)


def test_the_contents_of_the_largest_campaign_fit_into_a_record() -> None:
    refs = [ChunkRef(10**12 + n, CHUNK_MAX) for n in range(CHUNKS_MAX)]
    total = CHUNK_MAX * CHUNKS_MAX
    contents = Contents(campaign="c" * 60, did=DID, total=total, chunks=refs, digest="d" * 32, committed_ms=WALL)
    assert len(encode(contents)) < topics.MESSAGE_MAX_BYTES * 0.6


# -- it is forgotten


def test_one_that_has_ended_serves_late_receipts_and_orders_then_only_its_name_is_kept() -> None:
    made = model(batch_max=5)
    people = submit(made, [5, 5])
    run(made)
    assert progress(made).state == "finished"
    made.seconds += DAY_S
    notices(made, "INVALID", people[:1], "130429")
    run(made, 10, 10)
    assert [len(plan.messages) for plan in made.plans()] == [5, 5, 1], "it is looked up and tried again"
    made.seconds += 3 * DAY_S
    made.crash()
    run(made, 5, 30)
    campaigns = made.partition.lines[DID].campaigns
    assert campaigns.get("c") is None
    assert list(campaigns.ended()) == ["c"]
    said = len([r for r in made.topics["campaigns"] if b"progress" in (r.key or b"")])
    submit(made, [5], prefix="5677")
    run(made, 5, 30)
    made.crash()
    run(made, 5, 30)
    assert len(made.plans()) == 3, "what is submitted under its name does not run"
    assert len([r for r in made.topics["campaigns"] if b"progress" in (r.key or b"")]) == said


def test_one_of_which_a_doubt_stands_is_kept_until_that_is_decided() -> None:
    made = model()
    submit(made, [2])
    while not made.plans():
        made.step("time_out", 1)
    run(made, 5)
    assert progress(made).state == "finished"
    made.seconds += 3 * DAY_S
    run(made, 5, 30)
    assert made.partition.lines[DID].campaigns.get("c") is not None
    [plan] = made.plans()
    made.put("lines.commands", DecideDoubt(id="1", did=DID, at_ms=WALL, by="a", plan_id=plan.plan_id, action="resend"))
    run(made, 5, 30)
    assert len(made.accepted) == 2
    assert_nobody_twice(made)


@pytest.mark.parametrize("crash", [False, True])
def test_after_ninety_days_its_records_have_tombstones_and_its_name_is_free(crash: bool) -> None:
    made = model()
    people = submit(made, [5], stop=StopRule(failed_share=0.9))
    run(made, 2)
    notices(made, "DELIVERY", people)
    order(made, "cancel")
    made.seconds += 3 * DAY_S
    run(made, 3, 61)
    written = {(r.key or b"").decode(): r.value for r in made.topics["campaigns"]}
    made.seconds += 91 * DAY_S
    if crash:
        made.crash()
    run(made, 3, 61)
    written = {(r.key or b"").decode(): r.value for r in made.topics["campaigns"]}
    gone = {key for key, value in written.items() if value is None}
    assert gone >= {keys.join(DID, "c", part) for part in ("definition", "contents", "progress")}
    made.crash()
    assert made.partition.line(DID, made.now).campaigns.get("c") is None
    submit(made, [5], prefix="5677")
    run(made)
    assert progress(made).state == "finished"


def test_who_was_heard_of_is_forgotten_with_its_end() -> None:
    made = model()
    people = submit(made, [10], stop=StopRule(failed_share=0.9), start_ms=0)
    submit(made, [10], "rest", "5697", stop=StopRule(failed_share=0.9), draft=True)
    while len(made.plans()) < 1:
        made.step("throttle")
    made.seconds += 5
    made.step("accept")
    notices(made, "DELIVERY", people[:5])
    made.step("crash_after", 0)
    order(made, "cancel")
    made.seconds += 3 * DAY_S
    run(made, 3, 61)
    heard = {(r.key or b"").decode(): r.value for r in made.topics["campaigns"] if b"heard" in (r.key or b"")}
    assert set(heard.values()) <= {None}


def test_one_that_nobody_resumed_for_ninety_days_is_given_up() -> None:
    made = model()
    submit(made, [5], draft=True)
    run(made, 2)
    made.seconds += 91 * DAY_S
    run(made, 3, 61)
    assert progress(made).state == "cancelled"
    assert progress(made).why == f"{ending.UNKEPT}: 5 of 5 recipients were not sent to"


@pytest.mark.parametrize("withheld", [False, True])
def test_one_whose_parked_recipient_is_lost_ends_after_ninety_days_too(withheld: bool) -> None:
    made = model()
    submit(made, [5])
    made.step()
    campaign = made.partition.lines[DID].campaigns.get("c")
    assert campaign is not None
    if withheld:
        campaign.withhold(0, 2)
    else:
        campaign.waiting, campaign.planned = 1, 4
    run(made, 3)
    assert progress(made).state == "running"
    made.seconds += 91 * DAY_S
    run(made, 3, 61)
    lost = "0 of 5 recipients were not sent to, 1 whom WhatsApp withheld are not sent to again"
    waited = "1 of 5 recipients were not sent to"
    assert progress(made).why == f"{ending.UNKEPT}: {lost if withheld else waited}"
    made.seconds += 91 * DAY_S
    run(made, 3, 61)
    assert made.topics["campaigns"][-1].value is None, "nor is it kept for ever"


def test_forgetting_many_is_done_a_few_at_a_time() -> None:
    made = model()
    for n in range(50):
        submit(made, [1], f"c{n}", f"57{n:02}")
    run(made, 10)
    made.seconds += 3 * DAY_S
    run(made, 2, 61)
    made.seconds += 91 * DAY_S
    tombstones = []
    for _ in range(5):
        before = len(made.topics["campaigns"])
        made.step("accept", 61)
        tombstones.append(sum(r.value is None for r in made.topics["campaigns"][before:]))
    assert max(tombstones) <= 3 * ending.FORGOTTEN_A_CYCLE
    assert sum(tombstones) == 150


def test_campaigns_are_shown_by_state() -> None:
    made = model()
    submit(made, [3], "a", "571")
    submit(made, [4], "b", "572", draft=True)
    submit(made, [5], "c", "573", start_ms=WALL + 10**9)
    run(made)
    gauges.show([made.partition], made.now)
    shown = {s: metrics.PROCESS.value(metrics.EGRESS_CAMPAIGNS, state=s) for s in ("draft", "scheduled", "finished")}
    assert shown == {"draft": 1, "scheduled": 1, "finished": 1}
    assert metrics.PROCESS.value(metrics.EGRESS_CAMPAIGN_LEFT) == 9


def test_a_recipient_who_is_a_user_id_is_refused_as_that_and_named_by_it() -> None:
    person, parent = "CL.13491208655302741918", "CL.ENT.1a2b"
    made = model()
    submit(made, [3])
    made.chunks[0].recipients[:2] = [Recipient(person, ["x"]), Recipient(parent, ["x"])]
    run(made)
    said = [(o.state, o.code, o.contacts) for o in outcomes(made) if o.state != "accepted"]
    assert said == [("refused", "user_id", [person, parent])]
    assert (progress(made).planned, progress(made).refused) == (1, 2)
    over = model()
    submit(over, [3], expires_ms=WALL + 1)
    over.chunks[0].recipients[0] = Recipient(person, ["x"])
    over.seconds = 1.0
    run(over)
    assert person in [contact for o in outcomes(over) if o.state == "expired" for contact in o.contacts]
