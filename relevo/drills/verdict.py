"""What came out of a drill: the audit's violations, what was not reached, what is still on its way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from relevo.audit.report import Report
from relevo.drills.drill import Seen
from schemas.record import Frozen

NAMED = 5


class Verdict(Frozen):
    """The last line of `relevo drill --json`. `pass` only where nothing is violated. `folder` has the evidence of one
    that failed."""

    drill: str
    verdict: Literal["pass", "fail"]
    counts: dict[str, int]
    violations: list[str]
    seed: int = 0
    seconds: float = 0.0
    reached: list[str] = []
    folder: str = ""

    @property
    def passed(self) -> bool:
        return self.verdict == "pass"


def judge(seen: Seen, problems: Iterable[str]) -> list[str]:
    """Every line that keeps the drill from passing; `problems` are what already went wrong while it was played."""
    return [*problems, *_unreached(seen), *_broken(seen.report), *_left(seen.report), *_expected(seen)]


def _unreached(seen: Seen) -> Iterator[str]:
    for fault in seen.drill.faults:
        yield from (f"not reached: {mark}" for mark in fault.must if mark not in seen.marks)


def _broken(report: Report) -> Iterator[str]:
    for invariant in report.invariants:
        yield from (f"invariant {invariant.number}, {invariant.name}: {line}" for line in invariant.broken)


def _left(report: Report) -> Iterator[str]:
    """What is still on its way when patience has ended is not lost, and not proved either."""
    pending = (
        ("events", report.events.pending, report.events.pending_count),
        ("messages", report.messages.pending, report.messages.by_state.get("pending", len(report.messages.pending))),
        ("parked messages", report.messages.parked, report.messages.by_state.get("parked", 0)),
    )
    for what, named, count in pending:
        if named:
            yield f"{count} {what} were still on their way, such as {', '.join(named[:NAMED])}"


def _expected(seen: Seen) -> Iterator[str]:
    """The load is there, and what the drill asks besides."""
    wanted = seen.drill.load.messages
    if seen.counts.get("event", 0) < wanted:
        yield f"only {seen.counts.get('event', 0)} of {wanted} events came from customers: the load did not run"
    for expectation in seen.drill.expects:
        yield from expectation(seen)


def counted(report: Report, before: Report | None = None) -> dict[str, int]:
    """The audit's figures of what came since an earlier one."""
    now, then = _figures(report), _figures(before) if before is not None else {}
    return {name: count - then.get(name, 0) for name, count in now.items()}


def _figures(report: Report) -> dict[str, int]:
    events, messages = report.events, report.messages
    return {
        "acknowledged": events.acknowledged,
        "routed": events.routed,
        "answered": events.answered,
        "duplicates": events.duplicates,
        "dropped": sum(events.dropped.values()),
        "dead_letters": events.dead,
        "receipts": sum(events.receipts.values()),
        "messages": messages.accepted,
        **{f"messages_{state}": count for state, count in sorted(messages.by_state.items())},
        "resent": messages.resent,
    }


def line(verdict: Verdict) -> str:
    """One line of JSON."""
    return msgspec.json.encode(verdict).decode()
