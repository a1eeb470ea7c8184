"""The present on two clocks, handed into every decision so that the pure parts never look at a clock themselves."""

from __future__ import annotations

from typing import NamedTuple

from runtime import clock


class Now(NamedTuple):
    """`wall_ms` is what records say; `s` are seconds that only go forward (and also while the machine sleeps)."""

    wall_ms: int
    s: float

    @classmethod
    def read(cls) -> Now:
        return cls(clock.now_ms(), clock.boot_s())

    def at_ms(self, wall_ms: int) -> float:
        """The second at which the wall clock will show `wall_ms`."""
        return self.s + (wall_ms - self.wall_ms) / 1000

    def since_s(self, wall_ms: int) -> float:
        """The second at which something was put on record: never later than now, also where the wall clock that said
        so was ahead, or ours was set back."""
        return min(self.at_ms(wall_ms), self.s)
