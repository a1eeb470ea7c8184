"""A soak: the engine under steady load for an hour, one worker killed every few minutes, everything counted at the end.

    python -m bench.soak --minutes 60 --rate 300 [--kill-every 180] [--json]

Two workers of the dedupe program share a genuine Kafka of their own. One lives through the run: its memory and its open
files are sampled, and the medians of the first and the last quarter compared. The other is killed with SIGKILL, with
records behind; every second time it stays away until the first has taken its partitions over, so that tables come and
go. The changelog is compacted all the time. At the end what Kafka holds is judged by a reckoning from the source.
The program ends with 1 if anything was lost or doubled, a state is wrong, or a worker ended by itself.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.kafka import Broker
from tests.engine_apps.reckoning import EXACT, Verdict
from tests.engine_apps.scenario import PARTITIONS, Scenario, WorkerProcess, wait_until

SAMPLE_S = 5.0
WARM_UP = 0.05  # of the run: libraries load, every key comes into the table
KEYS = 3000
RING = 32
AGES_S = 300.0  # a worker may need so long to start or to take partitions over, where others work on the machine too
COMPACTION = {"segment.ms": "30000", "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "1000"}


@dataclass(frozen=True)
class Sample:
    """Of the worker that lives through the run."""

    at_s: float
    memory_mb: float
    files: int
    behind: int


@dataclass
class Run:
    """What a run saw."""

    seconds: float = 0.0
    kills: int = 0
    handovers: int = 0
    records_behind_at_kills: list[int] = field(default_factory=list)
    ended_by_themselves: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Soak:
    def __init__(self, scenario: Scenario, *, seconds: float, rate: float, kill_every_s: float) -> None:
        self._scenario = scenario
        self._seconds = seconds
        self._rate = rate
        self._kill_every_s = kill_every_s
        self._began = time.monotonic()
        self._run = Run()

    def run(self) -> Run:
        """The whole of it, until all is committed and both workers have stopped."""
        self._lasting = self._scenario.worker("lasting").said("worker ready", AGES_S)
        self._killed = self._scenario.worker("killed").said("worker ready", AGES_S)
        self._began = time.monotonic()
        with self._scenario.feeding(self._rate):
            next_kill = self._kill_every_s
            while (now := self._age()) < self._seconds:
                self._sample()
                self._look_after_workers()
                if now >= next_kill:
                    self._kill()
                    next_kill = self._age() + self._kill_every_s
                time.sleep(SAMPLE_S)
        self._run.seconds = self._age()
        self._scenario.drained(AGES_S)
        self._run.ended_by_themselves += [
            code for code in (self._lasting.stop(AGES_S), self._killed.stop(AGES_S)) if code
        ]
        return self._run

    def _age(self) -> float:
        return time.monotonic() - self._began

    def _sample(self) -> None:
        proc = Path(f"/proc/{self._lasting.process.pid}")
        try:
            status = (proc / "status").read_text()
            files = len(os.listdir(proc / "fd"))
        except OSError:
            return  # it has ended, and is counted as such
        resident = next((line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")), None)
        if resident is not None:
            sample = Sample(self._age(), int(resident) / 1024, files, self._scenario.behind)
            self._run.samples.append(sample)

    def _look_after_workers(self) -> None:
        """A worker that ended by itself is counted and started again."""
        self._lasting = self._again(self._lasting)
        self._killed = self._again(self._killed)

    def _again(self, worker: WorkerProcess) -> WorkerProcess:
        if not worker.ended:
            return worker
        self._run.ended_by_themselves.append(worker.exit_code())
        print(f"a worker ended by itself:\n{worker.text[-2000:]}", file=sys.stderr)
        return self._scenario.worker(worker.plan.instance)

    def _kill(self) -> None:
        wait_until(lambda: self._scenario.behind > 0, AGES_S, "there is work in progress")
        self._run.records_behind_at_kills.append(self._scenario.behind)
        self._killed.kill()
        self._run.kills += 1
        if self._run.kills % 2 == 0:
            wait_until(self._alone, AGES_S, "the other worker has taken over")
            self._run.handovers += 1
        self._killed = self._scenario.worker("killed").said("worker ready", AGES_S)
        print(f"{self._age():.0f} s, kill {self._run.kills}: {self._run.samples[-1]}", file=sys.stderr, flush=True)

    def _alone(self) -> bool:
        return self._lasting.ended or self._lasting.recovered[-1:] == [PARTITIONS]


def quarters(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> tuple[float, float]:
    """The medians of the first and of the last quarter, after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :] or samples
    size = max(len(warm) // 4, 1)
    return statistics.median(map(figure, warm[:size])), statistics.median(map(figure, warm[-size:]))


def figures(scenario: Scenario, run: Run, verdict: Verdict) -> dict[str, Any]:
    """The result, one flat object."""
    first_mb, last_mb = quarters(run.samples, lambda sample: sample.memory_mb)
    first_files, last_files = quarters(run.samples, lambda sample: sample.files)
    return {
        "minutes": round(run.seconds / 60, 1),
        "events": scenario.events,
        "events_per_second": round(scenario.events / run.seconds, 1),
        "duplicates": scenario.duplicates,
        **verdict.figures(),
        "kills": run.kills,
        "handovers": run.handovers,
        "least_behind_at_a_kill": min(run.records_behind_at_kills, default=0),
        "ended_by_themselves": run.ended_by_themselves,
        "memory_mb_first_quarter": round(first_mb, 1),
        "memory_mb_last_quarter": round(last_mb, 1),
        "memory_growth_percent": round(100 * (last_mb - first_mb) / first_mb, 1),
        "open_files_first_quarter": round(first_files),
        "open_files_last_quarter": round(last_files),
        "most_behind": max(sample.behind for sample in run.samples),
    }


def soak(minutes: float, rate: float, kill_every_s: float, show: Callable[[str], None]) -> tuple[dict[str, Any], bool]:
    """Runs it. The figures, and whether all was exact."""
    with (
        tempfile.TemporaryDirectory(prefix="relevo-soak-") as folder,
        Broker(properties={"log.cleaner.backoff.ms": 1000}, lasting=True) as broker,
        Scenario(broker.bootstrap, "soak", Path(folder), keys=KEYS, ring=RING, compaction=COMPACTION) as scenario,
    ):
        show(f"{rate:g} events a second for {minutes:g} minutes on {broker.bootstrap}")
        run = Soak(scenario, seconds=minutes * 60, rate=rate, kill_every_s=kill_every_s).run()
        show("judging")
        verdict = scenario.verdict()
        return figures(scenario, run, verdict), verdict == EXACT and not run.ended_by_themselves


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=300.0, help="events a second; a tenth more are duplicates")
    parser.add_argument("--kill-every", type=float, default=180.0, help="seconds between two kills")
    parser.add_argument("--json", action="store_true", help="the figures alone, as one JSON object")
    wanted = parser.parse_args()
    show = (lambda text: None) if wanted.json else print
    result, exact = soak(wanted.minutes, wanted.rate, wanted.kill_every, show)
    if wanted.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value}")
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
