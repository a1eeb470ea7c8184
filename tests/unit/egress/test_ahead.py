"""Single templates are read before their turn, past a backlog: once, over every crash, and only where there is room."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.incoming import Incoming
from egress.lines.queues import ahead
from egress.lines.queues.ahead import Closed
from runtime.kafka.record import Record
from schemas.line_command import ControlLine
from schemas.outbound import OutboundMessage, SendClass
from schemas.parked import Flow
from schemas.record import encode
from schemas.session import Template
from schemas.tenant import Line
from tests.builders.line_model import ANSWERS, Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant

TEMPLATES, PARKED = "outbound.templates", "outbound.parked"
SMALL = "56922222222"
FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after"]


def of_small(said: OutboundMessage) -> OutboundMessage:
    return msgspec.structs.replace(said, did=SMALL)


def flooded(flood: int, pace: int = 2, batch_max: int = 1, **fields: object) -> Model:
    """A line with so many single templates, and a neighbour; memory holds few of a line."""
    lines = [
        Line(did=DID, sends="isv", templates="hsm", rate=10_000, batch_max=4),
        Line(did=SMALL, sends="isv", templates="hsm", rate=10_000, batch_max=batch_max),
    ]
    limits: dict[str, object] = {"line_memory": 4, "line_parallel": 4, "group_max": 10, "park_after_s": 5}
    made = Model(rules(tenant(lines=lines), **(limits | fields)), pace=pace)
    made.put(TEMPLATES, *(promo(f"b{n:03}", f"5695{n:03}") for n in range(flood)))
    return made


def test_a_neighbours_template_goes_before_the_backlog_that_stands_before_it_and_once() -> None:
    made = flooded(100)
    made.put(TEMPLATES, of_small(promo("s", "5691")))
    made.step("accept")
    assert made.scout(100) == [100]
    assert made.scout(100) == [], "it was read"
    made.step("accept")
    assert ("5691", "s") in made.accepted
    assert made.offsets[TEMPLATES] < 100
    made.pace = 0
    made.settle()
    assert made.offsets[TEMPLATES] == 101
    assert Counter(name for _, name in made.accepted)["s"] == 1


@pytest.mark.parametrize("fate", ["crash_uncommitted", "crash_before", "crash_after", "accept"])
def test_what_was_read_ahead_is_known_after_a_crash_or_comes_again(fate: str) -> None:
    made = flooded(30)
    made.put(TEMPLATES, of_small(promo("s", "5691")))
    made.step("accept")
    made.scout(30)
    made.step(fate)
    made.crash()
    made.scout(30)
    made.settle()
    assert made.offsets[TEMPLATES] == 31
    planned = [plan for plan in made.plans() if any(m.id == "s" for m in plan.messages)]
    assert len(planned) == 1
    assert made.states()["s"] == ("in_doubt" if fate in ("crash_before", "crash_after") else "accepted")


@pytest.mark.parametrize("send_class", ["marketing", "otp"])
def test_what_waits_after_it_was_read_ahead_is_parked_and_not_read_again_as_another(send_class: SendClass) -> None:
    made = flooded(30)
    content = Template(name="code" if send_class == "otp" else "promo", language="es", body=["1"])
    made.put(TEMPLATES, of_small(message("s", "5691", content, send_class=send_class)))
    made.room = 0  # no call may be made
    made.step()
    assert made.scout(30) == [30]
    made.step(seconds=6)
    assert made.topics[PARKED][-1].key == b"s", "it has waited for so long that it is kept in Kafka too"
    made.crash()
    assert made.scout(30) == [], "it is parked"
    made.room = 10
    made.settle()
    assert Counter(name for _, name in made.accepted)["s"] == 1
    assert made.offsets[TEMPLATES] == 31


def test_of_the_flooded_line_nothing_is_taken_but_its_passwords_and_its_other_templates() -> None:
    made = flooded(30, pace=10, line_memory=8)
    otp = Template(name="code", language="es", body=["1"])
    order = Template(name="order", language="es", body=["x"])
    made.put(TEMPLATES, message("otp", "5691", otp, send_class="otp"))
    made.put(TEMPLATES, message("order", "5692", order, send_class="utility"))
    made.room = 0
    made.step()
    assert made.partition.lines[DID].parkings["bulk"].absent, "more than memory holds"
    assert made.scout(20, 25, 29, 30) == [30], "the line's memory for bulk is full, that for passwords is not"
    made.room = 2
    made.step("accept")
    assert made.scout(20, 25, 29, 31) == [31], "there is room; of the same flow others are parked"


def test_what_would_be_parked_or_refused_is_left_to_its_turn() -> None:
    made = flooded(0)
    far = WALL + 3_600_000
    made.put(
        TEMPLATES,
        of_small(promo("far", "5691", not_before_ms=far)),
        of_small(promo("expired", "5692", expires_ms=WALL - 1)),
        msgspec.structs.replace(promo("alien", "5693"), did="56933333333"),
        {"not": "a message"},
        promo("paused", "5694"),
    )
    made.put("lines.commands", ControlLine(id="1", did=DID, at_ms=WALL, by="ana", action="pause"))
    made.pace = 1
    made.step()
    made.step()
    assert made.scout(2, 3, 4) == []
    assert made.scout(*range(5)) == [], "these were read in their turn, or would be parked"


def test_a_message_that_is_known_is_left_to_its_turn() -> None:
    made = flooded(0)
    made.put(TEMPLATES, of_small(promo("s", "5691")))
    made.settle(3)
    made.put(TEMPLATES, *(promo(f"x{n}", f"5694{n}") for n in range(5)), of_small(promo("s", "5691")))
    assert made.scout(6) == []
    made.settle()
    assert Counter(name for _, name in made.accepted)["s"] == 1


def test_a_copy_that_was_read_ahead_and_one_in_its_turn_are_one_message() -> None:
    made = flooded(0)
    made.put(TEMPLATES, of_small(promo("s", "5691")), of_small(promo("t", "5692")), of_small(promo("s", "5691")))
    made.room = 0
    assert made.scout(2) == [2]
    made.step()
    made.crash()
    made.room = 10
    made.settle()
    assert Counter(name for _, name in made.accepted) == {"s": 1, "t": 1}


def test_only_so_many_are_read_before_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egress.lines.intake.AHEAD_MAX", 2)
    made = flooded(10)
    made.put(TEMPLATES, *(of_small(promo(f"s{n}", f"5691{n}")) for n in range(3)))
    assert made.scout(10, 11, 12) == [10, 11]
    made.pace = 0
    made.settle()
    assert made.partition.trackers[TEMPLATES].ahead == 0
    assert {f"s{n}" for n in range(3)} <= {name for _, name in made.accepted}


def test_one_that_was_read_ahead_keeps_none_of_its_line_from_being_parked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where much was read behind those that wait, they are parked, oldest first: it does not count as the oldest."""
    monkeypatch.setattr("egress.lines.partition.BEHIND_MAX", 6)
    made = flooded(0, pace=10)
    made.put(TEMPLATES, *(of_small(promo(f"s{n}", f"5691{n}")) for n in range(2)))
    made.put(TEMPLATES, *(promo(f"b{n}", f"5695{n}") for n in range(20)), of_small(promo("last", "56919")))
    made.room = 0
    assert made.scout(22) == [22]
    made.step()
    made.step()
    assert {record.key for record in made.topics[PARKED]} >= {b"s0", b"s1"}
    assert made.offsets[TEMPLATES] > 1


