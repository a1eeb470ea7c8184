"""A person's word on a call: it waits until there is a doubt, holds over a crash, and ends only what is still open."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from schemas.line_command import ControlLine, DecideDoubt
from schemas.outcome import Outcome
from schemas.record import decode
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo
from tests.unit.egress.test_failures import notice
from tests.unit.egress.test_partition_model import assert_nobody_twice, model


def order(plan_id: str, action: Literal["resend", "drop"], number: int = 1, why: str = "she asked") -> DecideDoubt:
    return DecideDoubt(id=str(number), did=DID, at_ms=WALL, by="ana", plan_id=plan_id, action=action, why=why)


def orphaned(made: Model) -> str:
    """A reply whose worker died with the call under way: nobody has said that it is in doubt."""
    made.put("outbound.replies", message("r1"))
    made.step("crash_after")
    assert made.outcomes() == []
    return made.plans()[-1].plan_id


def run(made: Model, steps: int = 20, seconds: float = 5) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


def doubt(made: Model) -> str:
    for _ in range(2):
        made.step("time_out", 3)
    return made.plans()[-1].plan_id


def told(made: Model, state: str) -> list[str]:
    outcomes = (decode(record.value, Outcome) for record in made.topics["outcomes"])
    return [one for outcome in outcomes if outcome.state == state for one in outcome.message_ids]


@pytest.mark.parametrize("crash", [False, True])
def test_an_order_on_a_call_that_nobody_has_declared_waits_until_it_is_a_doubt(crash: bool) -> None:
    made = model()
    plan_id = orphaned(made)
    made.put("lines.commands", order(plan_id, "resend"))
    made.step("accept", 1)
    assert made.offsets["lines.commands"] == 1, "it does not hold other orders"
    assert len(made.plans()) == 1
    if crash:
        made.crash()
    run(made)
    assert [(p.resend_of, p.resend_why) for p in made.plans()] == [("", ""), (plan_id, "person")]
    made.crash()
    run(made)
    assert len(made.plans()) == 2
    assert_nobody_twice(made)


@pytest.mark.parametrize("crash", [False, True])
def test_an_order_that_waits_means_nothing_once_a_receipt_has_settled_the_call(crash: bool) -> None:
    made = model()
    plan_id = orphaned(made)
    made.put("lines.commands", order(plan_id, "resend"))
    made.step("accept", 1)
    made.put("inbound.receipts", notice("", "5691", "DELIVERY"))
    for _ in range(5):
        made.step("accept", 1)
    if crash:
        made.crash()
    run(made)
    assert len(made.plans()) == 1
    assert made.states() == {"r1": "delivered"}
    assert made.partition.lines[DID].orders == {}


def test_an_order_on_our_own_call_waits_for_its_answer() -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    work = made.step
    pending: list[Any] = []
    made._call = lambda grant, fate: pending.append(grant)  # type: ignore[method-assign]
    work("accept", 1)
    [plan] = made.plans()
    made.put("lines.commands", order(plan.plan_id, "drop"))
    work("accept", 1)
    assert list(made.partition.lines[DID].orders) == [plan.plan_id]
    del made._call  # type: ignore[attr-defined]
    made._call(pending[0], "time_out")
    work("accept", 1)
    assert made.states() == {"r1": "dead"}
    assert made.outcomes()[-1].code == "ended"


def test_the_reason_of_an_order_is_on_record_and_not_in_public() -> None:
    made = model()
    made.put("outbound.templates", promo("t1", "5691"))
    plan_id = doubt(made)
    made.put("lines.commands", order(plan_id, "drop", why="stale by now"))
    run(made, 3)
    assert made.outcomes()[-1].reason == "dropped by a person (ana: stale by now)"
    [public] = [o for r in made.topics["outcomes"] if (o := decode(r.value, Outcome)).state == "dead"]
    assert public.reason == "dropped by a person"


def test_to_drop_a_call_says_dead_only_of_those_whom_no_later_one_took_up() -> None:
    made = model()
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n}") for n in range(3)))
    plan_id = doubt(made)
    made.lost.add(("outbound.templates", 1))
    made.put("lines.commands", order(plan_id, "resend"))
    run(made, 4)
    assert [[m.id for m in p.messages] for p in made.plans()] == [["t0", "t1", "t2"], ["t0", "t2"]]
    made.put("lines.commands", order(plan_id, "drop", 2))
    run(made, 4)
    assert told(made, "dead") == ["t1"]
    assert made.states() == {"t0": "accepted", "t1": "dead", "t2": "accepted"}


def test_that_some_are_gone_is_said_when_the_others_were_sent_to() -> None:
    made = model()
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n}") for n in range(3)))
    plan_id = doubt(made)
    made.lost.add(("outbound.templates", 1))
    pause = ControlLine(id="9", did=DID, at_ms=WALL, by="ana", action="pause")
    made.put("lines.commands", pause, order(plan_id, "resend"))
    run(made, 4)
    assert (len(made.plans()), made.outcomes()[-1].code) == (1, "resend_ordered")
    made.put("lines.commands", msgspec.structs.replace(pause, action="resume"))
    run(made, 4)
    assert len(made.plans()) == 2
    assert [o.reason for o in made.outcomes() if o.plan_id == plan_id][-1] == "vanished"


@pytest.mark.parametrize("how", ["person", "policy"])
def test_a_resend_whose_message_kafka_keeps_no_longer_is_said_and_the_doubt_stands_for_a_person(how: str) -> None:
    made = model(policies={"marketing": {"resend_after_s": 60, "times": 1}} if how == "policy" else {})
    made.put("outbound.templates", promo("t1", "5691"))
    plan_id = doubt(made)
    made.lost.add(("outbound.templates", 0))
    made.crash()
    if how == "person":
        made.put("lines.commands", order(plan_id, "resend"))
    run(made)
    last = made.outcomes()[-1]
    assert (last.result, last.code, last.reason) == ("in_doubt", "resend_refused", "vanished")
    made.lost.clear()
    said = len(made.topics["egress.journal"])
    made.crash()
    run(made)
    assert len(made.topics["egress.journal"]) == said, "no later owner looks for it again"
    assert made.states() == {"t1": "in_doubt"}
    made.put("lines.commands", order(plan_id, "drop", 2))
    run(made, 3)
    assert made.states() == {"t1": "dead"}


def test_a_message_that_is_gone_before_its_next_attempt_is_dead_once() -> None:
    made = model()
    made.put("outbound.replies", message("r1"))
    made.step("throttle")
    made.lost.add(("outbound.replies", 0))
    for _ in range(2):
        made.crash()
        run(made, 4)
    assert told(made, "dead") == ["r1"]
    assert made.outcomes()[-1].code == "vanished"
