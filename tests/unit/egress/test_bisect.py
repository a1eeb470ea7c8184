"""A batch that Chattigo refuses is halved until the bad recipient is found: within its budget, over any crash, and
never again to anybody who was accepted."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.chattigo.result import CallResult
from egress.lines.results.bisect import BUDGET, Bisects
from schemas.campaign import Progress
from schemas.journal import CallOutcome, Plan
from schemas.line_command import ControlCampaign
from schemas.optout import Optout
from schemas.outcome import Outcome
from schemas.record import decode
from tests.builders import line_model
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, plan, promo, rules, tenant
from tests.unit.egress.test_partition_model import assert_nobody_twice, with_campaign

CRASHES = ["accept", "crash_uncommitted", "crash_before", "crash_after", "throttle"]


def model(size: int, bad: set[int], budget: int = 24, **settings_: object) -> Model:
    """One campaign of one batch, of which these places are bad."""
    made = Model(rules(tenant(batch_max=1000), bisect_calls=budget, **settings_))
    numbers = with_campaign(made, (size,))
    made.bad = {numbers[n] for n in bad}
    return made


def by_contact(made: Model) -> dict[str, str]:
    contacts = {m.id: m.contact for p in made.plans() for m in p.messages}
    return {contacts[message_id]: state for message_id, state in made.states().items()}


def codes(made: Model, state: str = "refused") -> Counter[str]:
    found: Counter[str] = Counter()
    for record in made.topics["outcomes"]:
        outcome = decode(record.value, Outcome)
        if outcome.state == state:
            found[outcome.code] += len(outcome.message_ids)
    return found


def run(made: Model, steps: int = 60) -> None:
    for _ in range(steps):
        made.step("accept", 5)


@pytest.mark.parametrize("bad", [{0}, {999}, {517}, {3, 4}])
def test_one_bad_recipient_among_a_thousand_is_found_and_the_others_are_sent_to(bad: set[int]) -> None:
    made = model(1000, bad)
    run(made)
    states = Counter(by_contact(made).values())
    assert states == {"accepted": 1000 - len(bad), "refused": len(bad)}
    assert len(made.plans()) <= 25
    assert_nobody_twice(made)
    assert all(not p.resend_of for p in made.plans())
    assert decode(made.topics["campaigns"][-1].value, Progress).state == "finished"


@settings(max_examples=200, deadline=None)
@given(
    st.integers(2, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=6))),
    st.integers(0, 30),
    st.lists(st.tuples(st.sampled_from(CRASHES), st.floats(0, 30)), max_size=15),
)
def test_whatever_crashes_nobody_accepted_is_called_again_and_everybody_has_an_end(
    sized: tuple[int, set[int]], budget: int, script: list[tuple[str, float]]
) -> None:
    size, bad = sized
    made = model(size, bad, budget)
    for fate, seconds in script:
        made.step(fate, seconds)
    made.settle()
    accepted: set[str] = set()
    for call in made.answered:
        ids = {m.id for m in call.messages}
        assert not accepted & ids
        if not made.bad.intersection(m.contact for m in call.messages):
            accepted |= ids
    assert_nobody_twice(made)
    assert not made.bad & {contact for contact, _ in made.accepted}
    fates = [fate for fate, _ in script]
    ends = {"accepted", "refused"} | ({"in_doubt"} if any(fate.startswith("crash_") for fate in fates) else set())
    ends |= {"dead"} if fates.count("throttle") >= made.rules.settings.attempts_max else set()
    assert len(made.states()) == size
    assert set(made.states().values()) <= ends
    parts = [p.part for p in made.plans() if p.part is not None]
    assert {part.call for part in parts} <= set(range(1, budget + 1))
    assert len({(part.half_of, part.call) for part in parts}) == len({part.call for part in parts})
    assert len(made.answered) <= budget + 1


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 200).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1, max_size=3))
    ),
    st.randoms(use_true_random=False),
)
def test_up_to_three_bad_recipients_never_end_the_search_early(sized: tuple[int, set[int]], order: object) -> None:
    size, bad = sized
    bisects, whole = Bisects(), batch(size)
    waiting, good = [whole], set()
    while waiting:
        order.shuffle(waiting)  # type: ignore[attr-defined]
        called = waiting.pop()
        if called.part is not None:
            assert bisects.over(called.part, 1000) is None
        ids = [m.id for m in called.messages]
        spoilt = any(int(m.contact) in bad for m in called.messages)
        said = bisects.judge(called, answer(called, "refused" if spoilt else "accepted"), 1000)
        bisects.learn(called, said)
        if said.bisected:
            waiting += halves(called, bisects.halves(called, ids))
        elif said.result == "accepted":
            good |= {int(m.contact) for m in called.messages}
        else:
            assert len(ids) == 1
    assert good == set(range(size)) - bad


def batch(size: int) -> Plan:
    return plan("whole", tuple(str(n) for n in range(size)), route="batch", send_class="marketing")


def halves(whole: Plan, parts: dict) -> list[Plan]:  # type: ignore[type-arg]
    found = []
    for part in dict.fromkeys(parts.values()):
        contacts = tuple(m.contact for m in whole.messages if parts[m.id] == part)
        half = plan("whole", contacts, route="batch", send_class="marketing", part=part, attempt=whole.attempt + 1)
        found.append(Plan(**{f: getattr(half, f) for f in half.__struct_fields__} | {"plan_id": f"part{part.call}"}))
    return found


def answer(called: Plan, result: str, status: int = 400) -> CallOutcome:
    return CallOutcome(plan_id=called.plan_id, did=DID, result=result, at_ms=WALL, status=status, code="100")  # type: ignore[arg-type]


def test_when_the_batch_itself_is_bad_it_costs_the_halves_and_the_quarters() -> None:
    made = model(1000, set(range(1000)))
    run(made)
    assert len(made.plans()) == 7
    assert by_contact(made) == dict.fromkeys(made.bad, "refused")
    assert BUDGET not in codes(made)


def test_a_spent_budget_is_the_reason_of_those_who_were_not_looked_at() -> None:
    made = model(1000, {10, 200, 300, 400})
    run(made)
    assert len(made.answered) == 25
    states = Counter(by_contact(made).values())
    assert states["accepted"] >= 500
    assert codes(made)[BUDGET] == states["refused"] - sum(n for code, n in codes(made).items() if code != BUDGET)
    assert codes(made)[BUDGET] > 0


@pytest.mark.parametrize(("status", "calls"), [(400, 3), (422, 3), (401, 1), (404, 1), (413, 1)])
def test_only_an_answer_that_may_be_one_recipients_fault_is_searched(
    monkeypatch: pytest.MonkeyPatch, status: int, calls: int
) -> None:
    monkeypatch.setitem(line_model.ANSWERS, "refuse", CallResult(kind="refused", status=status, code="x"))
    made = model(2, {0})
    run(made, 10)
    assert len(made.plans()) == calls


def test_a_budget_of_none_leaves_a_refused_batch_refused() -> None:
    made = model(10, {3}, budget=0)
    run(made, 10)
    assert len(made.plans()) == 1
    assert set(made.states().values()) == {"refused"}


def test_a_refusal_of_before_is_not_taken_up() -> None:
    made = model(10, {3}, budget=0)
    run(made, 10)
    made.rules = rules(tenant(batch_max=1000), bisect_calls=24)
    made.crash()
    run(made, 10)
    assert len(made.plans()) == 1


def test_a_new_owner_plans_the_half_that_is_missing_and_not_its_halves() -> None:
    made = model(8, {0}, line_parallel=1)
    while len(made.plans()) < 2:
        made.step("accept", 1)
    assert [len(p.messages) for p in made.plans()] == [8, 4]
    made.crash()
    made.step("accept", 5)
    assert [len(p.messages) for p in made.plans()] in ([8, 4, 4], [8, 4, 2])
    run(made)
    assert sorted(len(p.messages) for p in made.plans() if p.attempt == 2) == [4, 4]
    assert Counter(by_contact(made).values()) == {"accepted": 7, "refused": 1}


@pytest.mark.parametrize("missing", [range(4), range(4, 8), [0, 3]])
def test_a_half_is_one_part_by_its_places_however_much_of_it_is_left(missing: list[int]) -> None:
    whole = batch(8)
    parts = Bisects().halves(whole, {whole.messages[n].id for n in missing})
    assert [part.call for part in parts.values()] == [1] * len(missing)


@pytest.mark.parametrize("action", ["pause", "cancel"])
def test_a_campaign_is_stopped_between_two_parts(action: str) -> None:
    made = model(16, {0}, line_parallel=1)
    while len(made.plans()) < 3:
        made.step("accept", 1)
    order = ControlCampaign(id="1", did=DID, at_ms=WALL, by="ana", campaign="c", action=action)  # type: ignore[arg-type]
    made.put("lines.commands", order)
    made.step("crash_uncommitted", 0.0)
    for _ in range(20):
        made.step("accept", 5)
    assert len(made.plans()) == 3, "what was called before the order, and nothing after it"
    if action == "cancel":
        assert set(by_contact(made).values()) == {"accepted", "refused"}
    else:
        resume = ControlCampaign(id="2", did=DID, at_ms=WALL, by="ana", campaign="c", action="resume")
        made.put("lines.commands", resume)
        run(made)
        assert Counter(by_contact(made).values()) == {"accepted": 15, "refused": 1}


def test_each_part_is_paid_for_by_the_lines_pace() -> None:
    only = tenant()
    slow = msgspec.structs.replace(only.lines[0], rate=2.0)
    made = Model(rules(msgspec.structs.replace(only, lines=[slow]), reserve_per_s=0.0))
    made.bad = {with_campaign(made, (8,))[0]}
    for _ in range(3):
        made.step("accept", 0)
    assert len(made.plans()) == 1
    made.step("accept", 5)
    assert len(made.plans()) == 2, "the debt of the first call is paid, and one part goes into debt again"


def test_what_the_gate_refuses_in_a_part_stays_refused_after_a_crash() -> None:
    made = Model(rules(tenant(batch_max=1000), line_parallel=1))
    made.put("outbound.templates", *(promo(f"t{n}", f"5691{n}") for n in range(4)))
    made.bad = {"56910"}
    while not made.plans():
        made.step("accept", 1)
    made.put("optouts", Optout(tenant="acme", since_ms=1, why="word"), key=f"{DID}|56911".encode())
    while len(made.plans()) < 2:
        made.step("accept", 0)
    assert made.states().get("t1") == "refused"
    made.topics["optouts"].clear()
    made.crash()
    run(made)
    assert made.states() == {"t0": "refused", "t1": "refused", "t2": "accepted", "t3": "accepted"}
    assert "t1" not in [m for _, m in made.accepted]


def test_a_receipt_of_a_batch_that_was_refused_ends_the_search() -> None:
    made = Model(rules(tenant(batch_max=1000), line_parallel=1))
    made.put("outbound.templates", *(promo(f"t{n}", f"5691{n}") for n in range(4)))
    made.bad = {"56910"}
    while not made.plans():
        made.step("accept", 1)
    [whole] = made.plans()
    made.put(
        "inbound.receipts",
        {"id": whole.root_id, "did": DID, "msisdn": "56911", "type": "SENT", "channel": "WHATSAPP"},
    )
    run(made, 10)
    assert len(made.plans()) == 1
    assert set(made.states().values()) == {"accepted", "sent"}
