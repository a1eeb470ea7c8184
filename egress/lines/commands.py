"""Commands to a line's owner: what each of them does. Pure; what must last is written with the command's offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.campaigns import orders
from egress.lines.now import Now
from egress.lines.results import doubts
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, DecideDoubt

if TYPE_CHECKING:
    from egress.lines.partition import Partition


def command(partition: Partition, order: AnyLineCommand, now: Now) -> None:
    """Carries out an order; one that means nothing (an unknown campaign, a settled plan) does nothing."""
    line = partition.line(order.did, now)
    match order:
        case ControlLine():
            line.paused = order.action == "pause"
        case ControlCampaign():
            campaign = line.campaigns.get(order.campaign)
            if campaign is not None:
                orders.carry_out(campaign, order, now.wall_ms)
        case DecideDoubt():
            doubts.take_order(line, order, now, partition.work)
