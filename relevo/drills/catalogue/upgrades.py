"""Drills of upgrades: everything is restarted, one service after the other, under load."""

from __future__ import annotations

from relevo.drills.drill import Drill, Load
from relevo.drills.outside.rolling import RollingRestart
from relevo.drills.outside.steps import Turned

DRILLS = (
    Drill("rolling-restart", "every service is restarted in its turn while customers write and a campaign goes out",
          (RollingRestart(), Turned()), Load(messages=300, rate=8.0, within_s=240.0), family="upgrades", brief=True),
)  # fmt: skip
