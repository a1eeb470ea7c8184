"""The two equations over unique ids, and what breaks them: one bucket of facts at a time. Pure.

Events: acknowledged = routed + dropped with reason + dead letter + receipt + rejected + pending; else lost.
Messages: accepted for sending = sent + refused with reason + dead letter + in doubt + parked + pending + recipients
whom their campaign has not come to: cancelled, draft, paused, scheduled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from relevo.audit import deliveries
from relevo.audit import facts as f
from relevo.audit.deliveries import Deliveries
from relevo.audit.names import Names
from relevo.audit.window import Window
from schemas.outcome import merge

NEVER_TAKEN = frozenset(("refused", "not_sent", "expired"))
MOVED_MS = 60_000
"""So long after a line went to another tenant all services know."""

EventKey = tuple[str, str]
T = TypeVar("T", bound=f.Fact)


class Missing(NamedTuple):
    """An acknowledged event that stands nowhere, and the size of its body."""

    key: EventKey
    size: int


@dataclass
class Tally:
    """What all buckets said so far. Faults are kept whole, everything else counted."""

    acknowledged: int = 0
    routed: int = 0
    answered: int = 0
    duplicates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dead: int = 0
    receipts: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    pending_events: Names = field(default_factory=Names)
    missing: list[Missing] = field(default_factory=list)
    lost_receipts: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    routed_twice: list[str] = field(default_factory=list)

    accepted: int = 0
    by_state: Counter[str] = field(default_factory=Counter)
    pending: Names = field(default_factory=Names)
    in_doubt: Names = field(default_factory=Names)
    parked: Names = field(default_factory=Names)
    unkept: list[str] = field(default_factory=list)
    unowed: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    planned_twice: list[str] = field(default_factory=list)
    resends: set[str] = field(default_factory=set)
    not_judged: int = 0

    deliveries: Deliveries = field(default_factory=Deliveries)

    crossed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    exposed: list[str] = field(default_factory=list)


class Bucket:
    """All facts of some ids, sorted by what they are."""

    def __init__(self, facts: Iterable[f.Fact]) -> None:
        self._facts: dict[type[f.Fact], list[f.Fact]] = defaultdict(list)
        for fact in facts:
            self._facts[type(fact)].append(fact)

    def of(self, kind: type[T]) -> list[T]:
        """All facts of this kind."""
        return self._facts.get(kind, [])  # type: ignore[return-value]  # sorted by their type

    def ids(self, kind: type[f.Fact]) -> set[str]:
        return {fact.id for fact in self.of(kind)}

    def by_id(self, kind: type[T]) -> dict[str, list[T]]:
        found: dict[str, list[T]] = defaultdict(list)
        for fact in self.of(kind):
            found[fact.id].append(fact)
        return found


def events(bucket: Bucket, tally: Tally, floor_ms: int = 0, *, ledger: bool) -> None:
    """The first equation. Without a ledger, what Kafka holds counts as acknowledged. What came before `floor_ms` may
    have an effect that was not read."""
    held: dict[EventKey, list[f.Held]] = defaultdict(list)
    for fact in bucket.of(f.Held):
        held[fact.did, fact.id].append(fact)
    first = {key: [one for one in found if not one.forwarded] for key, found in held.items()}
    here = {key for key, found in first.items() if found}
    sizes: dict[EventKey, int] = {}
    for acked in bucket.of(f.Acked):
        sizes[acked.did, acked.id] = max(acked.size, sizes.get((acked.did, acked.id), -1))
    acknowledged = set(sizes) if ledger else here
    routed = {(fact.did, fact.id) for fact in bucket.of(f.Routed)}
    dropped = {(fact.did, fact.id): fact.reason for fact in bucket.of(f.Dropped)}
    dead = {(fact.did, fact.id) for fact in bucket.of(f.Dead)}
    rejected = bucket.ids(f.Rejected)
    receipts = {(fact.did, fact.id, fact.state) for fact in bucket.of(f.Received)}
    accounted = routed | dropped.keys() | dead | {(did, known) for did, known, _ in receipts}
    open_ = [key for key in acknowledged if key not in accounted and key[1] not in rejected]

    tally.acknowledged += len(acknowledged)
    tally.routed += len(routed)
    tally.answered += len({(fact.did, fact.id) for fact in bucket.of(f.Answered)} & here)
    tally.duplicates += sum(len(found) - 1 for found in first.values() if found)
    tally.dropped.update(dropped.values())
    tally.dead += len(dead)
    tally.receipts.update(state for _, _, state in receipts)
    tally.rejected += len(rejected)
    tally.missing += [Missing(key, sizes.get(key, -1)) for key in open_ if key not in here]
    tally.lost_receipts += [
        f"{fact.did} {fact.name}"
        for fact in {fact.name: fact for fact in bucket.of(f.AckedReceipt)}.values()
        if (fact.did, fact.id, fact.state) not in receipts and fact.id not in rejected
    ]
    for key in open_:
        if key not in here:
            continue
        # Whatever is behind a committed offset has its effect in the same transaction.
        if all(one.passed and one.at_ms >= floor_ms for one in held[key]):
            tally.silent.append(" ".join(key))
        else:
            tally.pending_events.add(" ".join(key))
    _routed_twice(bucket, tally, here)


def _routed_twice(bucket: Bucket, tally: Tally, here: set[EventKey]) -> None:
    """An event stands once on the topic of each agent that gets it, unless somebody put it back."""
    counts = Counter(
        (fact.did, fact.id, fact.agent) for fact in bucket.of(f.Routed) if not fact.replayed and fact.message
    )
    tally.routed_twice += [
        f"{did} {event}"
        for did, event in {(did, event) for (did, event, _), n in counts.items() if n > 1}
        if (did, event) in here
    ]


def messages(bucket: Bucket, tally: Tally, window: Window, floor_ms: int = 0) -> dict[str, str]:
    """The second equation; gives the state of each message of which one is known. `floor_ms` as of `events`."""
    owed, plans = bucket.by_id(f.Owed), bucket.by_id(f.Planned)
    known: dict[str, str] = {}
    for fact in bucket.of(f.Became):
        known[fact.id] = merge(known.get(fact.id), fact.state)
    not_now = {fact.id: fact.word for fact in bucket.of(f.NotNow)}
    dead, kept = bucket.ids(f.DeadMessage), bucket.ids(f.Kept)
    states = {one: known.get(one, "") or not_now.get(one, "") for one in owed}
    states |= {one: "dead" for one in dead if states.get(one, "") in ("", "parked")}

    tally.accepted += len(owed)
    tally.by_state.update(state or "pending" for state in states.values())
    for one, state in states.items():
        if state == "in_doubt":
            tally.in_doubt.add(one)
        elif state == "parked":
            tally.parked.add(one)
            if one not in kept:
                tally.unkept.append(one)
        elif not state:
            passed = all(fact.passed and fact.at_ms >= floor_ms for fact in owed.get(one, ()))
            if passed and one not in plans and one not in kept:
                tally.unaccounted.append(one)
            else:
                tally.pending.add(one)
    for one in known.keys() - owed.keys():
        seen = window.whole or any(plan.cause_seen for plan in plans.get(one, ()))
        if seen:
            tally.unowed.append(one)
        else:
            tally.not_judged += 1
    tally.resends |= {plan.plan for found in plans.values() for plan in found if plan.resend}
    tally.planned_twice += [one for one, found in plans.items() if _planned_twice(found)]
    return known


def _planned_twice(plans: list[f.Planned]) -> bool:
    """Two plans for one attempt: each further attempt has its own number, and a resend says that it is one."""
    attempts: dict[tuple[int, str], set[str]] = defaultdict(set)
    for plan in plans:
        attempts[plan.attempt, plan.replay].add(plan.plan)
    return any(len(found) > 1 for found in attempts.values())


def of_deliveries(bucket: Bucket) -> Iterator[f.Fact]:
    """What is joined by deliveries, for a stage of its own."""
    yield from deliveries.standing(bucket.of(f.Remembered))
    for kind in (f.Asked, f.Ended, f.DeliveryBuried):
        yield from bucket.of(kind)


def records(bucket: Bucket, tally: Tally) -> None:
    """What cannot be read and no dead letter accounts for; and what stands in a log though it must not."""
    buried = bucket.ids(f.Buried)
    tally.unreadable += [f"{place}: {found[0].why}" for place, found in bucket.by_id(f.Unreadable).items()
                         if place not in buried]  # fmt: skip
    told = bucket.ids(f.Person) | bucket.ids(f.Phrase)
    tally.exposed += [fact.where for fact in bucket.of(f.Logged) if fact.id in told or fact.id.startswith("\0")]


def tenants(bucket: Bucket, tally: Tally, owners: Mapping[str, tuple[str, int]]) -> None:
    """Ids that two tenants share, and events of a line that its present owner did not get."""
    of: dict[str, set[str]] = defaultdict(set)
    lines: dict[EventKey, set[str]] = defaultdict(set)
    for owed in bucket.of(f.Owed):
        of[owed.id] |= {owed.tenant, owed.stamped}
    for planned in bucket.of(f.Planned):
        of[planned.id].add(planned.tenant)
    for became in bucket.of(f.Became):
        of[became.id].add(became.tenant)
    for held in bucket.of(f.Held):
        lines[held.did, held.id].add(held.tenant)
    for routed in bucket.of(f.Routed):
        lines[routed.did, routed.id] |= {routed.tenant, routed.stamped}
        owner, since_ms = owners.get(routed.did, ("", 0))
        if owner and routed.at_ms > since_ms + MOVED_MS:
            lines[routed.did, routed.id].add(owner)
    tally.crossed += [one for one, found in of.items() if len(found - {""}) > 1]
    tally.crossed += [" ".join(key) for key, found in lines.items() if len(found - {""}) > 1]
