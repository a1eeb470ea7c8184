"""The stance of a line: whether it may send at all, and what of that is on record in `lines.state`. Pure.

Three things hold a line: an order to it (`lines.commands`), a standing pause of its tenant or of everybody (`pauses`),
and what WhatsApp stopped (`stops`). Promises: what holds is on record in the transaction of the cycle that first held
to it, so what a reader sees there is true of every later plan; numbers follow at most once a second. Leaves to the line
what waits meanwhile, to the poster to look again just before a POST.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from egress.lines.gate import asking
from egress.lines.now import Now
from egress.lines.pace.stops import Stops, template_name
from egress.lines.work import Work
from runtime.kafka.record import Record
from schemas import topics
from schemas.headers import Headers
from schemas.journal import Plan
from schemas.line_state import LineState
from schemas.parked import Kind, Why
from schemas.record import encode

if TYPE_CHECKING:
    from egress.lines.line import Line

STATE = topics.LINES_STATE.name
TELL_S = 1.0
PAUSED, STOPPED = "paused", "stopped"
HELD_BACK = frozenset({PAUSED, STOPPED})
"""Codes of a plan that was not posted because its line was held meanwhile: that costs no attempt."""


class Stance:
    """Of one line. `standing` says which standing pauses hold for it now."""

    def __init__(self, standing: Callable[[], list[str]]) -> None:
        self._standing = standing
        self.stops = Stops()
        self.paused = False
        self.paused_by = ""
        self.paused_ms = 0
        self.told: LineState | None = None
        self._told_s = float("-inf")

    # -- what holds

    def order(self, paused: bool, by: str, at_ms: int) -> None:
        """A person pauses or resumes the line. To resume it lifts its stops too."""
        self.paused, self.paused_by, self.paused_ms = paused, by if paused else "", at_ms if paused else 0

    def why_held(self, kind: Kind) -> Why | None:
        """Why nothing of this kind may go; None when it may."""
        if self.paused:
            return "line_paused"
        if self._standing():
            return "paused"
        if not len(self.stops):
            return None
        return "line_stopped" if (self.stops.bulk if kind == "bulk" else self.stops.line) else None

    @property
    def still(self) -> bool:
        """Whether all sending stands still."""
        return self.why_held("reply") is not None

    def holds(self, plan: Plan) -> str:
        """Why a committed plan must not be posted now (`paused`, `stopped`); empty when it may."""
        if self.paused or self._standing():
            return PAUSED
        if not len(self.stops):
            return ""
        bulk = not plan.lane and (plan.send_class != "otp" or bool(plan.campaign))
        stopped = self.stops.bulk if bulk else self.stops.line
        named = self.stops.template(template_name(plan.template, plan.language))
        return STOPPED if stopped or named is not None else ""

    # -- what is on record

    def restore(self, line: Line, record: LineState, now: Now) -> None:
        """As an earlier owner left the line."""
        line.wishes.restore(record.opted_out)
        if 0 < record.rate < line.configured_rate:
            line.throttle.restore(record.rate / line.configured_rate, now.since_s(record.at_ms))
        self.paused, self.paused_by, self.paused_ms = record.paused, record.paused_by, record.paused_ms
        self.stops.restore(record.stops, record.resumed_ms)
        asking.learn_paid(line, record.tenant, record.day, record.paid)
        self.told = record

    def tell(self, line: Line, now: Now, work: Work) -> None:
        """Writes how the line stands: at once what holds it, its numbers once a second, nothing that is on record, and
        nothing of a number that nobody has."""
        pauses, stops, told = self._standing(), self.stops.all(), self.told
        if told is None and not line.tenant:
            return
        held = (self.paused, self.paused_ms, pauses, stops, self.stops.resumed_ms, line.wishes.all())
        news = told is None or held != _held(told) or (line.paid.changed and asking.is_capped(line))
        if not news and now.s < self._told_s + TELL_S:
            return
        self._told_s = now.s
        record = LineState(
            did=line.did,
            tenant=line.tenant,
            at_ms=now.wall_ms,
            paused=self.paused,
            paused_by=self.paused_by,
            paused_ms=self.paused_ms,
            pauses=pauses,
            stops=stops,
            rate=round(line.pacer.rate, 3),
            waiting=line.all_waiting(),
            recipients=line.campaigns.ahead,
            day=line.paid.day,
            paid=line.paid.count,
            resumed_ms=self.stops.resumed_ms,
            opted_out=line.wishes.all(),
        )
        if record == (replace(told, at_ms=now.wall_ms) if told is not None else None):
            return
        self.told, line.paid.changed = record, False
        work.write(_record(line, record))


def _held(told: LineState) -> tuple[object, ...]:
    return told.paused, told.paused_ms, told.pauses, told.stops, told.resumed_ms, told.opted_out


def _record(line: Line, record: LineState) -> Record:
    headers = Headers(id=line.did, type="state", tenant=record.tenant, at_ms=record.at_ms).to_kafka()
    return Record(STATE, encode(record), line.did.encode(), headers, partition=line.number)
