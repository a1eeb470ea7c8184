"""The verdict: what the simulated Chattigo's ledger says of replies and bulk. Pure.

A reply's wait is from its record's time of creation, a moment before it stands on Kafka, to when Chattigo received its
call. It went behind bulk's debt if it waited until another call of bulk had come, and for more than three seconds. A
debt lasts for thirteen, so of replies that wait for it most take longer, and a busy machine alone does not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sandbox.chattigo.ledger import Call, Entry, Message, Recipient

BEHIND_MS = 3000.0
_EXAMPLES = 5


class Reply(NamedTuple):
    """A reply that was fed: to whom, what it says (which grows), and when its record was made, on Kafka's clock."""

    did: str
    contact: str
    text: str
    made_ms: float


class Seen(NamedTuple):
    """What the ledger has: when each call came, for whom, and with how many recipients."""

    came_ms: dict[int, int]
    replies: list[Message]
    bulk: dict[int, list[Recipient]]
    refused: Counter[int]


def seen(entries: Iterable[Entry]) -> Seen:
    """The ledger, sorted."""
    found = Seen({}, [], defaultdict(list), Counter())
    for entry in entries:
        if isinstance(entry, Call):
            found.came_ms[entry.call] = entry.came_ms
            if not entry.accepted and entry.route.endswith(".send"):
                found.refused[entry.status] += 1
        elif isinstance(entry, Message):
            found.replies.append(entry)
        elif isinstance(entry, Recipient):
            found.bulk[entry.call].append(entry)
    return found


def judge(fed: Iterable[Reply], entries: Iterable[Entry]) -> tuple[dict[str, Any], list[str]]:
    """The figures, and examples of what was wrong."""
    ledger, due = seen(entries), {(one.did, one.contact, one.text): one for one in fed}
    came = Counter((one.did, one.contact, one.body["body"]) for one in ledger.replies)
    bulk = Counter((one.did, one.contact) for call in ledger.bulk.values() for one in call)
    waits = _waits(due, ledger)
    behind = [one for one in waits if one[1] and one[0] > BEHIND_MS]
    sizes = [len(call) for call in ledger.bulk.values()]
    ordered = sorted(wait for wait, _ in waits)
    examples = [f"a reply that did not come: {key}" for key in due.keys() - came.keys()]
    examples += [f"a reply that came twice: {key}" for key, count in came.items() if count > 1]
    figures = {
        "replies": len(due),
        "p50_ms": _share(ordered, 0.5),
        "p99_ms": _share(ordered, 0.99),
        "max_ms": _share(ordered, 1.0),
        "behind_debt": len(behind),
        "lost": len(due.keys() - came.keys()),
        "doubled": sum(count - 1 for count in (came + bulk).values()) if came or bulk else 0,
        "out_of_order": _out_of_order(ledger),
        "bulk_calls": len(sizes),
        "bulk_recipients": sum(sizes),
        "bulk_smallest": min(sizes, default=0),
        "refused_calls": ledger.refused.total(),
    }
    return figures, examples[:_EXAMPLES]


def _waits(due: Mapping[tuple[str, str, str], Reply], ledger: Seen) -> list[tuple[float, int]]:
    """How long each reply waited, and how many calls of its line's bulk came meanwhile."""
    calls: dict[str, list[int]] = defaultdict(list)
    for number, recipients in ledger.bulk.items():
        calls[recipients[0].did].append(ledger.came_ms[number])
    for times in calls.values():
        times.sort()
    found = []
    for one in ledger.replies:
        made = due.get((one.did, one.contact, one.body["body"]))
        if made is not None:
            came, line = ledger.came_ms[one.call], calls[one.did]
            between = bisect_left(line, came) - bisect_left(line, made.made_ms)
            found.append((came - made.made_ms, between))
    return found


def _out_of_order(ledger: Seen) -> int:
    """Replies that came after a younger one of the same person."""
    last: dict[tuple[str, str], str] = {}
    wrong = 0
    for one in sorted(ledger.replies, key=lambda one: one.call):
        key, text = (one.did, one.contact), one.body["body"]
        wrong += text < last.get(key, "")
        last[key] = max(text, last.get(key, ""))
    return wrong


def _share(ordered: list[float], share: float) -> float:
    """The value that so large a share does not exceed; 0 of nothing."""
    return round(ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)], 1) if ordered else 0.0
