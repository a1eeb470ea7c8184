"""What agents were to bring to systems outside adds up by id, whatever happens to it; a history in which something is
missing, or twice, is broken by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.agents.deliveries import PREFIX, Result, Terms
from processors.agents.memory import Memory, decode, encode
from relevo.audit.gathered import sort, sort_into
from relevo.audit.report import Report, report
from relevo.audit.window import Window
from schemas import topics
from schemas.delivery import DeliveryNote
from schemas.record import decode as decode_record
from schemas.record import encode as encode_record
from tests.builders.taps import Tap
from tests.unit.processors.test_deliveries import AWAY, OK, Outside, tap_of

NOTES, STATE = topics.DELIVERIES.name, topics.agent_state("crm").name
LETTERS = topics.agent("crm").name + topics.DEAD_LETTERS
NO = Result("refused", "refused", "it answered 422")
FEW = Terms(most=3)


class Kept:
    """What Kafka keeps of a tap: each record that it wrote, and its memory after each event."""

    def __init__(self, outside: Outside, terms: Terms = FEW) -> None:
        self.tap = tap_of(outside, terms)
        self.messages: list[Message] = []
        self._ends = Counter[str]()
        self._seen = 0

    def does(self, act: Callable[[Tap], Any]) -> None:
        """Something happens; each event's records and memory are one transaction."""
        takes = self.tap.takes

        def kept(*args: Any) -> Any:
            done = takes(*args)
            for record in done.records:
                self.put(record.topic, record.value, record.headers)
            self.remember(encode(done.memory) if done.memory else None)
            return done

        self.tap.takes = kept  # type: ignore[method-assign]
        act(self.tap)
        self.tap.takes = takes  # type: ignore[method-assign]

    def put(self, topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        told = {"topic": topic, "partition": 0, "offset": self._ends[topic], "key": self.tap.key}
        self.messages.append(Message(**told, value=value, headers=list(headers)))  # type: ignore[call-arg]
        self._ends[topic] += 1

    def remember(self, value: bytes | None) -> None:
        """What the changelog says from now on."""
        self.put(STATE, value)

    def of(self, topic: str) -> list[Message]:
        return [one for one in self.messages if one.topic() == topic]

    def audited(self, without: Sequence[Message] = ()) -> Report:
        found = [one for one in self.messages if one not in without]
        return report(sort(found, ("crm",), Window(passed={(NOTES, 0): self._ends[NOTES]})), None)


ANSWER = st.sampled_from([OK, OK, AWAY, AWAY, NO, "raises", "applied and lost"])
ACT = st.one_of(
    st.sampled_from(["a=1", "a=2", "b=1", "note", "x" * 40]).map(lambda said: lambda tap: tap.says(said)),
    st.sampled_from([1, 60, 4 * 86_400]).map(lambda seconds: lambda tap: tap.advance(seconds)),
    st.just(lambda tap: tap.letters and tap.puts_back_again(tap.letters[0])),
    st.just(lambda tap: tap.letters and tap.put_back(tap.letters[-1])),
    st.just(lambda tap: tap.event("message", type="erase")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ANSWER, max_size=12), st.lists(ACT, max_size=20))
def test_whatever_happens_each_is_delivered_or_ended_or_a_letter_or_waits(
    answers: list[Result | str], script: list[Callable[[Tap], Any]]
) -> None:
    kept = Kept(Outside(*answers))
    for act in script:
        kept.does(act)
    found = kept.audited()
    assert found.violations == []
    one = found.deliveries
    made = {name for note in _notes(kept) for name in note.made}
    assert one.asked == len(made)
    assert one.asked == sum(one.by_end.values()) + one.waiting_count
    assert one.pending == found.not_judged == 0
    assert set(one.waiting) <= made


def _notes(kept: Kept) -> list[DeliveryNote]:
    return [decode_record(one.value(), DeliveryNote) for one in kept.of(NOTES)]


def delivered_and_waiting() -> Kept:
    """Two are delivered, one becomes a letter, one waits."""
    kept = Kept(Outside(OK, AWAY, OK, NO, AWAY))
    for said in ("a=1", "note one"):
        kept.does(lambda tap, said=said: tap.says(said))
    kept.does(lambda tap: tap.advance(60))
    for said in ("note two", "note three"):
        kept.does(lambda tap, said=said: tap.says(said))
    found = kept.audited().deliveries
    assert (found.by_end, found.waiting_count) == ({"delivered": 2, "dead letter": 1}, 1)
    return kept


def test_a_delivery_that_the_memory_lost_is_named() -> None:
    kept = delivered_and_waiting()
    [waits] = kept.audited().deliveries.waiting
    memory = decode(kept.of(STATE)[-1].value())  # type: ignore[arg-type]
    memory.said = {name: value for name, value in memory.said.items() if not name.startswith(PREFIX)}
    kept.remember(encode(memory))
    assert kept.audited().violations == [f"nothing became of the delivery: {waits}"]


def test_a_memory_that_went_with_a_delivery_in_it_is_named() -> None:
    kept = delivered_and_waiting()
    [waits] = kept.audited().deliveries.waiting
    kept.remember(None)
    assert kept.audited().violations == [f"nothing became of the delivery: {waits}"]


def test_a_delivery_that_was_given_up_without_a_letter_is_named() -> None:
    kept = delivered_and_waiting()
    [letter] = kept.of(LETTERS)
    [name] = [one.id for note in _notes(kept) for one in note.ended if one.how == "given_up"]
    assert kept.audited([letter]).violations == [f"a delivery was given up, but no letter holds it: {name}"]


def test_a_delivery_of_whose_end_there_is_no_word_is_named() -> None:
    kept = delivered_and_waiting()
    note = next(one for one in kept.of(NOTES) if not decode_record(one.value(), DeliveryNote).made)
    [ended] = decode_record(note.value(), DeliveryNote).ended
    assert kept.audited([note]).violations == [f"nothing became of the delivery: {ended.id}"]


def test_a_delivery_that_is_twice_on_record_is_named() -> None:
    kept = delivered_and_waiting()
    [first, *_] = _notes(kept)
    kept.put(NOTES, encode_record(first))
    assert kept.audited().violations == [f"delivered twice: {first.made[0]}"]


def test_an_older_memory_on_top_of_a_newer_one_is_named() -> None:
    """What a worker that was frozen could write if nothing fenced it."""
    kept = delivered_and_waiting()
    older = next(one for one in kept.of(STATE) if PREFIX.encode() in (one.value() or b""))
    name = next(one.id for note in _notes(kept) for one in note.ended if not note.made)
    last = kept.audited().deliveries.waiting
    kept.remember(older.value())  # type: ignore[arg-type]
    named = [f"delivered, and waits to be delivered again: {name}"]
    assert kept.audited().violations == [*named, f"nothing became of the delivery: {last[0]}"]


def test_what_was_asked_for_while_the_audit_began_to_read_is_not_judged() -> None:
    kept = delivered_and_waiting()
    kept.remember(encode(Memory()))
    early = report(sort(kept.messages, ("crm",), Window()), None)
    assert (early.violations, early.deliveries.pending) == ([], 1)


def test_what_began_before_there_were_notes_is_not_judged() -> None:
    kept = delivered_and_waiting()
    found = kept.audited(kept.of(NOTES))
    assert (found.violations, found.deliveries.asked, found.not_judged) == ([], 0, 2)


@pytest.mark.parametrize("tenant", ["acme", "other"])
def test_of_one_tenant_only_its_own_are_asked_for(tenant: str) -> None:
    kept = delivered_and_waiting()
    found = sort([], ("crm",))
    found.frame.only = tenant
    asked = report(sort_into(found, kept.messages, ("crm",)), None).deliveries.asked
    assert asked == (4 if tenant == "acme" else 0)
