"""Clocks: wall time for records, and a time that also runs while the machine sleeps for deadlines.

A process that was paused (SIGSTOP, a frozen container, a suspended laptop) must notice it before it sends, so a
`Deadline` holds on both clocks: the wall clock may be set back, and the monotonic one may stand still.

`RELEVO_TEST_CLOCK_FILE` names a file with so many seconds by which our wall clock is wrong, such as `3600` or `-3600`;
a drill writes it while services run. Without the variable nothing is read. What has a clock of its own keeps it: Kafka,
librdkafka, and the system.
"""

import os
import time
from pathlib import Path
from typing import NamedTuple

VARIABLE = "RELEVO_TEST_CLOCK_FILE"
LOOK_S = 0.1  # so soon a change of the file is seen

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Wrong:
    """By how much our wall clock is wrong, as a file says; not at all before the file has a number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ms = 0
        self._look = 0.0

    def ms(self) -> int:
        """Milliseconds to add. Raises ValueError for a file that says something else than seconds."""
        now = time.monotonic()
        if now >= self._look:
            self._look = now + LOOK_S
            self._ms = self._read()
        return self._ms

    def _read(self) -> int:
        try:
            text = self._path.read_text().strip()
        except FileNotFoundError:
            return 0
        return int(float(text) * 1000) if text else self._ms


_wrong = Wrong(Path(_file)) if (_file := os.environ.get(VARIABLE)) else None


def now_ms() -> int:
    """Wall time in milliseconds since 1970 UTC."""
    real = time.time_ns() // 1_000_000
    return real if _wrong is None else real + _wrong.ms()


def boot_s() -> float:
    """Seconds since the machine started, with the time that it slept (where the system can tell)."""
    return time.clock_gettime(_BOOT)


class Deadline(NamedTuple):
    """A moment on both clocks; passed as soon as either says so."""

    wall_ms: int
    boot_s: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(now_ms() + int(seconds * 1000), boot_s() + seconds)

    def left_s(self, wall_ms: int, boot: float) -> float:
        """Seconds left at the given times, by the clock that leaves less; not above zero when passed."""
        return min((self.wall_ms - wall_ms) / 1000, self.boot_s - boot)

    def passed(self) -> bool:
        return self.left_s(now_ms(), boot_s()) <= 0
