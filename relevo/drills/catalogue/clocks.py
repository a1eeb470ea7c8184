"""Drills of clocks: every service's wall clock is wrong by an hour for a while, and right again."""

from __future__ import annotations

from relevo.drills.drill import Drill, Load
from relevo.drills.outside.clocks import ClockJumps

LOAD = Load(messages=200, rate=8.0, within_s=240.0)
HOUR = 3600

DRILLS = (
    Drill("clock-forward", "all services' clocks jump an hour ahead, and later back to the right time",
          (ClockJumps(HOUR),), LOAD, family="clocks", brief=True),
    Drill("clock-back", "all services' clocks are set back by an hour, and later jump to the right time",
          (ClockJumps(-HOUR),), LOAD, family="clocks"),
)  # fmt: skip
