"""Processes that are measured: each works alone on its core, and everything before and after its work is left out.

All are started side by side on all cores, each is given a few records and frozen once it has committed them: from
then on it is known to work.
Then they take turns, several rounds, so that what else the machine does meanwhile falls on all of them alike. In its
turn a process, still frozen, gets its input, so that it finds all of it at once; its CPU time is read just before it
goes on and as soon as it has committed the last record.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import cpu
from bench.cluster import Cluster, Progress
from runtime.kafka.record import Record
from sandbox.kafka.process import Child

READY_S = 90.0
WORK_S = 300.0
_POLL_S = 0.02
_TAIL = 3000


class Subject(NamedTuple):
    """A program to measure: what it reads, and as which group. `env` is added to ours, without our `RELEVO_*`."""

    name: str
    command: tuple[str, ...]
    group: str
    source: str
    env: tuple[tuple[str, str], ...] = ()


class Measured(NamedTuple):
    """What a process did between its first fetch and its last commit."""

    records: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def per_cpu_second(self) -> float:
        return self.records / self.cpu_s if self.cpu_s else 0.0

    def plus(self, other: Measured) -> Measured:
        return Measured(self.records + other.records, self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


class ProcessFailed(RuntimeError):
    """The measured process ended, or did not come to its end in time; the text has the end of its log."""


def measure(
    subjects: Mapping[Subject, Sequence[Record]],
    cluster: Cluster,
    cores: cpu.Plan,
    folder: Path,
    *,
    warm: int,
    rounds: int,
) -> dict[str, Measured]:
    """By the subjects' names, what each did with its records but the first `warm`, in so many rounds."""
    runs: list[Running] = []
    try:
        runs += [Running(subject, cluster, folder) for subject in subjects]
        for subject, records in subjects.items():
            cluster.feed(records[:warm], subject.source)
        for run in runs:
            run.freeze_warm(cores.measured)
        with cpu.on(cores.others):
            return _in_turns(runs, [records[warm:] for records in subjects.values()], rounds)
    finally:
        for run in runs:
            run.end()


def _in_turns(runs: Sequence[Running], records: Sequence[Sequence[Record]], rounds: int) -> dict[str, Measured]:
    found = {run.subject.name: Measured() for run in runs}
    for turn in range(rounds):
        for run, own in zip(runs, records, strict=True):
            part = own[turn * len(own) // rounds : (turn + 1) * len(own) // rounds]
            found[run.subject.name] = found[run.subject.name].plus(run.over(part))
    return found


class Running:
    """A subject as a process."""

    def __init__(self, subject: Subject, cluster: Cluster, folder: Path) -> None:
        self.subject = subject
        self._cluster = cluster
        self._log = folder / f"{subject.name}.log"
        self._progress: Progress = cluster.progress(subject.group, subject.source)
        self._child = Child(subject.command, self._log, env=environment(subject.env))

    def freeze_warm(self, cores: cpu.Cores) -> None:
        """Wait until it has done what it was given, freeze it, and give it its core."""
        self.wait(READY_S)
        self._child.send(signal.SIGSTOP)
        cpu.pin(self._child.pid, cores)

    def over(self, records: Sequence[Record]) -> Measured:
        """Let the frozen process do these, and freeze it again."""
        self._cluster.feed(records, self.subject.source)
        before, started = cpu.seconds(self._child.pid), time.monotonic()
        self._child.send(signal.SIGCONT)
        self.wait(WORK_S)
        used, took = cpu.seconds(self._child.pid) - before, time.monotonic() - started
        self._child.send(signal.SIGSTOP)
        return Measured(len(records), used, took)

    def wait(self, seconds: float) -> None:
        """Until everything that was fed is committed."""
        deadline = time.monotonic() + seconds
        while left := self._progress.left():
            if self._child.exit_code is not None:
                raise ProcessFailed(f"{self.subject.name} ended with {self._child.exit_code}:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.subject.name} has {left} records left after {seconds:g} s:\n{self._tail()}")
            time.sleep(_POLL_S)

    def end(self) -> None:
        """What was to be measured is committed; frozen as it is, it need not say goodbye."""
        self._child.kill()
        self._progress.close()

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-_TAIL:]


def environment(own: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What a measured process is given: ours without our `RELEVO_*`, and its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    return {**inherited, **dict(own)}
