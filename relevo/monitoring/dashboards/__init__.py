"""All dashboards."""

from __future__ import annotations

from relevo.monitoring.dashboards.board import Board
from relevo.monitoring.dashboards.egress import EGRESS
from relevo.monitoring.dashboards.ingress import INGRESS
from relevo.monitoring.dashboards.overview import OVERVIEW
from relevo.monitoring.dashboards.processors import PROCESSORS
from relevo.monitoring.dashboards.tenant import TENANT

DASHBOARDS: tuple[Board, ...] = (OVERVIEW, INGRESS, PROCESSORS, EGRESS, TENANT)
