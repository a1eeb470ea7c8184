"""Drills of traffic: poison, repeats, disorder, and a tenant that floods."""

from __future__ import annotations

from relevo.drills.drill import Drill, Load
from relevo.drills.outside.disorder import DUPLICATES, Backwards, duplicates
from relevo.drills.outside.flood import TenantFloods
from relevo.drills.outside.poison import PoisonRecords, PoisonWebhooks
from relevo.drills.outside.steps import Turned

LOAD = Load(messages=160, rate=8.0, within_s=240.0)

DRILLS = (
    Drill("poison-records", "records that nobody can use come on every topic that a service reads its work from",
          (PoisonRecords(),), LOAD, family="traffic", brief=True),
    Drill("poison-webhooks", "bodies of no known shape come to the webhooks of every line",
          (PoisonWebhooks(),), LOAD, family="traffic"),
    Drill("duplicates-and-disorder", "every second webhook and receipt comes twice, many at once, some last first",
          (Turned(DUPLICATES), Backwards()), LOAD, expects=(duplicates(40),), family="traffic"),
    Drill("tenant-floods", "a tenant's customers write 240 messages a second, and others' are answered in time",
          (TenantFloods(),), Load(messages=300, rate=12.0, within_s=240.0), family="traffic"),
)  # fmt: skip
