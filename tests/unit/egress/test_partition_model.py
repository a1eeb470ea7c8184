"""Whatever happens to calls, and however often the process dies: nobody twice off the record, nobody lost, in order."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.gate.rules import Rules
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient
from schemas.line_command import ControlCampaign, ControlLine, DecideDoubt
from schemas.optout import Optout
from schemas.record import decode
from schemas.session import Template
from tests.builders.line_model import ANSWERS, Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant

FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after"]
PEOPLE = ("5691", "5692", "5693")
fates = st.lists(st.tuples(st.sampled_from(FATES), st.floats(0, 20)), max_size=25)


def model(**fields: object) -> Model:
    return Model(rules(tenant(**fields), line_parallel=4, group_max=10))


def replies(count: int) -> list:
    return [message(f"r{n:02}", PEOPLE[n % 3]) for n in range(count)]


def with_campaign(made: Model, sizes: tuple[int, ...]) -> list[str]:
    first = 0
    for index, size in enumerate(sizes):
        rows = [Recipient(f"5698{first + n}", ["x"]) for n in range(size)]
        made.chunks.append(Chunk(campaign="c", did=DID, index=index, first=first, recipients=rows, digest=""))
        first += size
    template = Template(name="promo", language="es")
    made.put("campaigns", Definition(campaign="c", tenant="acme", did=DID, template=template, created_ms=1))
    refs = [ChunkRef(n, size) for n, size in enumerate(sizes)]
    made.put("campaigns", Contents(campaign="c", did=DID, total=first, chunks=refs, digest="", committed_ms=1))
    return [f"5698{n}" for n in range(first)]


def assert_nobody_twice(made: Model) -> None:
    resends = Counter(m.id for plan in made.plans() if plan.resend_of for m in plan.messages)
    accepted = Counter(message_id for _, message_id in made.accepted)
    assert {m: n for m, n in accepted.items() if n > 1 + resends[m]} == {}


def assert_in_order(made: Model) -> None:
    for person in PEOPLE:
        told = list(dict.fromkeys(m for contact, m in made.accepted if contact == person and m.startswith("r")))
        assert told == sorted(told)


@settings(max_examples=150, deadline=None)
@given(fates)
def test_replies_and_templates(script: list[tuple[str, float]]) -> None:
    made = model(batch_max=4)
    made.put("outbound.replies", *replies(12))
    made.put("outbound.templates", *(promo(f"t{n:02}", f"5695{n}") for n in range(10)))
    for fate, seconds in script:
        made.step(fate, seconds)
    made.settle()
    assert_nobody_twice(made)
    assert_in_order(made)
    states = made.states()
    assert set(states) == {m.id for m in replies(12)} | {f"t{n:02}" for n in range(10)}
    reached = {m for _, m in made.accepted}
    for message_id, state in states.items():
        assert state in ("accepted", "in_doubt", "refused", "dead")
        if state == "accepted":
            assert message_id in reached
        if message_id not in reached:
            assert state != "accepted"
    assert made.offsets["outbound.replies"] == 12
    assert made.offsets["outbound.templates"] == 10


@settings(max_examples=100, deadline=None)
@given(fates)
def test_a_campaign(script: list[tuple[str, float]]) -> None:
    made = model(batch_max=5)
    numbers = with_campaign(made, (5, 5, 3))
    for fate, seconds in script:
        made.step(fate, seconds)
    made.settle()
    assert_nobody_twice(made)
    assert len(made.states()) == len(numbers)
    sizes = [len(plan.messages) for plan in made.plans() if plan.attempt == 1]
    assert sizes == [5, 5, 3]
    last = decode(made.topics["campaigns"][-1].value, Progress)
    assert (last.state, last.planned, last.refused) == ("finished", 13, 0)


def test_a_known_message_is_not_planned_again_after_a_crash() -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    made.step("accept")
    made.crash()
    made.put("outbound.replies", message("r1"))
    made.settle(20)
    assert len(made.plans()) == 1
    assert made.offsets["outbound.replies"] == 2


def test_a_doubtful_reply_holds_the_next_one_for_its_time_and_no_longer() -> None:
    made = model()
    made.put("outbound.replies", message("r1"), message("r2"))
    made.step("time_out")
    assert made.step("accept", 59) == 0
    assert made.step("accept", 2) == 1
    assert made.accepted == [("5691", "r2")]


def test_the_policy_of_a_class_resends_on_record_and_before_the_next_reply() -> None:
    made = model(policies={"reply": {"resend_after_s": 60, "times": 1}})
    made.put("outbound.replies", message("r1"), message("r2"))
    made.step("time_out")
    made.crash()
    for _ in range(40):
        made.step("accept", 3)
    assert made.accepted == [("5691", "r1"), ("5691", "r2")]
    assert [(p.attempt, p.resend_why) for p in made.plans()] == [(1, ""), (2, "policy_reply"), (1, "")]


def test_a_person_may_resend_or_drop_a_doubt() -> None:
    made = model()
    made.put("outbound.templates", promo("t1", "5691"), promo("t2", "5692"))
    for _ in range(2):
        made.step("time_out", 3)
    [plan] = made.plans()
    made.put(
        "lines.commands", DecideDoubt(id="1", did=DID, at_ms=WALL, by="ana", plan_id=plan.plan_id, action="resend")
    )
    made.settle(10)
    assert sorted(made.accepted) == [("5691", "t1"), ("5692", "t2")]
    assert made.plans()[1].resend_why == "person"
    made.put("outbound.templates", promo("t3", "5693"))
    for _ in range(2):
        made.step("time_out", 3)
    last = made.plans()[-1].plan_id
    made.put("lines.commands", DecideDoubt(id="2", did=DID, at_ms=WALL, by="ana", plan_id=last, action="drop"))
    made.settle(10)
    assert made.states()["t3"] == "dead"
    assert made.outcomes()[-1].code == "dropped"


def test_a_paused_line_stays_paused_over_a_crash() -> None:
    made = model()
    made.put("lines.commands", ControlLine(id="1", did=DID, at_ms=WALL, by="ana", action="pause"))
    made.step()
    made.crash()
    made.put("outbound.replies", message("r1"))
    for _ in range(5):
        assert made.step("accept", 5) == 0
    made.put("lines.commands", ControlLine(id="2", did=DID, at_ms=WALL, by="ana", action="resume"))
    made.settle(3)
    assert made.accepted == [("5691", "r1")]


@pytest.mark.parametrize(("action", "state", "calls"), [("pause", "paused", 1), ("cancel", "cancelled", 1)])
def test_a_campaign_is_stopped_at_the_border_of_a_batch(action: str, state: str, calls: int) -> None:
    made = model(batch_max=5)
    with_campaign(made, (5, 5, 5))
    made.rules = Rules(made.rules.settings.model_copy(update={"line_parallel": 1}), made.rules.tenants)
    made.crash()
    while not made.plans():
        made.step("throttle")
    order = ControlCampaign(id="1", did=DID, at_ms=WALL, by="ana", campaign="c", action=action)  # type: ignore[arg-type]
    made.put("lines.commands", order)
    made.step("throttle", 0.0)
    made.crash()
    for _ in range(20):
        made.step("accept", 5)
    assert len([p for p in made.plans() if p.attempt == 1]) <= calls + 2
    assert made.accepted == [], "nor is the call tried again that was not sent"
    assert decode(made.topics["campaigns"][-1].value, Progress).state == state
    if action == "pause":
        made.put("lines.commands", msgspec.structs.replace(order, id="2", action="resume"))
        made.settle(40)
        assert len(made.accepted) == 15
        assert_nobody_twice(made)


def test_an_opt_out_is_heeded_until_it_is_taken_back() -> None:
    made = model()
    made.put("optouts", Optout(tenant="acme", since_ms=1, why="word"), key=f"{DID}|5691".encode())
    made.step()
    made.put("outbound.templates", promo("t1", "5691"), promo("t2", "5692"))
    made.settle(10)
    assert made.states() == {"t1": "refused", "t2": "accepted"}


def test_what_cannot_be_read_becomes_a_dead_letter_and_holds_nobody_up() -> None:
    made = model()
    made.put("outbound.replies", {"not": "a message"}, message("r1"))
    made.settle(5)
    assert made.accepted == [("5691", "r1")]
    assert len(made.topics["outbound.replies.dlq"]) == 1
    assert made.offsets["outbound.replies"] == 2


def test_a_message_with_no_attempt_left_is_a_dead_letter() -> None:
    made = model()
    made.put("outbound.replies", message("r1"), message("r2"))
    for _ in range(30):
        made.step("throttle", 70)
    made.crash()
    made.settle(20)
    assert made.states()["r1"] == "dead"
    assert len([p for p in made.plans() if p.messages[0].id == "r1"]) == 5
    assert len(made.topics["outbound.replies.dlq"]) == 2
