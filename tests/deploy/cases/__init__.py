"""The cases of all alerts, by what the alerts watch."""

from __future__ import annotations

from tests.deploy.cases import egress, objectives, processors, services
from tests.deploy.cases.shapes import Case

CASES: tuple[Case, ...] = (*objectives.CASES, *services.CASES, *processors.CASES, *egress.CASES)
