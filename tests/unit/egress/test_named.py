"""What the answer to a batch says of single recipients: who is named is believed, who is not is in doubt, over any
crash; and the counts add up."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.results.named import told_apart
from relevo.doubts import Journal
from schemas.campaign import Progress
from schemas.chattigo.results import RecipientResult
from schemas.journal import CallOutcome, LeftOut, Plan
from schemas.line_command import DecideDoubt
from schemas.outcome import Outcome
from schemas.record import decode
from tests.builders.lines import DID, WALL, plan, promo, rules, tenant
from tests.builders.partial_model import PartialModel
from tests.unit.egress.test_failures import notice, said
from tests.unit.egress.test_partition_model import FATES, assert_nobody_twice, with_campaign

PEOPLE = ("5691", "5692", "5693", "5694")
BATCH = plan("p", PEOPLE, route="batch", send_class="marketing", source="outbound.templates")
RESULTS = st.lists(
    st.builds(
        RecipientResult,
        id=st.sampled_from(["", "", "p-5691", "p-5692", "p-5693", "other"]),
        to=st.sampled_from(["", *PEOPLE, "+569 1", "5699"]),
        taken=st.sampled_from([True, False, None]),
        code=st.sampled_from(["", "131026"]),
        provider_id=st.sampled_from(["", "wamid.1"]),
    ),
    max_size=7,
)


def answered(results: list[RecipientResult], whole: Plan = BATCH, **fields: object) -> CallOutcome:
    known = {"plan_id": "p", "did": DID, "result": "accepted", "at_ms": WALL, "status": 200}
    return told_apart(whole, CallOutcome(**(known | fields)), results)


@given(RESULTS)
def test_everybody_is_named_as_taken_or_left_out_or_in_doubt_and_nobody_is_two_of_it(
    results: list[RecipientResult],
) -> None:
    outcome = answered(results)
    out, open_ = {one.at for one in outcome.left_out}, set(outcome.unnamed)
    assert not out & open_
    assert out | open_ <= set(range(4))
    assert (outcome.result == "in_doubt") == bool(open_ or outcome.code == "unnamed")
    names = {one.id for one in results} | {one.to for one in results}
    if outcome.tells_apart:
        for at, message in enumerate(BATCH.messages):
            named = {message.id, message.contact, "+569 1" if at == 0 else message.id}
            if at not in open_ and (len(results) != 4 or names != {""}):
                assert named & names, "nobody is taken or left out whom nothing names"
    elif outcome.result == "accepted" and results:
        assert all(one.taken for one in results if one.to in PEOPLE or one.id.startswith("p-"))
    assert len(outcome.provider_ids) in (0, 4)


def test_numbers_are_compared_as_persons_and_several_to_one_go_in_their_order() -> None:
    twice = plan("p", ("5491122223333", "5491122223333", "5692"), route="batch")
    found = answered(
        [
            RecipientResult(to="54 11 15 2222-3333", taken=True),
            RecipientResult(to="541122223333", taken=False, code="1"),
            RecipientResult(to="5692", taken=True),
        ],
        twice,
    )
    assert (found.left_out, found.unnamed) == ([LeftOut(1, "1")], [])


def test_results_without_names_are_in_the_order_of_the_batch_if_they_are_as_many() -> None:
    rows = [RecipientResult(taken=at != 2, code="c" if at == 2 else "") for at in range(4)]
    assert answered(rows).left_out == [LeftOut(2, "c")]
    assert (answered(rows[:3]).result, answered(rows[:3]).left_out) == ("in_doubt", [])


def test_wamids_stand_in_the_order_of_the_plan() -> None:
    rows = [RecipientResult(to=to, taken=True, provider_id=f"wamid.{to}") for to in reversed(PEOPLE)]
    assert answered(rows).provider_ids == [f"wamid.{to}" for to in PEOPLE]


@pytest.mark.parametrize("fields", [{"status": 400, "result": "refused"}, {"status": 0, "result": "in_doubt"}])
def test_results_count_only_in_an_answer_that_took_the_batch(fields: dict[str, object]) -> None:
    assert not answered([RecipientResult(to="5691", taken=False)], **fields).tells_apart


def made_of(**fields: object) -> PartialModel:
    return PartialModel(rules(tenant(batch_max=10), line_parallel=4, group_max=10), **fields)  # type: ignore[arg-type]


def sent(made: PartialModel, count: int = 4) -> Plan:
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n}") for n in range(1, count + 1)))
    while not made.plans():
        made.step("accept", 3)
    return made.plans()[0]


def run(made: PartialModel, steps: int = 12, seconds: float = 5.0) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


def test_who_is_left_out_failed_with_the_code_and_was_never_said_to_be_accepted() -> None:
    made = made_of(left_out={"5692": "131026"})
    sent(made)
    run(made)
    assert made.states() == {"t1": "accepted", "t2": "failed", "t3": "accepted", "t4": "accepted"}
    assert said(made, "t2") == [("failed", "131026")]
    assert len(made.plans()) == 1


def test_who_is_left_out_for_a_reason_that_passes_is_sent_again_alone_and_on_record() -> None:
    made = made_of(left_out={"5692": "130429", "5693": "131056"}, times={"5692": 1, "5693": 1})
    first = sent(made)
    run(made)
    again = made.plans()[1:]
    assert sorted(m.id for one in again for m in one.messages) == ["t2", "t3"]
    assert {(one.attempt, one.resend_of) for one in again} == {(2, first.plan_id)}
    assert set(made.states().values()) == {"accepted"}
    assert Counter(m for _, m in made.accepted) == Counter(["t1", "t2", "t3", "t4"])


def test_who_is_not_named_is_in_doubt_alone_until_a_receipt_says_more_of_each() -> None:
    made = made_of(unnamed={"5692", "5693"}, not_taken={"5693"})
    first = sent(made)
    run(made)
    assert made.states() == {"t1": "accepted", "t2": "in_doubt", "t3": "in_doubt", "t4": "accepted"}
    made.put("inbound.receipts", notice(first.root_id, "5691", "DELIVERY"))
    run(made, 2)
    assert made.states()["t2"] == made.states()["t3"] == "in_doubt", "another's receipt proves nothing of them"
    made.put("inbound.receipts", notice(first.root_id, "5692", "DELIVERY"))
    run(made, 2)
    assert made.states() == {"t1": "delivered", "t2": "delivered", "t3": "in_doubt", "t4": "accepted"}
    made.crash()
    run(made)
    assert made.states()["t3"] == "in_doubt"
    assert len(made.plans()) == 1, "never sent again by itself"
    made.put("inbound.receipts", notice(first.root_id, "5693", "INVALID", "131026"))
    run(made, 2)
    assert made.states()["t3"] == "failed"
    assert made.outcomes()[-1].result == "settled"
    assert made.partition.lines[DID].doubts == {}


@pytest.mark.parametrize("action", ["resend", "drop"])
def test_a_person_decides_about_those_alone_who_were_not_named(action: str) -> None:
    made = made_of(unnamed={"5692", "5693"}, not_taken={"5693"}, left_out={"5694": "131026"})
    first = sent(made)
    run(made, 2)
    journal = Journal(made.now.wall_ms)
    for record in (*made.plans(), *made.outcomes()):
        journal.learn(record)
    assert [m.id for m in journal.doubts(made.rules)[0].left] == ["t2", "t3"], "what `relevo doubt` shows"
    made.put("inbound.receipts", notice(first.root_id, "5692", "SENT"))
    run(made, 2)
    made.unnamed = made.not_taken = set()
    order = DecideDoubt(id="d", did=DID, at_ms=WALL, by="ana", plan_id=first.plan_id, action=action)
    made.put("lines.commands", order)
    run(made)
    made.crash()
    run(made)
    assert [[m.id for m in one.messages] for one in made.plans()[1:]] == ([["t3"]] if action == "resend" else [])
    ends = {"resend": "accepted", "drop": "dead"}
    assert made.states() == {"t1": "accepted", "t2": "sent", "t3": ends[action], "t4": "failed"}


def test_a_receipt_that_overtakes_the_answer_does_not_speak_for_those_whom_the_answer_does_not_name() -> None:
    made = made_of(unnamed={"5692"}, not_taken={"5692"}, left_out={"5693": "131026"})
    call, held = made._settle, list[tuple[object, ...]]()
    made._settle = lambda *args: held.append(args)  # type: ignore[method-assign]  # the answer is slow
    first = sent(made)
    made.put("inbound.receipts", notice(first.root_id, "5691", "DELIVERY"))
    made.step("accept", 1)
    made.step("accept", 1)
    assert made.states() == {}
    call(*held[0])  # type: ignore[arg-type]
    run(made, 2)
    assert made.states() == {"t1": "delivered", "t2": "in_doubt", "t3": "failed", "t4": "accepted"}


def test_an_owner_that_dies_before_it_acted_leaves_it_to_the_next_and_one_that_acted_does_not() -> None:
    made = made_of(left_out={"5692": "131026", "5693": "130429"}, times={"5693": 1})
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n}") for n in range(1, 5)))
    while not made.plans():
        made.step("accept", 3)
    made.crash()
    run(made)
    assert said(made, "t2") == [("failed", "131026")]
    for _ in range(2):
        made.crash()
        run(made)
    assert said(made, "t2") == [("failed", "131026")]
    assert [[m.id for m in one.messages] for one in made.plans()] == [["t1", "t2", "t3", "t4"], ["t3"]]


def test_an_answer_that_an_earlier_owner_writes_late_is_believed_of_each() -> None:
    made = made_of(unnamed={"5692"}, left_out={"5693": "131026"})
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n}") for n in range(1, 5)))
    made.step("accept")
    made.step("handed_over", 3)
    assert len(made.plans()) == 1
    run(made)
    assert made.states() == {"t1": "accepted", "t2": "in_doubt", "t3": "failed", "t4": "accepted"}


PERSON = st.sampled_from(
    ["taken", "taken", "left_out", "left_out_once", "withheld", "unnamed_taken", "unnamed_not_taken"]
)
HAPPENS = st.tuples(st.sampled_from(FATES), st.sampled_from([0.0, 1.0, 5.0, 20.0]), st.integers(-1, 12))


@settings(max_examples=60, deadline=None)
@given(st.lists(PERSON, min_size=13, max_size=13), st.lists(HAPPENS, max_size=20))
def test_whatever_is_said_of_a_campaigns_recipients_and_whoever_dies_nobody_is_lost_nor_sent_blindly(
    people: list[str], script: list[tuple[str, float, int]]
) -> None:
    made = PartialModel(rules(tenant(batch_max=5), line_parallel=4, group_max=10, withheld_wait_s=60))
    numbers = with_campaign(made, (5, 5, 3))
    is_ = dict(zip(numbers, people, strict=True))
    codes = {"left_out": "131026", "left_out_once": "130429", "withheld": "131049"}
    made.left_out = {who: codes[kind] for who, kind in is_.items() if kind in codes}
    made.times = {who: 1 for who, kind in is_.items() if kind in ("left_out_once", "withheld")}
    made.unnamed = {who for who, kind in is_.items() if kind.startswith("unnamed")}
    made.not_taken = {who for who, kind in is_.items() if kind == "unnamed_not_taken"}
    for fate, seconds, heard in script:
        if heard >= 0 and (taken := [c for c, _ in made.accepted if c == numbers[heard]]):
            root = next(p.root_id for p in made.taken if taken[0] in [m.contact for m in p.messages])
            made.put("inbound.receipts", notice(root, taken[0], "DELIVERY"))
        made.step(fate, seconds)
    made.settle(150)
    assert_nobody_twice(made)
    states = {who: state for who, state in _by_person(made).items() if who in is_}
    assert set(states) == set(numbers), "everybody has an outcome"
    reached = {contact for contact, _ in made.accepted}
    for who, state in states.items():
        if state in ("accepted", "delivered"):
            assert who in reached or _settled_whole(made, who), (who, is_[who])
        if is_[who] == "left_out" and who not in reached:
            assert state in ("failed", "refused", "dead", "in_doubt", "accepted"), state
    last = decode(made.topics["campaigns"][-1].value, Progress)
    assert (last.state, last.planned + last.refused) == ("finished", 13)


def _settled_whole(made: PartialModel, who: str) -> bool:
    """Whether a receipt settled a call whose answer nobody saw, and which this person was in."""
    whole = {one.plan_id for one in made.outcomes() if one.result == "settled" and not one.tells_apart}
    return any(who in [m.contact for m in one.messages] for one in made.plans() if one.plan_id in whole)


def _by_person(made: PartialModel) -> dict[str, str]:
    states, contacts = made.states(), dict[str, str]()
    for record in made.topics["outcomes"]:
        outcome = decode(record.value, Outcome)
        contacts |= dict(zip(outcome.message_ids, outcome.contacts, strict=True))
    return {contacts[message_id]: state for message_id, state in states.items()}
