"""The audit's result, to print and as JSON. `clean` is what a drill and a release ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from rich.table import Table

from relevo.audit import balance, deliveries, joins
from relevo.audit.balance import Bucket, Missing, Tally
from relevo.audit.facts import Fact
from relevo.audit.gathered import Frame, Gathered
from relevo.audit.invariants import Evidence, Invariant, is_compacted, prove
from relevo.audit.provider import Provider
from relevo.audit.store import CALLS, DELIVERIES, GROUPS, IDS, ORDERS, Store
from relevo.audit.window import Unseen
from schemas.record import Frozen

SHOWN = 10


class Events(Frozen):
    """What became of the events.

    `lost` were acknowledged and stand nowhere, `silent` are behind a committed offset and nothing accounts for them;
    `pending` are the first of the `pending_count` that are on their way. `answered` are those that a message names as
    its cause.
    """

    acknowledged: int
    routed: int
    answered: int
    duplicates: int
    dropped: dict[str, int]
    dead: int
    receipts: dict[str, int]
    rejected: int
    pending: list[str]
    pending_count: int
    lost: list[str]
    lost_receipts: list[str]
    silent: list[str]


class Messages(Frozen):
    """What became of the messages; `twice` names those that the provider took more often than is on record.

    `by_state` has a name for each, also for recipients whom a campaign that is cancelled, paused, a draft or scheduled
    has not come to. `unplanned` were taken by the provider without a plan, `unowed` have an outcome though nobody asked
    for them. `parked` wait in Kafka; `unkept` are said to, and are not there. `silent` are behind a committed offset
    and nothing accounts for them. Of what is pending, parked or in doubt the first are named.
    """

    accepted: int
    by_state: dict[str, int]
    pending: list[str]
    in_doubt: list[str]
    parked: list[str]
    unkept: list[str]
    twice: list[str]
    unplanned: list[str]
    unowed: list[str]
    silent: list[str]
    resent: int


class Deliveries(Frozen):
    """What became of what agents were to bring to systems outside: `by_end` has a name for each end, `dead letter`
    among them. `waiting` are the first of the `waiting_count` that an agent's memory holds; `pending` were asked for
    just now. `lost` are none of it; `unlettered` were given up, and no letter holds them; `twice` are delivered twice
    on record, `again` have ended and wait all the same."""

    asked: int
    by_end: dict[str, int]
    waiting: list[str]
    waiting_count: int
    pending: int
    lost: list[str]
    unlettered: list[str]
    twice: list[str]
    again: list[str]


class Report(Frozen):
    """The equations, and each invariant with what was found of it. `violations` names each id that breaks one, with
    the words for how. `unseen` is what retention took; `not_judged` counts ids whose beginning lies before what was
    read; `records` is how much was read of each topic."""

    events: Events
    messages: Messages
    deliveries: Deliveries
    invariants: list[Invariant]
    violations: list[str]
    unreadable: list[str]
    unseen: list[Unseen]
    not_judged: int
    records: dict[str, int]

    @property
    def clean(self) -> bool:
        """Nothing is lost, sent twice, unplanned or unreadable; what is pending, parked or in doubt may stand."""
        return not self.violations

    @property
    def quiet(self) -> bool:
        """Nothing is on its way any more, or will be by itself: what is paused or a draft waits for a person."""
        scheduled = self.messages.by_state.get("scheduled", 0)
        return not (self.events.pending or self.messages.pending or self.messages.parked or scheduled)


@dataclass
class Judged:
    """What was found before it is told: `twice` are paid messages, `repeated` others that were taken too often."""

    tally: Tally = field(default_factory=Tally)
    twice: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    unplanned: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)


def report(found: Gathered, provider: Provider | None) -> Report:
    """The audit of what was gathered, against the provider's view if there is one. The facts are used up by it."""
    for stage, fact in provider.facts() if provider else ():
        found.store.put(stage, fact)
    judged = judge(found.store, found.frame, ledger=provider is not None)
    return told(judged, found.frame, evidence(found.frame, provider.logins if provider else None))


