"""A process that is measured: it works alone on its core, and everything before and after its work is left out.

It is started, given a few records, and watched until it has committed them: from then on it is known to work. It is
then frozen while the input is written, so that it finds all of it at once, and its CPU time is read just before it
goes on and as soon as it has committed the last record.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import cpu
from bench.cluster import Cluster, Progress
from runtime.kafka.record import Record
from sandbox.kafka.process import Child

READY_S = 60.0
WORK_S = 120.0
_POLL_S = 0.02
_TAIL = 3000


class Subject(NamedTuple):
    """A program to measure: what it reads, and as which group. `env` is added to ours, without our `RELEVO_*`."""

    name: str
    command: Sequence[str]
    group: str
    source: str
    env: Mapping[str, str] = {}


class Measured(NamedTuple):
    """What a process did between its first fetch and its last commit."""

    records: int
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_second(self) -> float:
        return self.records / self.cpu_s if self.cpu_s else 0.0


class ProcessFailed(RuntimeError):
    """The measured process ended, or did not come to its end in time; the text has the end of its log."""


def measure(
    subject: Subject, cluster: Cluster, cores: cpu.Plan, folder: Path, first: Sequence[Record], rest: Sequence[Record]
) -> Measured:
    """Run the program over `first`, to warm it up, and `rest`, to measure it."""
    cluster.feed(first, subject.source)
    run = _Run(subject, cluster, cores, folder)
    try:
        run.wait(READY_S)
        return run.over(rest)
    finally:
        run.end()


class _Run:
    def __init__(self, subject: Subject, cluster: Cluster, cores: cpu.Plan, folder: Path) -> None:
        self._subject = subject
        self._cluster = cluster
        self._log = folder / f"{subject.name}.log"
        self._progress: Progress = cluster.progress(subject.group, subject.source)
        with cpu.on(cores.measured):
            self._child = Child(list(subject.command), self._log, env=_environment(subject.env))

    def over(self, records: Sequence[Record]) -> Measured:
        self._child.send(signal.SIGSTOP)
        self._cluster.feed(records, self._subject.source)
        before, started = cpu.seconds(self._child.pid), time.monotonic()
        self._child.send(signal.SIGCONT)
        self.wait(WORK_S)
        return Measured(len(records), cpu.seconds(self._child.pid) - before, time.monotonic() - started)

    def wait(self, seconds: float) -> None:
        """Until everything that was fed is committed."""
        deadline = time.monotonic() + seconds
        while left := self._progress.left():
            if self._child.exit_code is not None:
                raise ProcessFailed(f"{self._subject.name} ended with {self._child.exit_code}:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"{self._subject.name} has {left} records left after {seconds:g} s:\n{self._tail()}"
                )
            time.sleep(_POLL_S)

    def end(self) -> None:
        self._child.stop(5.0)
        self._progress.close()

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-_TAIL:]


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    return {**inherited, **own}
