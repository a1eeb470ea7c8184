"""Commands to a line's owner: what each of them does, and how a new owner learns what they did. Pure.

What must last is written with the command's offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.campaigns import orders
from egress.lines.incoming import Incoming
from egress.lines.now import Now
from egress.lines.pace.stops import template_name
from egress.lines.parking import withheld
from egress.lines.results import doubts
from runtime import logs
from schemas import topics
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, DecideDoubt, ResumeTemplate
from schemas.record import RecordError

if TYPE_CHECKING:
    from egress.lines.line import Line
    from egress.lines.partition import Partition

# So long an order waits for a campaign that is not known: their topics are read one beside the other.
UNKNOWN_S = 30.0
_COMMANDS, _STATES = topics.LINES_COMMANDS.decoder(), topics.LINES_STATE.decoder()
_log = logs.get(__name__)


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
            _control_line(line, order, now)
        case ResumeTemplate():
            line.stance.stops.resume_template(template_name(order.name, order.language), now.wall_ms)
        case ControlCampaign():
            campaign = line.campaigns.get(order.campaign)
            if campaign is None or not campaign.exists:
                return order.campaign in line.campaigns.ended()
            orders.carry_out(campaign, order, now.wall_ms)
            withheld.hasten(line, campaign)
        case DecideDoubt():
            doubts.take_order(line, order, now, partition.work)
    return True


def learn_command(partition: Partition, incoming: Incoming, now: Now) -> None:
    """How a line stands that has no record of it yet: the orders that were carried out already say so."""
    try:
        record = _COMMANDS.decode(incoming.value)
    except RecordError:
        return  # it became a dead letter when it was carried out
    if isinstance(record, ControlLine) and (line := partition.line(record.did, now)).stance.told is None:
        _control_line(line, record, now)


def learn_state(partition: Partition, incoming: Incoming, now: Now) -> None:
    """How an earlier owner left a line."""
    try:
        record = _STATES.decode(incoming.value) if incoming.value is not None else None
    except RecordError as error:
        _log.error("unreadable record", topic=incoming.topic, offset=incoming.offset, problem=str(error))
        return
    if record is not None:
        line = partition.line(record.did, now)
        line.stance.restore(line, record, now)


def _control_line(line: Line, order: ControlLine, now: Now) -> None:
    """Pauses the line, or lets it go on, whatever stopped it."""
    line.stance.order(order.action == "pause", order.by, order.at_ms)
    if order.action == "resume":
        line.stance.stops.resume_line(now.wall_ms)