def evidence(frame: Frame, logins: Counter[str] | None) -> Evidence:
    """What there is beside the topics; `logins` are those of the ledger, None where there is none."""
    compacted = any(is_compacted(frame.generations.get(account, set())) for account in logins or ())
    return Evidence(ledger=logins is not None, logs=frame.wants_logs, logins=logins or {}, compacted=compacted)


def judge(store: Store, frame: Frame, *, ledger: bool) -> Judged:
    """All joins, one bucket at a time."""
    judged = Judged()
    for facts in store.drain(IDS):
        _one_bucket(Bucket(facts), judged.tally, store, frame, ledger=ledger)
    _move(store, CALLS, GROUPS, judged.unplanned)
    for facts in store.drain(GROUPS):
        for one, paid in joins.taken_too_often(facts):
            (judged.twice if paid else judged.repeated).add(one)
    for facts in store.drain(DELIVERIES):
        deliveries.judge(facts, judged.tally.deliveries)
    for facts in store.drain(ORDERS):
        judged.order += joins.out_of_order(facts)
    return judged


def _one_bucket(bucket: Bucket, tally: Tally, store: Store, frame: Frame, *, ledger: bool) -> None:
    balance.events(bucket, tally, frame.floor_ms, ledger=ledger)
    states = balance.messages(bucket, tally, frame.window, frame.floor_ms)
    balance.tenants(bucket, tally, frame.owners)
    balance.records(bucket, tally)
    if ledger:
        _put(store, CALLS, joins.sends(bucket, states))
    _put(store, ORDERS, joins.steps(bucket))
    _put(store, DELIVERIES, balance.of_deliveries(bucket))


def _move(store: Store, stage: str, to: str, unplanned: list[str]) -> None:
    for facts in store.drain(stage):
        _put(store, to, joins.groups(facts, unplanned))


def _put(store: Store, stage: str, facts: Iterable[Fact]) -> None:
    for fact in facts:
        store.put(stage, fact)


def told(judged: Judged, frame: Frame, evidence: Evidence) -> Report:
    """The report of what was found."""
    tally = judged.tally
    incoming, outgoing = _events(tally, frame), _messages(judged)
    invariants = prove(_faults(judged, incoming, frame, evidence), evidence)
    return Report(
        events=incoming,
        messages=outgoing,
        deliveries=_deliveries(tally.deliveries),
        invariants=invariants,
        violations=[line for one in invariants for line in one.broken],
        unreadable=sorted(tally.unreadable),
        unseen=frame.window.unseen,
        not_judged=tally.not_judged + tally.deliveries.not_judged,
        records=dict(sorted(frame.records.items())),
    )


def _faults(judged: Judged, incoming: Events, frame: Frame, evidence: Evidence) -> dict[int, list[tuple[str, str]]]:
    """(how, id) of each fault, by the invariant that it breaks."""
    tally = judged.tally
    by_word = (
        (1, "lost event", incoming.lost),
        (1, "lost receipt", incoming.lost_receipts),
        (2, "routed twice", tally.routed_twice),
        (2, "planned twice", tally.planned_twice),
        (2, "sent twice", judged.repeated - judged.twice),
        (2, "delivered twice", tally.deliveries.twice),
        (2, "delivered, and waits to be delivered again", tally.deliveries.again),
        (3, "out of order", judged.order),
        (4, "sent twice", judged.twice),
        (4, "sent without a plan", judged.unplanned),
        (5, "a login that is not on record", evidence.off_record(frame.logins, frame.generations)),
        (6, "nothing became of the event", tally.silent),
        (6, "nothing became of the message", tally.unaccounted),
        (6, "parked, but not kept", tally.unkept),
        (6, "outcome of a message that nobody asked for", tally.unowed),
        (6, "nothing became of the delivery", tally.deliveries.lost),
        (6, "a delivery was given up, but no letter holds it", tally.deliveries.unlettered),
        (6, "unreadable", tally.unreadable),
        (7, "of two tenants", tally.crossed),
        (8, "told in a log", tally.exposed),
    )
    found: dict[int, list[tuple[str, str]]] = {}
    for number, word, names in by_word:
        found.setdefault(number, []).extend((word, one) for one in sorted(set(names)))
    return found


