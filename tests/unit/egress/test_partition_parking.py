"""What must wait is parked: no input is held up, nothing is lost or sent twice, replies keep their order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egress.lines.memory import index as indexes
from egress.lines.memory import segments
from egress.lines.parking import lot as lots
from egress.lines.parking import parked
from egress.lines.partition import COMMITTED, JOURNAL, REFRESH_S
from egress.lines.process import gauges
from egress.lines.queues.admission import KEPT_MS, PARKED
from egress.lines.queues.crowd import SHARE
from runtime import metrics
from runtime.kafka.record import Record
from schemas.dead_letter import Cause
from schemas.line_command import ControlLine
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.parked import Done, Parked, unparked
from schemas.record import decode, encode
from schemas.tenant import Line
from tests.builders.line_model import ANSWERS, Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant

BUSY = "56922222222"
PEOPLE = ("5691", "5692", "5693")
INPUTS = ("outbound.replies", "outbound.templates")
FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after"]


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


LINES = st.sampled_from([DID, BUSY])
EVENTS = st.one_of(
    st.tuples(st.just("fate"), st.sampled_from(FATES), st.floats(0, 20), st.booleans(), st.booleans()),
    st.tuples(st.sampled_from(["pause", "resume"]), LINES),
    st.tuples(st.sampled_from(["replies", "templates", "later", "again"]), LINES, st.integers(1, 9)),
)


@dataclass
class Script:
    """What the outside world does, and what it asked for."""

    made: Model
    put: list[tuple[str, OutboundMessage]] = field(default_factory=list)

    def play(self, kind: str, rest: list[Any], *, repeats: bool) -> None:
        match kind:
            case "fate":
                fate, seconds, self.made.slow, self.made.deaf = rest
                self.made.step(fate, seconds)
            case "pause" | "resume":
                control(self.made, rest[0], kind)
            case "replies":
                self.add("outbound.replies", replies(rest[0], len(self.put), rest[1]))
            case "templates":
                self.add("outbound.templates", templates(rest[0], len(self.put), rest[1]))
            case "later":
                late = {"not_before_ms": self.made.now.wall_ms + 90_000}
                more = templates(rest[0], len(self.put), rest[1])
                self.add("outbound.templates", [msgspec.structs.replace(one, **late) for one in more])
            case "again" if repeats:
                for topic, one in self.put[-rest[1] :]:
                    self.made.put(topic, one)

    def add(self, topic: str, more: list[OutboundMessage]) -> None:
        self.put += [(topic, one) for one in more]
        self.made.put(topic, *more)

    def end(self) -> None:
        """Everything goes its way at last."""
        made = self.made
        made.slow = made.deaf = False
        control(made, DID, "resume")
        control(made, BUSY, "resume")
        for _ in range(200):
            made.step("accept", 5.0)
            if made.idle and not gauges.parked(made.partition).total():
                break
        made.step("accept", 5.0)


@example([("templates", DID, 6), ("fate", "crash_before", 0.0, False, False)], True)
@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=40), st.booleans())
def test_nobody_twice_nobody_lost_in_order_whatever_waits_and_dies(
    events: list[tuple[Any, ...]], forgetful: bool
) -> None:
    """A forgetful book forgets every plan that no record could bring back."""
    with pytest.MonkeyPatch.context() as patched:
        if forgetful:
            patched.setattr(indexes, "KNOWN_MAX", 0)
        patched.setattr(lots, "NOTE_EVERY", 2 if forgetful else 50_000)
        made = model(checkpoint_records=10, sends_memory=1) if forgetful else model()
        script = Script(made)
        for kind, *rest in events:
            script.play(kind, rest, repeats=not forgetful)
        made.slow = made.deaf = False
        control(made, DID, "pause")
        for _ in range(3):
            made.step("accept", 11.0)
        assert committed(made) == ends(made), "a paused line holds no input up"
        script.end()
    assert_once_and_in_order(made)
    states = made.states()
    assert set(states) == {one.id for _, one in script.put}
    assert set(states.values()) <= {"accepted", "in_doubt", "refused", "dead"}
    assert made.offsets[PARKED] == len(made.topics.get(PARKED, []))
    assert gauges.parked(made.partition).total() == 0


def outcomes(made: Model) -> list[Outcome]:
    return [decode(record.value, Outcome) for record in made.topics.get("outcomes", [])]


def test_a_paused_line_keeps_nothing_in_memory_and_its_neighbour_goes_on() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 9), *replies(BUSY, 0, 3))
    made.step()
    assert [one for _, one in made.accepted] == [one.id for one in replies(BUSY, 0, 3)]
    assert (made.offsets["outbound.replies"], made.partition.waiting()) == (12, (0, 0))
    made.step()
    made.crash()
    made.put("outbound.replies", *replies(DID, 9, 3))
    control(made, DID, "resume")
    made.settle(10)
    for person in PEOPLE:
        assert told(made, DID, person) == [one.id for one in replies(DID, 0, 12) if one.contact == person]


def test_what_is_parked_is_said_in_one_record_with_its_reason() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 4))
    made.step()
    [said] = outcomes(made)
    assert (said.state, said.code, said.did) == ("parked", "line_paused", DID)
    assert said.message_ids == [one.id for one in replies(DID, 0, 4)]
    control(made, DID, "resume")
    made.settle(10)
    assert set(made.states().values()) == {"accepted"}


def test_a_parked_record_is_the_input_as_it_came_and_says_where_from() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    value, came = encode(replies(DID, 0, 1)[0])[:-1] + b',"of_a_later_version":1}', [("at", b"5"), ("replay", b"x")]
    made.topics["outbound.replies"] = [Record("outbound.replies", value, b"a|b", came)]
    made.step()
    [kept] = made.topics[PARKED]
    assert (kept.value, kept.key) == (value, replies(DID, 0, 1)[0].id.encode())
    assert unparked(kept.headers) == [*came, ("did", DID.encode())]
    note = Parked.from_headers(kept.headers)
    assert (note.did, note.kind, note.origin, note.key) == (DID, "reply", ("outbound.replies", 0), b"a|b")
    assert note.at_ms == made.now.wall_ms


def test_beyond_a_lines_memory_the_older_replies_are_parked_before_the_younger() -> None:
    made = model()
    made.put("outbound.replies", *replies(DID, 0, 3))
    made.partition.granting = False
    made.step()
    assert whys(made) == {}
    made.put("outbound.replies", *replies(DID, 3, 2))
    made.step()
    keys = [record.key.decode() for record in made.topics[PARKED]]
    assert keys == [one.id for one in replies(DID, 0, 5)]
    assert whys(made) == {"backlog": 5}
    assert made.partition.waiting() == (3, 0)
    assert made.offsets["outbound.replies"] == 5


def test_a_line_has_a_share_however_full_the_worker_is() -> None:
    made = model(line_memory=50, worker_memory=50)
    made.partition.granting = False
    made.put("outbound.replies", *replies(DID, 0, 50), *replies(BUSY, 0, SHARE + 5))
    made.step()
    lines = made.partition.lines
    assert (lines[DID].waiting("reply"), lines[BUSY].waiting("reply")) == (50, SHARE)
    assert whys(made) == {"backlog": SHARE + 5}


def test_a_template_whose_time_is_far_waits_in_kafka_alone_and_goes_at_its_time() -> None:
    made = model()
    late = msgspec.structs.replace(templates(DID, 0, 1)[0], not_before_ms=WALL + 3_600_000)
    made.put("outbound.templates", late, *templates(DID, 1, 2))
    for _ in range(3):
        made.step("accept", 3)
    assert (len(made.accepted), whys(made), made.partition.waiting()) == (2, {"not_before": 1}, (0, 0))
    assert made.offsets["outbound.templates"] == 3
    made.crash()
    made.step("accept", 3500)
    made.step("accept", 3)
    assert len(made.accepted) == 2
    for _ in range(40):
        made.step("accept", 3)
    assert made.accepted[2:] == [("5695000", late.id)]
    [plan] = [plan for plan in made.plans() if plan.messages[0].id == late.id]
    assert plan.at_ms >= late.not_before_ms


def test_a_reply_that_waits_for_a_doubt_holds_no_offset_for_long() -> None:
    made = model()
    made.put("outbound.replies", *replies(DID, 0, 1), *replies(DID, 3, 1))
    made.step("time_out")
    made.step("accept", 9)
    assert made.offsets["outbound.replies"] == 1
    made.step("accept", 2)
    assert made.offsets["outbound.replies"] == 2
    assert whys(made) == {"waits": 1}
    made.crash()
    made.settle(15)
    assert [one for _, one in made.accepted] == [replies(DID, 3, 1)[0].id]
    assert made.offsets[PARKED] == 1


def test_what_was_refused_before_its_parked_copy_was_read_back_stays_refused_after_a_crash() -> None:
    made = model(park_after_s=1.0)
    made.deaf = True
    made.put("outbound.templates", *templates(DID, 0, 1))
    made.step("accept")
    made.step("accept", 1.5)
    assert (whys(made), made.states()) == ({"waits": 1}, {"t000@1": "parked"})
    only = made.rules.tenants.only  # type: ignore[attr-defined]
    made.rules.tenants.only = msgspec.structs.replace(only, templates=[])  # type: ignore[attr-defined]
    made.step("accept", 1)
    assert made.states() == {"t000@1": "refused"}
    made.rules.tenants.only = only  # type: ignore[attr-defined]
    made.deaf = False
    made.crash()
    made.settle(10)
    assert (made.accepted, made.offsets[PARKED]) == ([], 1)


def test_a_parked_reply_with_no_attempt_left_is_a_dead_letter_of_the_replies() -> None:
    made = model(line_memory=1)
    made.put("outbound.replies", *replies(DID, 0, 4))
    for _ in range(40):
        made.step("throttle", 70)
    assert set(made.states().values()) == {"dead"}
    assert len(made.topics["outbound.replies.dlq"]) == 4
    assert "outbound.templates.dlq" not in made.topics
    assert {plan.lane for plan in made.plans()} == {True}


def test_a_parked_record_that_cannot_be_read_is_a_dead_letter_of_its_input_and_holds_nobody_up() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 2), key=b"a|b")
    made.step()
    made.topics[PARKED][0] = made.topics[PARKED][0]._replace(value=b"{poison")
    made.topics[PARKED].insert(0, Record(PARKED, b"foreign", b"x"))
    made.crash()
    control(made, DID, "resume")
    made.settle(10)
    assert [one for _, one in made.accepted] == [replies(DID, 1, 1)[0].id]
    [letter] = made.topics["outbound.replies.dlq"]
    assert (letter.value, letter.key) == (b"{poison", b"a|b")
    assert Cause.from_headers(letter.headers).source == f"{PARKED}-0-1"
    assert [record.value for record in made.topics["outbound.templates.dlq"]] == [b"foreign"]
    assert made.offsets[PARKED] == 3


def test_what_was_parked_for_too_long_is_given_up_before_kafka_deletes_it() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 2))
    made.step()
    made.step("accept", KEPT_MS / 1000 - 10)
    assert set(made.states().values()) == {"parked"}
    made.step("accept", 100)
    made.step("accept", 100)
    assert set(made.states().values()) == {"dead"}
    assert [Cause.from_headers(r.headers).reason for r in made.topics["outbound.replies.dlq"]] == [
        "parked_too_long"
    ] * 2
    made.crash()
    control(made, DID, "resume")
    made.settle(5)
    assert (made.accepted, made.offsets[PARKED]) == ([], 2)


def test_a_time_that_kafka_cannot_wait_for_is_refused() -> None:
    made = model()
    made.put("outbound.templates", *(promo("t", "5691", not_before_ms=WALL + KEPT_MS + 1),))
    made.step()
    assert [(said.state, said.code) for said in outcomes(made)] == [("refused", "too_far")]
    assert PARKED not in made.topics


def test_a_parked_message_that_is_gone_is_counted_and_holds_nobody_up() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 2))
    made.step()
    made.step()
    control(made, DID, "resume")
    made.slow = True
    made.step()
    before = metrics.PROCESS.value(metrics.EGRESS_PARKED_LOST)
    [wanted] = made.wanted
    parked.arrived(made.partition, wanted, {}, made.now)
    made.wanted.clear()
    assert metrics.PROCESS.value(metrics.EGRESS_PARKED_LOST) == before + 2
    made.step()
    assert made.offsets[PARKED] == 2


def test_offsets_are_committed_again_before_a_group_that_does_not_subscribe_loses_them() -> None:
    made = model()
    made.step()
    work, _ = made.partition.cycle(made.now, 10)
    assert work.offsets == {}
    made.seconds += REFRESH_S
    work, _ = made.partition.cycle(made.now, 10)
    assert {topic for topic, _ in work.offsets} == {*COMMITTED, JOURNAL, PARKED}


def test_a_message_that_comes_twice_while_it_is_parked_goes_once() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 2), *replies(DID, 0, 2))
    made.step()
    control(made, DID, "resume")
    made.settle(10)
    assert len(made.accepted) == 2
    assert made.offsets[PARKED] == 4


def test_what_is_done_behind_one_that_waits_for_days_is_noted_and_may_be_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(indexes, "KNOWN_MAX", 0)
    monkeypatch.setattr(segments, "SEGMENT_MAX", 5)
    monkeypatch.setattr(lots, "NOTE_EVERY", 5)
    made = model(checkpoint_records=10, sends_memory=1)
    late = msgspec.structs.replace(templates(DID, 0, 1)[0], not_before_ms=WALL + 10 * 86_400_000)
    made.put("outbound.templates", late)
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 30))
    made.step()
    control(made, DID, "resume")
    made.settle(30)
    assert (len(made.accepted), made.offsets[PARKED]) == (30, 0)
    assert all(made.partition.lines[DID].book.knows(one.id) for one in replies(DID, 0, 30)), "a crash brings them back"
    for n in range(3):
        made.step("accept", 3700)
        made.put("outbound.replies", *replies(DID, 30 + 20 * n, 20))
        made.settle(30)
    assert not any(made.partition.lines[DID].book.knows(one.id) for one in replies(DID, 0, 30)), "now it does not"
    made.accepted = made.accepted[:30]
    made.crash()
    assert gauges.parked(made.partition) == {"reply": 0, "urgent": 0, "bulk": 1}
    made.settle(30)
    assert len(made.accepted) == 30
    for record in made.topics[PARKED]:
        assert (record.value is None) == (Done.from_headers(record.headers) is not None)
    made.step("accept", 10 * 86_400)
    made.settle(10)
    assert len(made.accepted) == 31
    assert made.offsets[PARKED] == len(made.topics[PARKED])


def test_a_note_that_cannot_be_read_is_said_and_the_messages_are_looked_up_one_by_one() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 3))
    made.step()
    made.topics[PARKED].append(Record(PARKED, None, None, Done(0, b"poison").headers(WALL)))
    made.crash()
    assert gauges.parked(made.partition) == {"reply": 3, "urgent": 0, "bulk": 0}
    control(made, DID, "resume")
    made.settle(10)
    assert len(made.accepted) == 3
    assert made.offsets[PARKED] == 4


def test_a_reply_that_comes_while_the_one_before_it_is_fetched_goes_behind_it() -> None:
    made = model()
    control(made, DID, "pause")
    made.step()
    made.put("outbound.replies", *replies(DID, 0, 1))
    made.step()
    control(made, DID, "resume")
    made.slow = True
    made.step()
    made.step()
    assert [wanted.offsets for wanted in made.wanted] == [[0]]
    made.put("outbound.replies", *replies(DID, 3, 1))
    made.step()
    assert made.accepted == []
    made.slow = False
    made.settle(5)
    assert told(made, DID, PEOPLE[0]) == [replies(DID, 0, 1)[0].id, replies(DID, 3, 1)[0].id]


def test_how_many_are_parked_and_since_when_is_known_not_counting_far_times() -> None:
    made = model()
    made.put("outbound.templates", msgspec.structs.replace(templates(DID, 0, 1)[0], not_before_ms=WALL + 10**8))
    made.step()
    made.step()
    assert gauges.parked(made.partition) == {"reply": 0, "urgent": 0, "bulk": 1}
    assert gauges.parked_since_ms(made.partition, made.now) == made.now.wall_ms
    control(made, DID, "pause")
    made.step("accept", 1000)
    made.put("outbound.replies", *replies(DID, 0, 2))
    parked_ms = made.now.wall_ms
    made.step()
    made.step("accept", 500)
    assert gauges.parked(made.partition) == {"reply": 2, "urgent": 0, "bulk": 1}
    assert gauges.parked_since_ms(made.partition, made.now) == parked_ms
    control(made, DID, "resume")
    made.settle(5)
    assert gauges.parked_since_ms(made.partition, made.now) == made.now.wall_ms
