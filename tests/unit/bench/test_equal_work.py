"""Programs of the benchmark that do equal work: ours does what the truth says, and its verdict sees what is wrong."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import cache

import pytest

from bench import inputs
from bench.processors import equal
from bench.processors.kept import State, hear
from bench.processors.ours import Handler
from bench.processors.plain import State as FaustState
from bench.processors.settings import RING
from bench.processors.webhook import Message
from processors.conversations.world import Rules
from runtime.engine import Chunk, TableView
from runtime.engine.chunk import Partition
from tests.builders.conversations import Source

NOW = 1_700_000_000_000
CHUNK = 100
Run = tuple[equal.Truth, dict[equal.Place, list[equal.Told]], dict[bytes, equal.Facts]]


@cache
def a_run() -> Run:
    given = inputs.make(1500, 60, NOW)
    owners = {line.did: owner for owner in given.tenants for line in owner.lines}
    handler, table = Handler(owners.get, "out."), TableView(0)
    told: dict[equal.Place, list[equal.Told]] = defaultdict(list)
    records = [Source(one.value, one.key, list(one.headers), at) for at, one in enumerate(given.sources)]
    for first in range(0, len(records), CHUNK):
        chunk = Chunk(Partition("in", 0), records[first : first + CHUNK], previous_end=first)
        effects = asyncio.run(handler(chunk, table))
        table.apply(effects.writes)
        for one in effects.outputs:
            place = one.topic.removeprefix("out."), one.key or b""
            told[place].append(equal.told_of(one.value, dict(one.headers)))
    facts = {key: equal.facts_of(value) for key, value in table.items()}
    return equal.compute(given.tenants, given.sources), dict(told), facts


def test_ours_does_what_the_truth_says() -> None:
    truth, told, facts = a_run()
    assert equal.verdict_of(truth, told, facts) == (0, 0, ())
    assert {agent for agent, _ in told} == set(inputs.AGENTS)
    assert max(len(one.seen) for one in facts.values()) > 10


@pytest.mark.parametrize(("change", "lost"), [({"id": "x"}, 2), ({"window": 1}, 2), ({"cause": ()}, 2)])
def test_an_event_that_says_another_thing_is_lost(change: dict[str, object], lost: int) -> None:
    truth, told, facts = a_run()
    place = next(iter(told))
    spoilt = {**told, place: [told[place][0]._replace(**change), *told[place][1:]]}
    assert equal.verdict_of(truth, spoilt, facts)[:2] == (lost, 0)


def test_an_event_at_another_agent_is_lost_at_one_and_too_many_at_the_other() -> None:
    truth, told, facts = a_run()
    agent, key = place = next(place for place in told if place[0] == "menu")
    del agent
    other = "support", key
    spoilt = {**told, place: told[place][1:], other: [*told.get(other, ()), told[place][0]]}
    assert equal.verdict_of(truth, spoilt, facts)[:2] == (2, 0)


@pytest.mark.parametrize("change", [{"seen": ()}, {"last_inbound": 1}, {"window": 1}, {"name": "x"}])
def test_a_state_that_says_another_thing_is_wrong(change: dict[str, object]) -> None:
    truth, told, facts = a_run()
    key = next(iter(facts))
    assert equal.verdict_of(truth, told, {**facts, key: facts[key]._replace(**change)})[:2] == (0, 1)
    assert equal.verdict_of(truth, told, {one: facts[one] for one in facts if one != key})[:2] == (0, 1)


@pytest.mark.parametrize("kind", [State, FaustState])
def test_both_forms_of_the_state_hear_a_message_once_and_forget_the_oldest(kind: type[State]) -> None:
    state, again = kind(), kind()
    assert all(hear(state, Message(str(number), "1", "2", number, "Ana", "text", {})) for number in range(RING + 1))
    assert not hear(state, Message("5", "1", "2", 5, "Ana", "text", {}))
    assert hear(state, Message("0", "1", "2", 0, "Ana", "text", {}))
    assert (len(state.seen), state.last_inbound, state.name, again.seen) == (RING, RING, "Ana", [])


def test_every_program_remembers_as_much_as_the_product_does() -> None:
    assert Rules().ring == RING


@pytest.mark.parametrize("records", [800, 2000, 9000])
def test_every_input_has_as_many_records_of_a_conversation_however_long_it_is(records: int) -> None:
    sources = inputs.of_records(records, 10, NOW).sources
    people = {record.key for record in sources}
    assert len(sources) == records
    assert 8.5 < len(sources) / len(people) < 11.5