def _events(tally: Tally, frame: Frame) -> Events:
    return Events(
        acknowledged=tally.acknowledged,
        routed=tally.routed,
        answered=tally.answered,
        duplicates=tally.duplicates,
        dropped=dict(tally.dropped),
        dead=tally.dead,
        receipts=dict(tally.receipts),
        rejected=tally.rejected,
        pending=tally.pending_events.named,
        pending_count=tally.pending_events.count,
        lost=sorted(" ".join(one.key) for one in _without_nameless(tally.missing, frame.nameless)),
        lost_receipts=sorted(tally.lost_receipts),
        silent=sorted(tally.silent),
    )


def _without_nameless(missing: list[Missing], nameless: Counter[int]) -> list[Missing]:
    """Those that are missing indeed. Where a body named nothing the ledger made up a name, which only the size of
    the body joins with what Kafka holds."""
    left, lost = nameless.copy(), []
    for one in sorted(missing):
        if left[one.size] > 0:
            left[one.size] -= 1
        else:
            lost.append(one)
    return lost


def _messages(judged: Judged) -> Messages:
    tally = judged.tally
    return Messages(
        accepted=tally.accepted,
        by_state=dict(tally.by_state),
        pending=tally.pending.named,
        in_doubt=tally.in_doubt.named,
        parked=tally.parked.named,
        unkept=sorted(tally.unkept),
        twice=sorted(judged.twice | judged.repeated),
        unplanned=sorted(judged.unplanned),
        unowed=sorted(tally.unowed),
        silent=sorted(tally.unaccounted),
        resent=len(tally.resends),
    )


def _deliveries(found: deliveries.Deliveries) -> Deliveries:
    by_end = {"dead letter" if how == "given_up" else how: count for how, count in found.ended.items()}
    return Deliveries(
        asked=found.asked,
        by_end=by_end,
        waiting=found.waiting.named,
        waiting_count=found.waiting.count,
        pending=found.pending,
        lost=sorted(found.lost),
        unlettered=sorted(found.unlettered),
        twice=sorted(found.twice),
        again=sorted(found.again),
    )


def table(result: Report) -> Table:
    """Both equations side by side."""
    rows = Table("events", "", "messages", "", title="audit", show_edge=False)
    left = [
        ("acknowledged", result.events.acknowledged),
        ("routed", result.events.routed),
        *((f"dropped: {reason}", count) for reason, count in sorted(result.events.dropped.items())),
        ("dead letters", result.events.dead),
        ("rejected", result.events.rejected),
        ("pending", result.events.pending_count),
        ("duplicates dropped", result.events.duplicates),
        ("lost", len(result.events.lost) + len(result.events.lost_receipts) + len(result.events.silent)),
    ]
    right = [
        ("accepted for sending", result.messages.accepted),
        *sorted(result.messages.by_state.items()),
        ("resent on record", result.messages.resent),
        ("sent twice", len(result.messages.twice)),
    ]
    if result.deliveries.asked:
        right += [("deliveries asked", result.deliveries.asked)]
        right += [(f"deliveries: {how}", count) for how, count in sorted(result.deliveries.by_end.items())]
        right += [("deliveries: waiting", result.deliveries.waiting_count + result.deliveries.pending)]
    for index in range(max(len(left), len(right))):
        cells = [*(left[index] if index < len(left) else ("", ""))]
        cells += [*(right[index] if index < len(right) else ("", ""))]
        rows.add_row(*(str(cell) for cell in cells))
    return rows


def verdicts(result: Report) -> Table:
    """Each invariant and what was found of it."""
    rows = Table("", "invariant", "", "why", title="invariants", show_edge=False)
    for one in result.invariants:
        colour = {"proved": "green", "broken": "red"}.get(one.verdict, "yellow")
        rows.add_row(str(one.number), one.name, f"[{colour}]{one.verdict}[/]", one.why)
    return rows


def as_json(result: Report) -> bytes:
    """One object; lists of faults are whole."""
    return msgspec.json.encode(msgspec.to_builtins(result) | {"clean": result.clean, "quiet": result.quiet})
