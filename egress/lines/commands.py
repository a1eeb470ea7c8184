"""Commands to a line's owner: what each of them does, and how a new owner learns what they did. Pure.

What must last is written with the command's offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.incoming import Incoming
from egress.lines.now import Now
from egress.lines.pace.stops import template_name
from egress.lines.results import doubts
from runtime import logs
from schemas import topics
from schemas.campaign import CampaignState
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, DecideDoubt, ResumeTemplate
from schemas.record import RecordError

if TYPE_CHECKING:
    from egress.lines.line import Line
    from egress.lines.partition import Partition

_COMMANDS, _STATES = topics.LINES_COMMANDS.decoder(), topics.LINES_STATE.decoder()
_log = logs.get(__name__)
_ACTIONS: dict[str, CampaignState] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


def command(partition: Partition, order: AnyLineCommand, now: Now) -> None:
    """Carries out an order; one that means nothing (an unknown campaign, a settled plan) does nothing."""
    line = partition.line(order.did, now)
    match order:
        case ControlLine():
            _control_line(line, order, now)
        case ResumeTemplate():
            line.stance.stops.resume_template(template_name(order.name, order.language), now.wall_ms)
        case ControlCampaign():
            _control(partition, line, order, now)
        case DecideDoubt():
            doubts.take_order(line, order, now, partition.work)


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


def _control(partition: Partition, line: Line, order: ControlCampaign, now: Now) -> None:
    campaign = line.campaigns.get(order.campaign)
    if campaign is None or campaign.definition is None or campaign.state in ("finished", "cancelled"):
        return
    campaign.state, campaign.why = _ACTIONS[order.action], f"by {order.by}"
    partition.work.progress(partition.number, campaign.definition.tenant, campaign.progress(now.wall_ms))
