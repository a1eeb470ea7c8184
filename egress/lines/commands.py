"""Commands to a line's owner: what each of them does. Pure; what must last is written with the command's offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.campaigns import orders
from egress.lines.now import Now
from egress.lines.results import doubts
from schemas import topics
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, DecideDoubt

if TYPE_CHECKING:
    from egress.lines.partition import Partition

# So long an order waits for a campaign that is not known: their topics are read one beside the other.
UNKNOWN_S = 30.0


class Orders:
    """Orders that were read, each carried out in its turn, with which its offset is finished."""

    def __init__(self) -> None:
        self._waiting: list[tuple[AnyLineCommand, int, float]] = []

    def take(self, partition: Partition, order: AnyLineCommand, offset: int, now: Now) -> None:
        """An order that stands at this offset."""
        self._waiting.append((order, offset, now.s))
        self.carry_out(partition, now)

    def carry_out(self, partition: Partition, now: Now) -> None:
        """All that can be: one on a campaign that nobody knows waits a while for it, as do others about that."""
        waiting, self._waiting = self._waiting, []
        about: set[tuple[str, str]] = set()
        for order, offset, since_s in waiting:
            named = (order.did, order.campaign) if isinstance(order, ControlCampaign) else ("", "")
            if named not in about and (command(partition, order, now) or now.s > since_s + UNKNOWN_S):
                partition.trackers[topics.LINES_COMMANDS.name].finish(offset)
            else:
                about.add(named)
                self._waiting.append((order, offset, since_s))


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
