"""Turns are shared fairly, whoever asks for how many and in whatever order they end."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.agents.turns import Turns

Steps = list[tuple[str, str]]
TENANTS = "abcdefgh"
steps = st.lists(st.tuples(st.sampled_from(["ask", "ask", "back", "withdraw"]), st.sampled_from(TENANTS)), max_size=120)


class Model:
    """Turns, and what the tickets that were granted and those that wait should be."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.turns: Turns[tuple[str, int]] = Turns(count)
        self.waiting: list[tuple[str, int]] = []
        self.held: Counter[str] = Counter()
        self.order: list[tuple[str, int]] = []
        self.asked = 0

    def take(self, step: str, tenant: str) -> None:
        if step == "ask":
            self.asked += 1
            self.waiting.append((tenant, self.asked))
            self.granted(self.turns.ask(tenant, self.waiting[-1]))
        elif step == "back" and self.held[tenant]:
            self.held[tenant] -= 1
            self.granted(self.turns.give_back(tenant))
        elif step == "withdraw":
            mine = [ticket for ticket in self.waiting if ticket[0] == tenant]
            for ticket in mine[-1:]:
                assert self.turns.withdraw(tenant, ticket)
                self.waiting.remove(ticket)

    def granted(self, tickets: list[tuple[str, int]]) -> None:
        for ticket in tickets:
            self.waiting.remove(ticket)
            self.held[ticket[0]] += 1
            self.order.append(ticket)
        self.check()

    def check(self) -> None:
        free = self.count - self.held.total()
        assert (self.turns.free, self.turns.waiting) == (free, len(self.waiting))
        assert free >= 0
        assert all(self.held[tenant] >= free for tenant, _ in self.waiting), "nobody waits who might have a turn"
        for tenant in TENANTS:
            assert self.turns.held(tenant) == self.held[tenant]
            mine = [number for name, number in self.order if name == tenant]
            assert mine == sorted(mine), "one tenant's are in order"


@given(st.integers(1, 12), steps)
def test_nobody_waits_who_might_have_a_turn_and_there_are_never_more(count: int, steps: Steps) -> None:
    model = Model(count)
    for step in steps:
        model.take(*step)
    for tenant in [*model.held]:
        while model.held[tenant]:
            model.take("back", tenant)
    assert not model.waiting or model.held.total()


@given(st.integers(1, 512), st.integers(0, 9))
def test_a_newcomer_finds_a_turn_beside_as_many_greedy_ones_as_turns_can_be_halved(count: int, greedy: int) -> None:
    turns: Turns[object] = Turns(count)
    for number in range(greedy):
        for _ in range(count):
            turns.ask(f"greedy {number}", object())
    ticket = object()
    if 2**greedy <= count:
        assert turns.ask("newcomer", ticket) == [ticket]


def test_one_tenant_alone_has_half() -> None:
    turns: Turns[int] = Turns(512)
    for number in range(1000):
        turns.ask("a", number)
    assert (turns.held("a"), turns.free, turns.waiting) == (256, 256, 744)


def test_of_those_that_wait_the_one_with_the_fewest_goes_first_then_the_one_served_longest_ago() -> None:
    turns: Turns[str] = Turns(4)
    for tenant in "aabc":
        assert turns.ask(tenant, tenant) == [tenant]
    for ticket in ("c2", "d1", "e1"):
        assert turns.ask(ticket[0], ticket) == []
    assert turns.give_back("b") == ["d1"]
    assert turns.give_back("d") == ["e1"]
    assert turns.give_back("e") == []
    assert turns.give_back("a") == ["c2"]


def test_what_was_granted_cannot_be_withdrawn() -> None:
    turns: Turns[str] = Turns(1)
    assert turns.ask("a", "first") == ["first"]
    assert not turns.withdraw("a", "first")
    assert not turns.withdraw("b", "first")
    turns.ask("a", "second")
    assert turns.withdraw("a", "second")
    assert turns.give_back("a") == []
    with pytest.raises(KeyError):
        turns.give_back("a")
