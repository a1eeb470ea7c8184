"""Deliveries of a conversation: in order, at least once under one key, given up with their bytes, back by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processors.agents.actions import Action, Remember
from processors.agents.agent import Conversation, text_of
from processors.agents.deliveries import PREFIX, TIMER, Delivery, Made, Queue, Result, Terms, work
from processors.agents.deliveries.standing import Standing
from processors.agents.memory import DELIVERED, Memory
from processors.agents.memory import decode as decode_memory
from processors.agents.memory import encode as encode_memory
from processors.agents.service import _Counting
from processors.agents.tidying import tidy
from runtime import metrics
from runtime.engine import Effects, TableView
from runtime.kafka.record import Record
from runtime.settings import ProcessorSettings
from schemas import ids
from schemas.headers import Headers
from schemas.inbound import InboundEvent, MovedTo
from schemas.record import decode, encode
from schemas.topics import DAY_MS, LETTERS_MS
from tests.builders.conversations import Source
from tests.builders.taps import Tap
from tests.builders.webhooks import LINE

OK = Result("delivered")
AWAY = Result("later", "error", "it answered 503")


class Outside:
    """A system outside that answers as it is told, and remembers each attempt. It is not told twice by one key."""

    def __init__(self, *answers: Result | str) -> None:
        self.answers = list(answers)
        self.up: Result | str = OK
        self.attempts: list[tuple[str, Any]] = []
        self.contact: dict[str, Any] = {}
        self.notes: list[str] = []
        self._known: set[str] = set()

    async def __call__(self, one: Delivery) -> Result:
        self.attempts.append((one.key, one.body))
        answer = self.answers.pop(0) if self.answers else self.up
        if answer == "hangs":
            await asyncio.Event().wait()
        if answer == "raises":
            raise ValueError("secret words")
        if answer == "applied and lost":
            self._apply(one)
            return Result("later", "timeout")
        assert isinstance(answer, Result)
        if answer.outcome == "delivered":
            self._apply(one)
        return answer

    def _apply(self, one: Delivery) -> None:
        if one.key in self._known:
            return
        self._known.add(one.key)
        if one.merge:
            self.contact |= one.fields
        else:
            self.notes.append(one.body["text"])


def tap_of(outside: Outside, terms: Terms | None = None) -> Tap:
    """`name=value` upserts a field, anything else is a note; a timer has nothing new."""

    async def agent(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        said = text_of(event)
        name, is_field, value = said.partition("=")
        new = [Made({"fields": {name: value}}, "contact") if is_field else Made({"text": said})] if said else []
        async for action in work(conversation, event, new, outside, terms or Terms(), by="crm"):
            yield action

    return Tap(agent)


def test_what_is_new_is_delivered_within_its_event_and_nothing_waits() -> None:
    outside = Outside()
    tap = tap_of(outside)
    tap.says("a=1")
    tap.says("hola")
    assert (outside.contact, outside.notes) == ({"a": "1"}, ["hola"])
    assert (tap.memory.said, tap.memory.alarms) == ({}, [])


def test_a_failure_is_tried_again_by_a_timer_under_the_same_key() -> None:
    outside = Outside(AWAY, AWAY)
    tap = tap_of(outside)
    tap.says("hola")
    assert outside.notes == []
    assert [alarm.name for alarm in tap.memory.alarms] == [TIMER]
    tap.advance(60)
    assert outside.notes == ["hola"]
    assert len({key for key, _ in outside.attempts}) == 1
    assert (len(outside.attempts), tap.memory.said, tap.memory.alarms) == (3, {}, [])


def test_while_it_is_away_a_conversation_costs_one_call_and_upserts_one_record() -> None:
    outside = Outside(AWAY)
    tap = tap_of(outside)
    for n in range(30):
        tap.says(f"a={n}")
        tap.says(f"b{n % 3}={n}")
    assert len(outside.attempts) == 1
    assert len([name for name in tap.memory.said if name.startswith(PREFIX)]) == 1
    tap.advance(60)
    assert outside.contact == {"a": "29", "b0": "27", "b1": "28", "b2": "29"}
    assert len(outside.attempts) == 2


def test_what_is_merged_goes_under_a_key_of_its_own_for_the_old_one_may_be_known() -> None:
    outside = Outside("applied and lost")
    tap = tap_of(outside)
    tap.says("a=1")
    tap.says("a=2")
    tap.advance(60)
    assert outside.contact == {"a": "2"}


def test_an_upsert_is_not_merged_past_a_note() -> None:
    outside = Outside(AWAY)
    tap = tap_of(outside)
    for said in ("a=1", "note", "a=2"):
        tap.says(said)
    tap.advance(60)
    assert [body for _, body in outside.attempts[1:]] == [
        {"fields": {"a": "1"}},
        {"text": "note"},
        {"fields": {"a": "2"}},
    ]


def test_a_call_that_hangs_is_cut_off_and_one_that_raises_is_a_letter_without_its_words() -> None:
    outside = Outside("hangs", "raises")
    tap = tap_of(outside, Terms(attempt_s=0.01, first_s=1))
    tap.says("one")
    tap.says("two")
    tap.advance(10)
    assert [cause.reason for cause in tap.causes()] == ["raised"]
    assert "secret" not in tap.causes()[0].error
    assert outside.notes == ["two"], "the next one goes on"


def test_what_is_refused_is_a_letter_with_its_bytes_and_can_be_put_back_again_and_again() -> None:
    no = Result("refused", "refused", "it answered 400", said="bad email")
    outside = Outside(no, OK, no)
    tap = tap_of(outside)
    tap.says("x")
    tap.says("y")
    assert [(cause.reason, cause.error, cause.by) for cause in tap.causes()] == [
        ("refused", "it answered 400", "agents.crm")
    ]
    event = decode(tap.letters[0].value, InboundEvent)
    assert event.extra["payload"]["said"] == "bad email"
    tap.put_back(tap.letters[0])
    assert outside.notes == ["y"]
    tap.put_back(tap.letters[0])
    assert outside.notes == ["y", "x"]
    assert tap.letters == []
    assert len({key for key, body in outside.attempts if body == {"text": "x"}}) == 1


def test_what_fails_for_too_long_is_given_up_and_the_next_one_goes_on() -> None:
    outside = Outside()
    outside.up = AWAY
    tap = tap_of(outside, Terms(give_up_s=100, longest_s=20))
    tap.says("one")
    tap.advance(60)
    tap.says("two")
    tap.advance(50)
    assert [cause.reason for cause in tap.causes()] == ["too_old"]
    outside.up = OK
    tap.advance(30)
    assert outside.notes == ["two"]


def test_more_than_may_wait_gives_up_the_oldest_and_what_is_too_large_itself() -> None:
    outside = Outside()
    outside.up = AWAY
    tap = tap_of(outside, Terms(most=3, size=400))
    for said in ("1", "2", "3", "4", "x" * 500):
        tap.says(said)
    assert [cause.reason for cause in tap.causes()] == ["too_many", "too_large"]
    outside.up = OK
    tap.advance(600)
    assert outside.notes == ["2", "3", "4"]


def test_a_letter_that_is_put_back_is_tried_though_as_many_wait_as_may() -> None:
    outside = Outside()
    outside.up = AWAY
    tap = tap_of(outside, Terms(most=2))
    for said in ("1", "2", "3"):
        tap.says(said)
    outside.up = OK
    tap.put_back(tap.letters[0])
    assert tap.letters == []
    tap.advance(60)
    assert outside.notes == ["1", "2", "3"]


def test_a_letter_that_is_put_back_brings_no_field_that_a_newer_delivery_brought() -> None:
    outside = Outside(Result("refused"))
    tap = tap_of(outside)
    tap.says("a=1")
    (letter,) = tap.letters
    outside.answers = [AWAY]
    tap.says("b=2")
    tap.says("a=2")
    tap.advance(60)
    tap.says("c=3")
    tap.put_back(letter)
    assert outside.contact == {"a": "2", "b": "2", "c": "3"}
    assert tap.letters == []


def test_what_waits_and_may_have_arrived_is_taken_again_behind_older_fields_that_are_put_back() -> None:
    outside = Outside(Result("refused"), "applied and lost")
    tap = tap_of(outside)
    tap.says("a=1")
    tap.says("a=2")
    assert outside.contact == {"a": "2"}
    tap.put_back(tap.letters[0])
    tap.advance(60)
    assert outside.contact == {"a": "2"}
    assert tap.memory.alarms == []


def test_a_wait_grows_is_spread_and_is_no_less_than_what_was_asked_for() -> None:
    terms = Terms(first_s=2, longest_s=600)
    assert all(1 <= terms.wait_s(str(n), 1) <= 2 for n in range(50))
    assert all(300 <= terms.wait_s(str(n), 99) <= 600 for n in range(50))
    assert len({terms.wait_s(str(n), 3) for n in range(50)}) > 40
    assert all(10 <= terms.wait_s(str(n), 1, 10) <= 11 for n in range(50))
    assert terms.wait_s("x", 1, 1e9) <= 86_400 * 1.1


def test_the_attempts_of_an_event_end_before_the_event_must() -> None:
    terms = Terms.of(ProcessorSettings(agent_timeout_s=2))
    assert terms.attempt_s + terms.event_s < 2


def test_deliveries_of_the_two_keys_of_a_person_are_united_in_order() -> None:
    terms = Terms()
    one, other = Queue({}, terms), Queue({}, terms)
    one.add("k1", {"text": "1"}, "", 1000)
    other.add("k2", {"text": "2"}, "", 2000)
    one.add("k3", {"text": "3"}, "", 3000)
    both = Queue({**one.changes(), **other.changes()}, terms)
    assert [waiting.key for waiting in both.waiting] == ["k1", "k2", "k3"]


def test_what_waits_goes_along_when_the_person_goes_on_under_another_key() -> None:
    outside = Outside(AWAY, AWAY)
    old, new = tap_of(outside), tap_of(outside)
    new.contact = "56933333333"
    old.says("one")
    new.says("two")
    told = Headers(id="m", type="moved", tenant="acme", at_ms=1, did=LINE, contact=old.contact).to_kafka()
    (adopt,) = old.takes(encode(MovedTo(contact=new.contact)), told).records
    assert (old.memory.said, old.letters) == ({}, [])
    new.takes(adopt.value or b"", list(adopt.headers))
    new.advance(60)
    assert sorted(outside.notes) == ["one", "two"]
    assert new.memory.is_idle()


def test_an_erased_persons_deliveries_are_forgotten() -> None:
    outside = Outside(AWAY)
    tap = tap_of(outside)
    tap.says("secret")
    tap.event("system", type="erase")
    tap.advance(3600)
    assert (outside.notes, tap.letters, tap.memory.said, tap.memory.alarms) == ([], [], {}, [])


def test_what_waited_for_the_tenant_before_is_its_letter_and_never_told_to_the_next() -> None:
    outside = Outside(AWAY)
    tap = tap_of(outside)
    tap.says("for acme")
    tap.tenant = "other"
    tap.says("for other")
    assert outside.notes == ["for other"]
    (letter,) = tap.letters
    assert tap.causes()[0].reason == "foreign_line"
    assert decode(letter.value, InboundEvent).tenant == "acme"
    tap.advance(3600)
    assert outside.notes == ["for other"]


def test_what_is_put_back_for_the_tenant_before_leaves_what_waits_for_the_next_one_alone() -> None:
    outside = Outside(AWAY, AWAY, AWAY)
    tap = tap_of(outside)
    tap.says("for acme")
    tap.tenant = "other"
    tap.says("for other")
    tap.put_back(tap.letters[0])
    assert [cause.reason for cause in tap.causes()] == ["foreign_line"], "it failed, and cannot wait here"
    assert tap.memory.tenant == "other"
    tap.put_back(tap.letters[0])
    assert (outside.notes, tap.letters) == (["for acme"], [])
    tap.advance(60)
    assert outside.notes == ["for acme", "for other"]


def test_a_timer_that_rings_for_a_line_that_is_gone_leaves_the_letters() -> None:
    outside = Outside(AWAY)
    tap = tap_of(outside)
    tap.says("for acme")
    event = {"id": "t1", "kind": "timer", "tenant": "acme", "did": "1", "contact": "2", "reply_to": "2", "at_ms": 1}
    told = [("id", b"t1"), ("type", b"dropped"), ("tenant", b"acme"), ("reason", b"foreign_line")]
    tap.takes(msgspec.json.encode(event), told)
    assert [cause.reason for cause in tap.causes()] == ["foreign_line"]
    assert (tap.memory.said, tap.memory.alarms) == ({}, [])


def test_a_timer_that_is_dropped_because_a_human_owns_rings_again_later() -> None:
    outside = Outside(AWAY)
    tap = tap_of(outside)
    tap.says("hola")
    tap.memory.take_off(TIMER)
    event = {"id": "t1", "kind": "timer", "tenant": "acme", "did": "1", "contact": "2", "reply_to": "2", "at_ms": 1}
    told = [("id", b"t1"), ("type", b"dropped"), ("tenant", b"acme"), ("reason", b"human_owns")]
    tap.takes(msgspec.json.encode(event), told)
    assert outside.notes == []
    tap.advance(60)
    assert outside.notes == ["hola"]


def test_what_waits_keeps_a_timer_when_the_timers_event_becomes_a_dead_letter() -> None:
    outside = Outside(AWAY)
    tap = tap_of(outside)
    tap.says("hola")
    tap.memory.take_off(TIMER)
    assert tap.takes(b"{}", [("type", b"event"), ("tenant", b"acme")]).reason == "malformed"
    tap.advance(60)
    assert outside.notes == ["hola"]
    assert tap.memory.alarms == []


def test_what_is_given_up_is_counted_as_a_dead_letter_by_its_reason() -> None:
    tap = tap_of(Outside(Result("refused")))
    done = tap.says("x")
    labels = {"processor": "agents.crm", "tenant": "acme", "reason": "refused"}
    before = metrics.PROCESS.value(metrics.PROCESSOR_DEAD_LETTERS, **labels)
    source = Source(b"", b"k", [("tenant", b"acme")])
    _Counting("crm")(source, done, 0.1)
    assert metrics.PROCESS.value(metrics.PROCESSOR_DEAD_LETTERS, **labels) == before + 1


def test_what_is_made_is_counted_and_so_is_what_became_of_it() -> None:
    steps = ("made", "delivered", "given_up", "erased")

    def counted() -> list[float]:
        labels = {"agent": "crm", "tenant": "acme"}
        return [metrics.PROCESS.value(metrics.DELIVERIES_NOTED, **labels, step=step) for step in steps]

    tap = tap_of(Outside(OK, Result("refused"), AWAY))
    count, source, before = _Counting("crm"), Source(b"", b"k", [("tenant", b"acme")]), counted()
    for said in ("arrives", "is refused", "waits"):
        count(source, tap.says(said), 0.1)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [3, 1, 1, 0]
    count(source, tap.event("system", type="erase"), 0.1)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [3, 1, 1, 1]


def test_what_waits_is_counted_by_tenant_and_its_age_shown() -> None:
    standing, memory = Standing("crm"), Memory(tenant="acme")
    queue = Queue({}, Terms())
    queue.add("k", {"text": "x"}, "", 1_000)
    memory.said = queue.changes()
    standing.see(0, b"a", memory)
    standing.see(1, b"b", memory)
    standing.show(11_000)
    labels = {"agent": "crm", "tenant": "acme"}
    assert metrics.PROCESS.value(metrics.DELIVERIES_WAITING, **labels) == 2
    assert metrics.PROCESS.value(metrics.DELIVERIES_OLDEST_S, **labels) == 10
    standing.see(0, b"a", Memory(tenant="acme"))
    standing.forget(1)
    standing.show(12_000)
    assert metrics.PROCESS.value(metrics.DELIVERIES_WAITING, **labels) == 0


FIELDS = ("a", "b", "c")
DID = st.one_of(
    st.tuples(st.just("says"), st.sampled_from(FIELDS)),
    st.tuples(st.just("note"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from((1, 30, 900, 5000))),
    st.tuples(st.just("answers"), st.sampled_from((OK, AWAY, "applied and lost", Result("refused"), "raises"))),
    st.tuples(st.just("put back"), st.integers(0, 9)),
)


@given(st.lists(st.tuples(DID, st.integers(0, 2)), max_size=40))
def test_whatever_fails_and_crashes_the_contact_ends_in_its_last_state_and_each_note_is_there_in_order(
    did: list[tuple[tuple[str, Any], int]],
) -> None:
    outside = Outside()
    tap = tap_of(outside, Terms(give_up_s=2000, longest_s=300, most=6, size=400))
    kept: list[Record] = []
    wanted: dict[str, str] = {}
    notes: list[str] = []
    was_given_up = False
    for n, ((what, how), crashes) in enumerate(did):
        match what:
            case "says":
                wanted[how] = str(n)
                tap.says(f"{how}={n}", crashes)
            case "note":
                notes.append(f"note {n:03}")
                tap.says(notes[-1], crashes)
            case "wait":
                tap.advance(how, crashes)
            case "answers":
                outside.up = how
            case _ if tap.letters:
                kept.append(tap.letters[how % len(tap.letters)])
                tap.put_back(kept[-1], crashes)
            case _ if kept:
                tap.puts_back_again(kept[how % len(kept)], crashes)
        was_given_up |= bool(tap.letters)
    outside.up = OK
    letters: list[Record] = tap.letters
    while letters:
        tap.put_back(letters[-1])
    tap.advance(10_000)
    for one in kept:
        tap.puts_back_again(one)
    tap.advance(10_000)
    assert outside.contact == wanted
    assert sorted(outside.notes) == notes
    assert was_given_up or outside.notes == notes, "in order, unless a letter came back later"
    assert tap.letters == []
    assert not any(name.startswith(PREFIX) for name in tap.memory.said)
    assert tap.memory.alarms == []
    assert {done.outcome for done in tap.steps} <= {"handled", "duplicate"}


def test_the_order_does_not_hang_on_the_clock() -> None:
    memory: dict[str, Any] = {}
    for n, now_ms in enumerate((5_000, 1_000, 1_000, 9_000, 2_000)):
        queue = Queue(memory, Terms())
        queue.add(f"k{n}", {"text": str(n)}, "", now_ms)
        memory |= queue.changes()
    assert [one.key for one in Queue(memory, Terms()).waiting] == [f"k{n}" for n in range(5)]


def test_a_name_that_only_looks_like_a_delivery_is_none_and_breaks_nothing() -> None:
    """Any agent remembers what it likes, a service outside by `remember` too; the host reads it all the same."""

    async def remembers(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        yield Remember({f"{PREFIX}1": 1, f"{PREFIX}2": ["k"], f"{PREFIX}3": {"key": "k"}})

    tap, standing = Tap(remembers), Standing("crm")
    tap.says("hola")
    assert tap.memory.said[f"{PREFIX}1"] == 1
    standing.see(0, tap.key, tap.memory)
    assert standing.totals() == {}
    tap.event("system", type="dropped")
    assert (tap.letters, tap.memory.alarms) == ([], [])


def test_deliveries_fill_no_more_of_the_memory_than_they_may_however_small_each_is() -> None:
    """Also where the bounds are as wide as can be: what else is remembered has its room, under two keys too."""
    terms = Terms.of(ProcessorSettings(delivery_max=1000, delivery_bytes=524_288, agent_memory_bytes=65_536))
    queue = Queue({}, terms)
    for number in range(1500):
        queue.add(ids.digest("test", str(number)), {"do": "note"}, "", number)
    assert queue.given_up
    assert {lost.reason for lost in queue.given_up} == {"too_many"}
    memory = Memory(said=queue.changes())
    assert terms.size - 500 < memory.size() <= 65_536 // 3 + 100


def test_upserts_that_would_be_too_large_as_one_are_not_merged_and_the_newest_stands() -> None:
    queue = Queue({}, Terms(size=1000))
    queue.add("a", {"fields": {"a": "x" * 600}}, "contact", 1)
    queue.add("b", {"fields": {"b": "x" * 600}}, "contact", 2)
    assert [(lost.delivery.key, lost.reason) for lost in queue.given_up] == [("a", "too_many")]
    assert [one.key for one in queue.waiting] == ["b"]


def test_what_is_known_for_the_sake_of_letters_goes_when_there_can_be_none_any_more() -> None:
    outside = Outside(Result("refused", "no"))
    tap = tap_of(outside, Terms())
    tap.says("a")
    assert list(tap.memory.said) == [DELIVERED]
    table = TableView(0, {tap.key: encode_memory(tap.memory)})
    kept = tidy(table, idle_ms=7 * DAY_MS, now_ms=tap.now_ms + LETTERS_MS)
    assert kept is not None
    assert list(decode_memory(kept.writes[tap.key]).said) == [DELIVERED], "a letter may be put back"
    assert tidy(table, idle_ms=7 * DAY_MS, now_ms=tap.now_ms + LETTERS_MS + 1) == Effects(writes={tap.key: None})
