"""What must wait is parked: no input is held up, nothing is lost or sent twice, replies keep their order."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines import book as books
from egress.lines.admission import PARKED
from schemas.line_command import ControlLine
from schemas.outbound import OutboundMessage
from schemas.parked import Parked
from schemas.tenant import Line
from tests.builders.line_model import ANSWERS, Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant

BUSY = "56922222222"
PEOPLE = ("5691", "5692", "5693")
INPUTS = ("outbound.replies", "outbound.templates")
FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after"]
DAY_S = 86_400.0


def model(**limits: float) -> Model:
    lines = [Line(did=did, sends="isv", templates="hsm", rate=10_000, batch_max=4) for did in (DID, BUSY)]
    small = {"line_parallel": 4, "group_max": 10, "line_memory": 3, "worker_memory": 8, "park_after_s": 10.0}
    return Model(rules(tenant(lines=lines), **(small | limits)))


def on(did: str, one: OutboundMessage) -> OutboundMessage:
    return msgspec.structs.replace(one, did=did, id=f"{one.id}@{did[-1]}")


def replies(did: str, first: int, count: int) -> list[OutboundMessage]:
    return [on(did, message(f"r{n:03}", PEOPLE[n % 3])) for n in range(first, first + count)]


def templates(did: str, first: int, count: int) -> list[OutboundMessage]:
    return [on(did, promo(f"t{n:03}", f"5695{n:03}")) for n in range(first, first + count)]


def control(made: Model, did: str, action: str) -> None:
    order = ControlLine(id=action, did=did, at_ms=WALL, by="ana", action=action)  # type: ignore[arg-type]
    made.put("lines.commands", order)


def ends(made: Model) -> dict[str, int]:
    return {topic: len(made.topics.get(topic, [])) for topic in INPUTS}


def committed(made: Model) -> dict[str, int]:
    return {topic: made.offsets[topic] for topic in INPUTS}


def told(made: Model, did: str, person: str) -> list[str]:
    mine = [one for who, one in made.accepted if who == person and one.startswith("r") and one.endswith(did[-1])]
    return list(dict.fromkeys(mine))


def assert_once_and_in_order(made: Model) -> None:
    resends = Counter(m.id for plan in made.plans() if plan.resend_of for m in plan.messages)
    times = Counter(one for _, one in made.accepted)
    assert {one: n for one, n in times.items() if n > 1 + resends[one]} == {}
    for did in (DID, BUSY):
        for person in PEOPLE:
            assert told(made, did, person) == sorted(told(made, did, person))


def whys(made: Model) -> Counter[str]:
    return Counter(Parked.from_headers(record.headers).why for record in made.topics.get(PARKED, []))


EVENTS = st.one_of(
    st.tuples(st.just("fate"), st.sampled_from(FATES), st.floats(0, 20), st.booleans()),
    st.tuples(st.sampled_from(["pause", "resume"]), st.sampled_from([DID, BUSY])),
    st.tuples(st.sampled_from(["replies", "templates"]), st.sampled_from([DID, BUSY]), st.integers(1, 9)),
)


def play(made: Model, script: list[tuple[object, ...]]) -> set[str]:
    """Carries the script out; the ids of what was put in."""
    asked: set[str] = set()
    for kind, *rest in script:
        if kind == "fate":
            fate, seconds, made.slow = rest  # type: ignore[assignment]
            made.step(fate, seconds)  # type: ignore[arg-type]
        elif kind in ("pause", "resume"):
            control(made, rest[0], kind)  # type: ignore[arg-type]
        else:
            make = replies if kind == "replies" else templates
            more = make(rest[0], len(asked), rest[1])  # type: ignore[arg-type]
            made.put(f"outbound.{kind}", *more)
            asked |= {one.id for one in more}
    return asked


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=40), st.booleans())
def test_nobody_twice_nobody_lost_in_order_whatever_waits_and_dies(
    script: list[tuple[object, ...]], forgetful: bool
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        if forgetful:
            patched.setattr(books, "MESSAGES_MAX", 0)
        made = model()
        asked = play(made, script)
        made.slow = False
        control(made, DID, "pause")
        for _ in range(3):
            made.step("accept", 11.0)
        assert committed(made) == ends(made), "a paused line holds no input up"
        control(made, DID, "resume")
        control(made, BUSY, "resume")
        made.settle(150)
    assert_once_and_in_order(made)
    states = made.states()
    assert set(states) == asked
    assert set(states.values()) <= {"accepted", "in_doubt", "refused", "dead"}
    assert made.offsets[PARKED] == len(made.topics.get(PARKED, []))
    assert sum(made.partition.parked().values()) == 0
