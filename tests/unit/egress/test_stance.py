"""A line that is held sends nothing from the next cycle on, says so in its transaction, and goes on as it was."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.chattigo.result import CallResult
from egress.lines.now import Now
from egress.lines.process.posting import Client, Poster
from egress.lines.work import Work
from runtime.clock import Deadline
from runtime.kafka.producer import Producer
from runtime.pauses import Standing
from schemas.line_command import ControlLine
from schemas.line_state import LineState
from schemas.pause import Pause
from schemas.record import decode, encode
from schemas.session import Template
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo
from tests.unit.egress.test_failures import said
from tests.unit.egress.test_partition_model import FATES, assert_in_order, assert_nobody_twice, model, replies
from tests.unit.runtime.test_pauses import standing_record

ALL = Pause(scope="all", since_ms=1, by="ana")
ACME = Pause(scope="tenant", tenant="acme", since_ms=1, by="ana")
OTHER = Pause(scope="tenant", tenant="other", since_ms=1, by="ana")


def paused_by_record(made: Model, pause: Pause, *, ends: bool = False) -> None:
    cast("Standing", made.rules.pauses).apply([standing_record(pause, ends=ends)])


def order(made: Model, action: str) -> None:
    made.put("lines.commands", ControlLine(id="1", did=DID, at_ms=WALL, by="ana", action=cast("Any", action)))


def state(made: Model) -> LineState:
    return decode(made.topics["lines.state"][-1].value, LineState)


def something_of_each(made: Model) -> None:
    otp = Template(name="code", language="es", body=["1"])
    made.put("outbound.replies", message("reply", "5691"))
    made.put("outbound.templates", promo("bulk", "5692"), message("otp", "5693", otp, send_class="otp"))


@pytest.mark.parametrize("pause", [ALL, ACME])
@pytest.mark.parametrize("crash", [False, True])
def test_a_standing_pause_holds_everything_and_is_acknowledged_at_once(pause: Pause, crash: bool) -> None:
    made = model()
    made.put("outbound.replies", message("first", "5690"))
    made.step()
    assert state(made).pauses == []
    paused_by_record(made, pause)
    something_of_each(made)
    assert made.step("accept", 0.01) == 0
    assert state(made).pauses == [pause.key], "in the transaction of the cycle that first held to it"
    if crash:
        made.crash()
    for _ in range(5):
        assert made.step("accept", 5) == 0
    assert said(made, "bulk") == [("parked", "paused")]
    paused_by_record(made, pause, ends=True)
    made.settle(8)
    assert {m for _, m in made.accepted} == {"first", "reply", "bulk", "otp"}
    assert state(made).pauses == []


def test_the_pause_of_another_tenant_holds_nobody_here() -> None:
    made = model()
    paused_by_record(made, OTHER)
    something_of_each(made)
    made.settle(5)
    assert len(made.accepted) == 3
    assert state(made).pauses == []


def test_a_line_that_nobody_has_is_held_with_everybody_and_has_no_record() -> None:
    made = model()
    paused_by_record(made, ALL)
    made.partition.line("56900000000", made.now)
    made.step()
    assert made.partition.lines["56900000000"].stance.still
    assert "lines.state" not in made.topics


def test_an_order_to_the_line_says_by_whom_and_survives_its_record_on_the_commands() -> None:
    made = model()
    order(made, "pause")
    made.step()
    assert (state(made).paused, state(made).paused_by, state(made).paused_ms) == (True, "ana", WALL)
    made.topics["lines.commands"] = []  # after 30 days
    made.crash()
    something_of_each(made)
    for _ in range(4):
        assert made.step("accept", 5) == 0
    assert made.partition.lines[DID].stance.paused


def test_a_pause_from_before_there_was_a_record_still_holds() -> None:
    made = model()
    order(made, "pause")
    made.step()
    made.topics["lines.state"] = []
    made.crash()
    assert made.partition.lines[DID].stance.paused


def test_what_is_on_record_of_a_line_counts_more_than_old_commands() -> None:
    made = model()
    order(made, "pause")
    order(made, "resume")
    made.step()
    made.topics["lines.commands"] = made.topics["lines.commands"][:1]  # the later one is not kept any more
    made.crash()
    assert not made.partition.lines[DID].stance.paused


def test_numbers_are_told_once_a_second_at_most_and_only_when_they_change() -> None:
    made = model()
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n}") for n in range(9)))
    for _ in range(9):
        made.step("accept", 0.1)
    assert len(made.topics["lines.state"]) == 1
    assert state(made).waiting == {"reply": 0, "bulk": 9}
    for _ in range(50):
        made.step("accept", 1)
    assert len(made.topics["lines.state"]) == 2
    assert state(made).waiting == {"reply": 0, "bulk": 0}


orders = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "all", "free", ""]), st.sampled_from(FATES), st.floats(0, 8)),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(orders)
def test_whatever_happens_nothing_goes_while_the_record_says_that_it_is_held(script: list) -> None:
    made = model(batch_max=4)
    made.put("outbound.replies", *replies(9))
    made.put("outbound.templates", *(promo(f"t{n:02}", f"5695{n}") for n in range(10)))
    for action, fate, seconds in script:
        if action in ("all", "free"):
            paused_by_record(made, ALL, ends=action == "free")
        elif action:
            order(made, action)
        granted = made.step(fate, seconds)
        if fate != "crash_uncommitted" and made.topics.get("lines.state"):
            told = state(made)
            assert not granted or not (told.paused or told.pauses)
    paused_by_record(made, ALL, ends=True)
    order(made, "resume")
    made.settle()
    assert_nobody_twice(made)
    assert_in_order(made)
    assert len(made.states()) == 19


class NeverCalled:
    async def post(self, *_: object, **__: object) -> CallResult:
        raise AssertionError("a call after the pause")


class Written:
    def __init__(self) -> None:
        self.topics: list[str] = []

    async def send_all(self, records: list[Any]) -> None:
        self.topics += [record.topic for record in records]


@pytest.mark.parametrize("how", ["all", "line", "stop"])
async def test_a_plan_whose_post_has_not_begun_when_the_pause_comes_is_not_posted_and_costs_no_attempt(
    how: str,
) -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    made.step("crash_uncommitted")
    made.put("outbound.replies")
    for incoming in made._incoming("outbound.replies", 0):
        made.partition.read(incoming, made.now)
    work, _ = made.partition.cycle(made.now, 10)
    [grant] = work.grants
    line = made.partition.lines[DID]
    if how == "all":
        paused_by_record(made, ALL)
    elif how == "line":
        line.stance.order(True, "ana", WALL)
    else:
        line.stance.stops.add("131031", "", WALL, WALL)
    written = Written()
    poster = Poster(made.rules, cast("Client", NeverCalled()), cast("Producer", written), lambda: None)
    poster.start(grant._replace(deadline=Deadline.after(60)), line)
    await poster.drained()
    poster.check()
    assert written.topics == ["egress.journal"], "nothing is said in public: it has not gone, and will"
    assert line.lanes.waiting == 1
    paused_by_record(made, ALL, ends=True)
    line.stance.order(False, "ana", WALL)
    line.stance.stops.resume_line(WALL)
    work, _ = made.partition.cycle(Now.read(), 10)
    [again] = work.grants
    assert ([m.id for m in again.plan.messages], again.plan.attempt, again.plan.tries) == (["r1"], 2, 1)
    assert (again.plan.resend_of, again.plan.retry_of) == ("", grant.plan.plan_id)


def test_being_held_back_again_and_again_never_uses_up_the_attempts() -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    made.put("outbound.templates", promo("t1", "5692"))
    for n in range(40):
        made.step("held", 1)
        if n % 7 == 3:
            made.crash()
    assert max(plan.attempt for plan in made.plans()) > 20
    assert {plan.tries for plan in made.plans()} == {1}
    made.settle(8)
    assert sorted(m for _, m in made.accepted) == ["r1", "t1"]
    assert made.states() == {"r1": "accepted", "t1": "accepted"}
    assert made.topics.get("outbound.replies.dlq") is None


def test_the_record_is_under_the_lines_number_on_its_own_partition() -> None:
    made = model()
    order(made, "pause")
    made.step()
    record = made.topics["lines.state"][-1]
    assert (record.key, record.partition) == (DID.encode(), 0)
    assert decode(encode(state(made)), LineState) == state(made)
    assert Work(0).empty
