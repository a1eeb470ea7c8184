"""Commands to a line's owner: what each of them does. Pure; what must last is written with the command's offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.now import Now
from egress.lines.pace.stops import template_name
from egress.lines.results import doubts
from schemas.campaign import CampaignState
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, DecideDoubt, ResumeTemplate

if TYPE_CHECKING:
    from egress.lines.line import Line
    from egress.lines.partition import Partition

_STATES: dict[str, CampaignState] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


def command(partition: Partition, order: AnyLineCommand, now: Now) -> None:
    """Carries out an order; one that means nothing (an unknown campaign, a settled plan) does nothing."""
    line = partition.line(order.did, now)
    match order:
        case ControlLine():
            control_line(line, order, now)
        case ResumeTemplate():
            line.stance.stops.resume_template(template_name(order.name, order.language), now.wall_ms)
        case ControlCampaign():
            _control(partition, line, order, now)
        case DecideDoubt():
            doubts.take_order(line, order, now, partition.work)


def control_line(line: Line, order: ControlLine, now: Now) -> None:
    """Pauses the line, or lets it go on, whatever stopped it."""
    line.stance.order(order.action == "pause", order.by, order.at_ms)
    if order.action == "resume":
        line.stance.stops.resume_line(now.wall_ms)


def _control(partition: Partition, line: Line, order: ControlCampaign, now: Now) -> None:
    campaign = line.campaigns.get(order.campaign)
    if campaign is None or campaign.definition is None or campaign.state in ("finished", "cancelled"):
        return
    campaign.state, campaign.why = _STATES[order.action], f"by {order.by}"
    partition.work.progress(partition.number, campaign.definition.tenant, campaign.progress(now.wall_ms))