def test_nothing_is_read_ahead_by_who_lets_go() -> None:
    made = flooded(0)
    made.put(TEMPLATES, of_small(promo("s", "5691")))
    made.partition.granting = False
    assert made.scout(0) == []


def test_a_message_read_ahead_does_not_wait_for_others_to_come() -> None:
    """While a backlog is read a call waits until it is full. What was read ahead has nothing behind it."""
    made = flooded(20, batch_max=1000)
    content = Template(name="promo", language="es", body=["x"])
    made.put(TEMPLATES, of_small(message("s", "5691", content, send_class="utility")))
    made.partition._crowd.expect(made.now.s)
    assert made.scout(20) == [20]
    made.step("accept")
    assert ("5691", "s") not in made.accepted, "it waits for its linger"
    made.step("accept", 0.3)
    assert ("5691", "s") in made.accepted


steps = st.tuples(
    st.sampled_from(FATES), st.floats(0, 8), st.lists(st.integers(0, 32), max_size=6), st.sampled_from([0, 1, 10])
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=25), st.sets(st.integers(0, 24), max_size=8))
def test_whatever_is_read_ahead_and_whenever_it_dies_nobody_is_lost_or_told_twice(
    script: list[tuple[str, float, list[int], int]], small: set[int]
) -> None:
    made = flooded(0)
    every = [promo(f"b{n:03}", f"5695{n:03}") for n in range(25)]
    every = [of_small(one) if n in small else one for n, one in enumerate(every)]
    made.put(TEMPLATES, *every, *(every[n] for n in range(0, 25, 4)))  # some come twice
    for fate, seconds, offsets, room in script:
        made.room = room
        made.scout(*offsets)
        before = made.offsets[TEMPLATES]
        made.step(fate, seconds)
        assert made.offsets[TEMPLATES] >= before
        made.scout(*offsets[::-1])
    made.room, made.pace = 10, 0
    made.settle()
    resends = Counter(m.id for plan in made.plans() if plan.resend_of for m in plan.messages)
    accepted = Counter(name for _, name in made.accepted)
    assert {name: n for name, n in accepted.items() if n > 1 + resends[name]} == {}
    states = made.states()
    assert set(states) == {one.id for one in every}
    for name, state in states.items():
        assert state in ("accepted", "in_doubt", "refused", "dead")
        assert state != "accepted" or name in accepted
    assert made.offsets[TEMPLATES] == len(made.topics[TEMPLATES])


