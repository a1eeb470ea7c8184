"""Cores and CPU time: the measured process has a core to itself, everything else shares the others. Linux only."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

Cores = frozenset[int]

_PROCESS_CLOCK = 2  # with it and a process' id Linux makes the id of its CPU clock, see clock_getcpuclockid(3)


class Plan(NamedTuple):
    """Which cores are whose. On a machine with a single core both are that one, and figures mean little."""

    measured: Cores
    others: Cores


def plan() -> Plan:
    """The last core that this process may use is for the measured one."""
    mine = sorted(os.sched_getaffinity(0))
    last = frozenset(mine[-1:])
    return Plan(last, frozenset(mine) - last or last)


@contextmanager
def on(cores: Cores) -> Iterator[None]:
    """Within, this thread and the processes that it starts are on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pid: int, cores: Cores) -> None:
    """Keep a process that runs already, and whatever it starts from now, on these cores."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # a thread that has just ended
            os.sched_setaffinity(int(task.name), cores)


def seconds(pid: int) -> float:
    """The CPU time that a process has used so far, in user and system mode, of all its threads; to the microsecond."""
    return time.clock_gettime(~pid << 3 | _PROCESS_CLOCK)


def machine() -> str:
    """What the figures were measured on, in a few words."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"
