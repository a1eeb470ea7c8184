"""Ahead: which single templates are read before their turn, past a backlog of others on their partition. Pure.

Where a partition's intake is behind, a line's single message would wait until all is read and parked that others put
before it. So somebody reads on from there, fast, and leaves where it is whatever would not wait in memory: most of it
is told from a glance at its bytes (`Closed`), the rest by `admission.fits`. Where all of it would wait in memory there
is nothing to pass over, and each record would only be read twice: when it `pays` a `Look` tells. Promises: what is
taken ahead is admitted as in its turn, once, and a crash before it is planned, refused or parked brings it back.
Templates alone: they have no order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from schemas.parked import Flow, Kind

if TYPE_CHECKING:
    from egress.lines.line import Line

# So many of a partition may be read before a turn that has not come yet: each costs memory, and a crash brings it back.
AHEAD_MAX = 50_000
# It pays where so much is unread that the intake needs so long for it, and where it parks one in so many of what it
# reads, or has been so far behind for long.
FROM, SHORT_S, ONE_IN, LONG_S = 1000, 2.0, 10, 10.0


class Look(NamedTuple):
    """A partition at a moment: so many single templates are `unread`, the first of them at `next`; its owner `parked`
    so many messages; since `since_s` many are unread at each look."""

    at_s: float
    unread: int
    next: int
    parked: int
    since_s: float

    def after(self, before: Look | None) -> Look:
        """The same, with what the look before says of it."""
        if before is None or min(before.unread, self.unread) < FROM:
            return self
        return self._replace(since_s=before.since_s)

    def pays(self, before: Look | None) -> bool:
        """Whether to read ahead, by what the intake did since the look before, in which it had enough to read."""
        if before is None or self.since_s != before.since_s:
            return False
        read, parked = self.next - before.next, self.parked - before.parked
        if self.unread * (self.at_s - before.at_s) < SHORT_S * read:
            return False
        return (parked > 0 and parked * ONE_IN >= read) or self.at_s - self.since_s >= LONG_S


class _Content(msgspec.Struct, gc=False):
    name: str = ""
    language: str = ""


class _Glance(msgspec.Struct, gc=False):
    """What of a message says in which queue it would wait."""

    did: str
    send_class: str = msgspec.field(name="class", default="reply")
    content: _Content = msgspec.field(default_factory=_Content)


_KINDS: tuple[Kind, ...] = ("urgent", "bulk")
_GLANCES = msgspec.json.Decoder(_Glance)


class Closed(NamedTuple):
    """Where nothing more would wait in memory when it was looked at: `queues` of lines, and `flows` of lines of which
    others are parked."""

    queues: frozenset[tuple[str, Kind]] = frozenset()
    flows: frozenset[tuple[str, Flow]] = frozenset()

    def leaves(self, value: bytes | str | None) -> bool:
        """Whether a record stays where it is until its turn. So does one that cannot be read."""
        try:
            glance = _GLANCES.decode(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return True
        if glance.send_class == "otp":
            return (glance.did, "urgent") in self.queues
        flow = Flow("", glance.send_class, glance.content.name, glance.content.language)
        return (glance.did, "bulk") in self.queues or (glance.did, flow) in self.flows


def closed(lines: Iterable[Line]) -> Closed:
    """What is closed now."""
    queues: set[tuple[str, Kind]] = set()
    flows: set[tuple[str, Flow]] = set()
    for line in lines:
        queues.update((line.did, kind) for kind in _KINDS if _is_closed(line, kind))
        flows.update((line.did, flow) for flow in line.parkings["bulk"].absent_flows())
    return Closed(frozenset(queues), frozenset(flows))


def _is_closed(line: Line, kind: Kind) -> bool:
    return line.stance.why_held(kind) is not None or line.crowd.room(line.in_the_way(kind)) <= 0
