"""Commands to a line's owner: what each of them does. Pure; what must last is written with the command's offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.campaigns import orders
from egress.lines.now import Now
from egress.lines.results import doubts
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, DecideDoubt

if TYPE_CHECKING:
    from egress.lines.partition import Partition


def command(partition: Partition, order: AnyLineCommand, now: Now) -> bool:
    """Carries out an order; one that means nothing (a settled plan, a campaign that is long over) does nothing.

    False for an order on a campaign that is not known yet: it may have been read before what it is about.
    """
    line = partition.line(order.did, now)
    match order:
        case ControlLine():
            line.paused = order.action == "pause"
        case ControlCampaign():
            campaign = line.campaigns.get(order.campaign)
            if campaign is None or not campaign.exists:
                return order.campaign in line.campaigns.ended()
            orders.carry_out(campaign, order, now.wall_ms)
        case DecideDoubt():
            doubts.take_order(line, order, now, partition.work)
    return True
