"""What came out of the demo: a table for people, one JSON object for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

import msgspec
from rich.table import Table

from relevo.demo.play import Ending

SHOWN = 8


def percentiles(values: Sequence[int]) -> dict[str, float]:
    """p50 and p99 in milliseconds; zeros when nothing was measured."""
    if len(values) < 2:
        only = float(values[0]) if values else 0.0
        return {"p50": only, "p99": only}
    cuts = quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


def figures(ending: Ending, ledger: Path, seconds: float) -> dict[str, Any]:
    """The figures of `relevo demo --json`."""
    events, messages = ending.result.events, ending.result.messages
    return {
        "webhooks_accepted": ending.provider.webhooks_acked,
        "events_acknowledged": events.acknowledged,
        "duplicates_dropped": events.duplicates,
        "replies_sent": sum(not one.batch for one in ending.provider.taken),
        "batches": [{"template": name, "recipients": count} for name, count in ending.provider.batches],
        "logins": dict(ending.provider.logins),
        "receipts": events.receipts,
        "handed_to_a_human": ending.provider.controls,
        "in_doubt": len(messages.in_doubt),
        "pending": len(events.pending) + len(messages.pending),
        "lost": len(events.lost) + len(events.lost_receipts),
        "sent_twice": len(messages.twice),
        "violations": ending.result.violations,
        "messages": messages.by_state,
        "dropped": events.dropped,
        "dead_letters": events.dead,
        "ack_ms": percentiles(ending.provider.ack_ms),
        "reply_ms": percentiles(ending.found.reply_ms),
        "seconds": round(seconds, 1),
        "ledger": str(ledger),
    }


def as_json(found: dict[str, Any]) -> str:
    """One line."""
    return msgspec.json.encode(found).decode()


def table(found: dict[str, Any]) -> Table:
    """The figures for a person."""
    rows = Table("", "", show_header=False, title="what happened", show_edge=False)
    batches: dict[str, list[str]] = {}
    for one in found["batches"]:
        batches.setdefault(one["template"], []).append(str(one["recipients"]))
    rows.add_row("webhooks accepted", str(found["webhooks_accepted"]))
    rows.add_row("duplicates dropped", str(found["duplicates_dropped"]))
    rows.add_row("replies sent", str(found["replies_sent"]))
    for template, sizes in batches.items():
        rows.add_row(f"calls for {template}", f"{len(sizes)}: {' + '.join(sizes)}")
    rows.add_row("logins", ", ".join(f"{account}: {count}" for account, count in sorted(found["logins"].items())))
    receipts = Counter(found["receipts"])
    rows.add_row("receipts", ", ".join(f"{state}: {count}" for state, count in receipts.most_common()))
    rows.add_row("given to a human", str(found["handed_to_a_human"]))
    rows.add_row("in doubt", str(found["in_doubt"]))
    rows.add_row("lost", _verdict(found["lost"]))
    rows.add_row("sent twice", _verdict(found["sent_twice"]))
    rows.add_row("time to acknowledge", _times(found["ack_ms"]))
    rows.add_row("webhook to reply", _times(found["reply_ms"]))
    return rows


def _verdict(count: int) -> str:
    return "[green]0[/]" if count == 0 else f"[red]{count}[/]"


def _times(found: dict[str, float]) -> str:
    return f"p50 {found['p50']:.0f} ms, p99 {found['p99']:.0f} ms"
