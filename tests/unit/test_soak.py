"""The soak's figures: growth is the last quarter against the first, and its verdict stands beside them."""

from types import SimpleNamespace
from typing import Any, cast

from bench.soak import Run, Sample, figures, quarters
from tests.engine_apps.reckoning import Verdict


def samples(*memory_mb: float) -> list[Sample]:
    return [Sample(float(n), memory, 20 + n, n) for n, memory in enumerate(memory_mb)]


def test_quarters_are_medians_that_one_spike_does_not_move() -> None:
    taken = samples(10, 11, 500, 12, 20, 20, 20, 20, 20, 20, 20, 20, 30, 900, 31, 32)
    assert quarters(taken, lambda sample: sample.memory_mb) == (11.5, 31.5)
    assert quarters(samples(7), lambda sample: sample.memory_mb) == (7, 7)


def test_the_warm_up_does_not_count() -> None:
    taken = samples(*[1.0] * 5, *[50.0] * 95)
    assert quarters(taken, lambda sample: sample.memory_mb) == (50, 50)


def test_the_figures_say_what_was_lost_and_what_grew() -> None:
    run = Run(seconds=60, kills=2, records_behind_at_kills=[9, 4], samples=samples(100, 100, 100, 125))
    scenario = cast(Any, SimpleNamespace(events=600, duplicates=60))
    found = figures(scenario, run, Verdict(lost=1, doubled=2, wrong_states=3))
    assert (found["lost"], found["doubled"], found["wrong_states"]) == (1, 2, 3)
    assert (found["minutes"], found["events_per_second"], found["kills"]) == (1.0, 10.0, 2)
    assert (found["memory_growth_percent"], found["least_behind_at_a_kill"], found["most_behind"]) == (25.0, 4, 3)