def record(said: OutboundMessage) -> bytes:
    return Record(TEMPLATES, encode(said)).value or b""


def test_a_glance_leaves_what_has_no_room() -> None:
    otp = message("o", "5691", Template(name="code", language="es", body=["1"]), send_class="otp")
    everything = Closed()
    assert not everything.leaves(record(promo("a", "5691")))
    full = Closed(queues=frozenset({(DID, "bulk")}))
    assert full.leaves(record(promo("a", "5691")))
    assert not full.leaves(record(of_small(promo("a", "5691"))))
    assert not full.leaves(record(otp))
    assert Closed(queues=frozenset({(DID, "urgent")})).leaves(record(otp))
    behind = Closed(flows=frozenset({(DID, Flow("", "marketing", "promo", "es"))}))
    assert behind.leaves(record(promo("a", "5691")))
    content = Template(name="promo", language="es", body=["x"])
    assert not behind.leaves(record(message("a", "5691", content, send_class="utility")))


ODD = [None, b"", b"{", b"[]", b'{"did": 5}', b'{"did": "5", "content": {"name": []}}', b"\xff"]


@pytest.mark.parametrize("value", ODD)
def test_a_glance_leaves_what_cannot_be_read(value: bytes | None) -> None:
    assert Closed().leaves(value)


def test_what_is_closed_is_what_the_partition_would_not_take() -> None:
    """The glance and the look say the same of every record."""
    made = flooded(12, pace=12)
    made.put(TEMPLATES, of_small(promo("s", "5691")), promo("x", "5692"), message("t", "5693", send_class="utility"))
    made.room = 0
    made.step()
    found = ahead.closed(made.partition.lines.values())
    for offset in (12, 13, 14):
        [incoming, *_] = made._incoming(TEMPLATES, offset)
        taken = made.scout(offset) == [offset]
        assert found.leaves(incoming.value) == (not taken)
    assert isinstance(incoming, Incoming)
