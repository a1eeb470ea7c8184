"""The benchmark of conversations: its input is what ingress writes, and its verdict sees whatever is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache

import pytest
from msgspec.structs import replace

from bench import inputs
from bench.processors.settings import RING
from bench.processors.truth import Told, Truth, compute
from bench.processors.verdict import lost_of, wrong_of
from ingress.webhooks.plan import Request, plan_request
from processors.conversations.state import State
from runtime.tenants import Grant
from tests.builders.bench import Topics, processed

NOW = 1_700_000_000_000


@cache
def a_run() -> tuple[Truth, Topics, dict[bytes, State]]:
    given = inputs.make(1500, 60, NOW)
    return (compute(given.tenants, given.sources), *processed(given, RING, NOW + 5))


def test_ingress_would_write_the_very_same_records() -> None:
    given = inputs.make(300, 60, NOW)
    owners = {owner.tenant: owner for owner in given.tenants}
    for record in given.sources:
        owner = owners[dict(record.headers)["tenant"].decode()]
        lines = frozenset(line.did for line in owner.lines)
        grant = Grant(hashlib.sha256(b"secret").hexdigest(), owner.tenant, lines)
        verdict = plan_request(Request(record.value or b"", grant, NOW), max_depth=64)
        assert verdict.records == (record,)


def test_the_input_has_what_makes_it_worth_processing() -> None:
    given = inputs.make(3000, 300, NOW)
    cloud = [len(record.value or b"") for record in given.sources if b'"entry"' in (record.value or b"")]
    assert 800 < sum(cloud) / len(cloud) < 950
    assert 0.08 < len(given.sources) / given.events - 1 < 0.12
    truth = compute(given.tenants, given.sources)
    whole = [told for several in truth.told.values() for told in several]
    assert {agent for agent, _ in truth.told} == set(inputs.AGENTS)
    assert {told.type for told in whole} == {"event", "dropped", "said"}
    assert {told.kind for told in whole} == {"message", "handed_off", "resumed", "customer"}
    assert any(facts.opted_out for facts in truth.facts.values())
    assert {facts.owner for facts in truth.facts.values()} == {"bot", "human"}


def test_the_processor_does_what_the_truth_says() -> None:
    truth, told, states = a_run()
    assert lost_of(truth.told, told) == (0, [])
    assert wrong_of(truth, states) == (0, [])


def _first(told: Topics) -> tuple[str, bytes]:
    return next(place for place, several in told.items() if len(set(several)) > 1)


def _without_one(several: list[Told]) -> list[Told]:
    return several[1:]


def _with_one_twice(several: list[Told]) -> list[Told]:
    return [several[0], *several]


def _with_another_owner(several: list[Told]) -> list[Told]:
    return [several[0]._replace(epoch=99), *several[1:]]


def _swapped(several: list[Told]) -> list[Told]:
    return several[::-1]


@pytest.mark.parametrize(
    ("spoil", "lost"), [(_without_one, 1), (_with_one_twice, 1), (_with_another_owner, 2), (_swapped, 1)]
)
def test_what_is_missing_doubled_changed_or_out_of_order_is_lost(
    spoil: Callable[[list[Told]], list[Told]], lost: int
) -> None:
    truth, told, _ = a_run()
    place = _first(told)
    found, examples = lost_of(truth.told, {**told, place: spoil(told[place])})
    assert found == lost
    assert str(place) in examples[0]


def test_what_ought_not_to_be_there_is_lost_too() -> None:
    truth, told, _ = a_run()
    stranger = ("menu", b"56900000000|56911111111")
    assert lost_of(truth.told, {**told, stranger: told[_first(told)][:1]})[0] == 1


@pytest.mark.parametrize("change", [{"last_inbound_ms": 1}, {"owner": "human", "epoch": 77}, {"profile_name": "x"}])
def test_a_state_that_says_another_thing_is_wrong(change: dict[str, object]) -> None:
    truth, _, states = a_run()
    key = next(iter(states))
    assert wrong_of(truth, {**states, key: replace(states[key], **change)})[0] == 1


def test_a_state_that_is_missing_or_has_forgotten_an_event_is_wrong() -> None:
    truth, _, states = a_run()
    key = next(iter(states))
    assert wrong_of(truth, {other: state for other, state in states.items() if other != key})[0] == 1
    blank = State(
        **{name: getattr(states[key], name) for name in State.__struct_fields__ if name not in ("ring", "ids")}
    )
    assert wrong_of(truth, {**states, key: blank})[0] == 1
