"""A worker program as a process: its log, its signals, its end."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self

from tests.builders import nursery
from tests.engine_apps.dedupe import Plan


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Until `condition()` is true; AssertionError with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


class WorkerProcess:
    """A worker program. Its log is in `path`; `environment` is added to ours."""

    def __init__(self, plan: Plan, path: Path, module: str, environment: Mapping[str, str]) -> None:
        self.plan = plan
        self.path = path
        with path.open("wb") as log:
            order = nursery.Order(module, arguments=[json.dumps(asdict(plan))])
            told = {**os.environ, **environment}
            self.process = nursery.start(order, told, stdout=log.fileno(), stderr=log.fileno())

    @property
    def text(self) -> str:
        return self.path.read_text(errors="replace")

    def said(self, text: str, seconds: float = 60) -> Self:
        """Wait until the log contains `text`."""
        wait_until(lambda: text in self.text or self.ended, seconds, f"{text!r} in\n{self.text[-2000:]}")
        assert text in self.text, self.text[-3000:]
        return self

    @property
    def recovered(self) -> list[int]:
        """How many partitions it had after each recovery so far."""
        return [int(count) for count in re.findall(r"recovered (\d+) partitions", self.text)]

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def frozen(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[0] == "T"

    def ready(self) -> Self:
        return self.said("worker ready")

    def froze(self) -> Self:
        """Wait until it has frozen itself."""
        self.said("stopping itself")
        wait_until(lambda: self.frozen, 5, "the worker is frozen")
        return self

    def killed_itself(self) -> Self:
        """Wait until it has killed itself."""
        self.said("stopping itself")
        assert self.exit_code() == -signal.SIGKILL
        return self

    def takes_over(self, partitions: int) -> None:
        """Wait until it has recovered so many partitions anew."""
        before = len(self.recovered)
        wait_until(lambda: self.recovered[before:][-1:] == [partitions], 60, "the worker has taken over")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def exit_code(self, seconds: float = 40) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still alive after {seconds:g} s:\n{self.text[-2000:]}") from None

    def stop(self, seconds: float = 20) -> int:
        self.send(signal.SIGTERM)
        return self.exit_code(seconds)
