"""A row of messages that an agent held to answer them once: which it is, and how it ended. Pure.

Told from what stands on the agent's topic: messages that may wait, and behind them the timer, its note, or an event
that does not wait. Leaves to `processors.agents.debounce` what waits.
"""

from __future__ import annotations

from typing import NamedTuple

from processors.agents.debounce import MESSAGES_MAX, Debounce, is_timer, may_wait
from relevo.why.seen import Seen
from relevo.why.trail import Trail, agent_of, event_of
from schemas.tenant import Tenant

TAP = "also"


class Row(NamedTuple):
    """`last` is the message by whose id the row was told; `end` what ended it, None while it waits."""

    last: Seen
    end: Seen | None

    @property
    def untold(self) -> str:
        """Why nobody was told, by the note that the timer left; empty where the agent was, or will be."""
        return self.end.header("reason") if self.end is not None and self.end.type == "dropped" else ""


def row_of(trail: Trail, record: Seen, tenant: Tenant | None) -> Row | None:
    """The row in which the agent held a message, as the tenant's file says now; None where it held none."""
    agent = agent_of(record.topic)
    setting = Debounce.of(tenant.agents.get(agent, {})) if tenant else None
    if setting is None or not _waits(record) or (record.header("rule") == TAP and not setting.taps):
        return None
    last, count = record, 1
    for one in trail.told:
        if one.topic != record.topic or one.offset <= record.offset:
            continue
        if _ends(one, record):
            return Row(last, one)
        if _waits(one):
            last, count = one, count + 1
    return Row(last, None) if count <= MESSAGES_MAX else None


def _waits(record: Seen) -> bool:
    event = event_of(record) if record.type == "event" and not record.header("replay") else None
    return event is not None and may_wait(event)


def _ends(record: Seen, message: Seen) -> bool:
    """Whether a record behind a message ended its row: a timer that is not of an earlier one, or what does not wait."""
    event = event_of(record) if record.type in ("event", "dropped") else None
    if event is None:
        return False
    if is_timer(event):
        return event.at_ms >= message.at_ms
    return record.type == "event" and not _waits(record)
