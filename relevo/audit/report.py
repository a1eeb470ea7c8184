"""The audit's result, to print and as JSON. `clean` is what a drill and a release ask."""

from __future__ import annotations

import msgspec
from rich.table import Table

from relevo.audit.balance import Events, Messages, events, messages
from relevo.audit.gathered import Gathered
from relevo.audit.provider import Provider
from schemas.record import Frozen

SHOWN = 10


class Report(Frozen):
    """Both equations. `violations` names each id that breaks an invariant, with the invariant."""

    events: Events
    messages: Messages
    violations: list[str]
    unreadable: list[str]

    @property
    def clean(self) -> bool:
        """Nothing is lost, sent twice, unplanned or unreadable; what is pending, parked or in doubt may stand."""
        return not self.violations

    @property
    def quiet(self) -> bool:
        """Nothing is on its way any more, or will be by itself: what is paused or a draft waits for a person."""
        scheduled = self.messages.by_state.get("scheduled", 0)
        return not (self.events.pending or self.messages.pending or self.messages.parked or scheduled)


def report(found: Gathered, provider: Provider | None) -> Report:
    """The audit of what was gathered, against the provider's view if there is one."""
    incoming, outgoing = events(found, provider), messages(found, provider)
    violations = [f"lost event: {one}" for one in incoming.lost]
    violations += [f"lost receipt: {one}" for one in incoming.lost_receipts]
    violations += [f"sent twice: {one}" for one in outgoing.twice]
    violations += [f"sent without a plan: {one}" for one in outgoing.unplanned]
    violations += [f"parked, but not kept: {one}" for one in outgoing.unkept]
    violations += [f"outcome of a message that nobody asked for: {one}" for one in outgoing.unowed]
    violations += [f"unreadable: {one}" for one in found.unreadable]
    return Report(events=incoming, messages=outgoing, violations=violations, unreadable=found.unreadable)


def table(result: Report) -> Table:
    """Both equations side by side."""
    rows = Table("events", "", "messages", "", title="audit", show_edge=False)
    left = [
        ("acknowledged", result.events.acknowledged),
        ("routed", result.events.routed),
        *((f"dropped: {reason}", count) for reason, count in sorted(result.events.dropped.items())),
        ("dead letters", result.events.dead),
        ("rejected", result.events.rejected),
        ("pending", len(result.events.pending)),
        ("duplicates dropped", result.events.duplicates),
        ("lost", len(result.events.lost) + len(result.events.lost_receipts)),
    ]
    right = [
        ("accepted for sending", result.messages.accepted),
        *sorted(result.messages.by_state.items()),
        ("resent on record", result.messages.resent),
        ("sent twice", len(result.messages.twice)),
    ]
    for index in range(max(len(left), len(right))):
        cells = [*(left[index] if index < len(left) else ("", ""))]
        cells += [*(right[index] if index < len(right) else ("", ""))]
        rows.add_row(*(str(cell) for cell in cells))
    return rows


def as_json(result: Report) -> bytes:
    """One object; lists of ids are whole."""
    return msgspec.json.encode(msgspec.to_builtins(result) | {"clean": result.clean, "quiet": result.quiet})
