"""What a benchmark prints, and how it ends."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from bench import cpu, report
from bench.processes import Measured
from bench.processors import __main__ as program

KEYS = {"noop_per_cpu_second": 1, "lost": 0, "wrong_states": 0}


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str, **figures: Any) -> int:
    monkeypatch.setattr(program, "run", lambda *_: ({**KEYS, **figures}, ["an example"]))
    monkeypatch.setattr("sys.argv", ["bench.processors", *arguments])
    return program.main()


def test_json_is_one_object_on_the_last_line_and_examples_stand_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "--json", "--quick") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[-1]).items() >= KEYS.items()
    assert "an example" in printed.err


def test_without_json_every_figure_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report.show({"a_long_name": 1234567, "b": "text"}, as_json=False)
    assert capsys.readouterr().out.splitlines() == ["a_long_name  1,234,567", "b            text"]


@pytest.mark.parametrize("wrong", ["lost", "wrong_states"])
def test_anything_wrong_is_an_exit_code_of_1(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    assert ended(monkeypatch, "--json", **{wrong: 1}) == 1


def test_rounds_add_up() -> None:
    both = Measured(100, 0.5, 1.0).plus(Measured(300, 1.5, 2.0))
    assert (both.records, both.per_cpu_second, both.wall_s) == (400, 200.0, 3.0)
    assert Measured().per_cpu_second == 0


def test_the_measured_process_has_a_core_of_its_own_where_there_are_two() -> None:
    plan = cpu.plan()
    assert plan.measured | plan.others == os.sched_getaffinity(0)
    assert len(plan.measured) == 1
    assert plan.measured.isdisjoint(plan.others) or len(plan.others) == 1
    with cpu.on(plan.measured):
        assert os.sched_getaffinity(0) == plan.measured
    assert os.sched_getaffinity(0) == plan.measured | plan.others


def test_the_cpu_time_of_a_process_grows_with_what_it_does() -> None:
    before = cpu.seconds(os.getpid())
    while cpu.seconds(os.getpid()) < before + 0.03:
        sum(range(10_000))
