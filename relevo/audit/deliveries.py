"""The third equation: what agents were to bring to systems outside, each by its id. Pure.

Asked = delivered + merged into a later one + superseded + erased + dead letter + waiting; else lost. What waits is what
the agent's memory holds, as its changelog says last. What was asked for before the notes began is not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from relevo.audit import facts as f
from relevo.audit.names import Names


@dataclass
class Deliveries:
    """What all buckets said so far. Faults are kept whole, everything else counted."""

    asked: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    waiting: Names = field(default_factory=Names)
    pending: int = 0
    unlettered: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    not_judged: int = 0


def standing(facts: Iterable[f.Remembered]) -> Iterator[f.Waits]:
    """What waits of each conversation, by the last that is remembered of it."""
    last: dict[str, f.Remembered] = {}
    for fact in facts:
        if fact.id not in last or fact.offset > last[fact.id].offset:
            last[fact.id] = fact
    for fact in last.values():
        yield from (f.Waits(name) for name in fact.names)


def judge(facts: Iterable[f.Fact], tally: Deliveries) -> None:
    """All that is known of some deliveries."""
    by_id: dict[str, list[f.Fact]] = {}
    for fact in facts:
        by_id.setdefault(fact.id, []).append(fact)
    for name, found in by_id.items():
        _one(name, found, tally)


def _one(name: str, found: list[f.Fact], tally: Deliveries) -> None:
    asked = [fact for fact in found if isinstance(fact, f.Asked)]
    ends = {(fact.partition, fact.offset, fact.how): fact for fact in found if isinstance(fact, f.Ended)}
    buried = any(isinstance(fact, f.DeliveryBuried) for fact in found)
    waits = any(isinstance(fact, f.Waits) for fact in found)
    hows = {how for _, _, how in ends} - {"given_up"} | ({"given_up"} if buried else set())
    if not asked:
        tally.not_judged += 1
        return
    tally.asked += 1
    if any(end.how == "given_up" and end.passed for end in ends.values()) and not buried:
        tally.unlettered.append(name)
    elif hows:
        tally.ended[_foremost(hows)] += 1
    elif waits:
        tally.waiting.add(name)
    elif all(fact.passed for fact in asked) and not ends:
        tally.lost.append(name)
    else:
        tally.pending += 1
    # What was put back may be put back again; its number stands behind the key.
    if "." not in name and sum(how == "delivered" for _, _, how in ends) > 1:
        tally.twice.append(name)
    if waits and any(end.passed and end.how != "given_up" for end in ends.values()):
        tally.again.append(name)


def _foremost(hows: set[str]) -> str:
    return next(how for how in ("delivered", "given_up", "merged", "superseded", "erased") if how in hows)
