"""Clocks: wall time for records, and a time that also runs while the machine sleeps for deadlines.

A process that was paused (SIGSTOP, a frozen container, a suspended laptop) must notice it before it sends, so a
`Deadline` holds on both clocks: the wall clock may be set back, and the monotonic one may stand still.
"""

import time
from typing import NamedTuple

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_ms() -> int:
    """Wall time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


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
