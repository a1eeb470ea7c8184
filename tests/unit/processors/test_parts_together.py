"""Conversations, agents, taps, aliases, loops, timers and housekeepers together, in any order, over crashes.

Each event ends once, each message leaves once, each key is in order; an agent is silent after its hand-off and no
longer than that; nothing crosses to another tenant, stays of an erased person, or is left when all was idle.
"""

from __future__ import annotations

import pytest

from tests.builders.processor_checks import played


@pytest.mark.parametrize("first", range(0, 32, 8))
def test_whatever_comes_in_whatever_order_each_event_ends_once_and_nothing_is_left(first: int) -> None:
    assert {seed: wrong for seed in range(first, first + 8) if (wrong := played(seed))} == {}


@pytest.mark.parametrize("seed", [1027, 1043, 1053, 1074, 2176, 2770, 30195])
def test_what_once_went_wrong_goes_well(seed: int) -> None:
    """Hand-offs that went astray; repeats behind an erasure or a change of number; aliases of a line that was lent."""
    assert played(seed, 600) == []
