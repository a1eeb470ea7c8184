"""Commands to a line's owner: what each of them does. Pure; what must last is written with the command's offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.now import Now
from egress.lines.results import doubts
from schemas.campaign import CampaignState
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, DecideDoubt

if TYPE_CHECKING:
    from egress.lines.line import Line
    from egress.lines.partition import Partition

_STATES: dict[str, CampaignState] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


def command(partition: Partition, order: AnyLineCommand, now: Now) -> None:
    """Carries out an order; one that means nothing (an unknown campaign, a settled plan) does nothing."""
    line = partition.line(order.did, now)
    match order:
        case ControlLine():
            line.paused = order.action == "pause"
        case ControlCampaign():
            _control(partition, line, order, now)
        case DecideDoubt():
            doubts.take_order(line, order, now, partition.work)


def _control(partition: Partition, line: Line, order: ControlCampaign, now: Now) -> None:
    campaign = line.campaigns.get(order.campaign)
    if campaign is None or campaign.definition is None or campaign.state in ("finished", "cancelled"):
        return
    campaign.state, campaign.why = _STATES[order.action], f"by {order.by}"
    partition.work.progress(partition.number, campaign.definition.tenant, campaign.progress(now.wall_ms))
