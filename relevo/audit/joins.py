"""What is joined by more than one id: plans with what Chattigo took, and places with the order they had before. Pure.

Chattigo names no message of ours. A batch is known by its root id and the person; a session message by the digest of
its bytes. Several honest messages may share these: so many may be taken as were planned and not refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from relevo.audit import facts as f
from relevo.audit.balance import NEVER_TAKEN, Bucket
from schemas import phone, topics

_BETWEEN = "\x1f"


def call_of_batch(did: str, root: str, person: str) -> str:
    """What a recipient of a batch is known by at Chattigo."""
    return _BETWEEN.join((did, root, phone.canonical(person)))


def call_of_session(did: str, digest: str) -> str:
    """What a session message is known by."""
    return _BETWEEN.join((did, digest))


def sends(bucket: Bucket, states: dict[str, str]) -> Iterator[f.Sent]:
    """Each message under all that it may be known by at Chattigo."""
    for one, plans in bucket.by_id(f.Planned).items():
        never = states.get(one) in NEVER_TAKEN
        resends = len({plan.plan for plan in plans if plan.resend})
        calls: dict[str, bool] = {}
        for plan in plans:
            if plan.root:
                calls |= {call_of_batch(plan.did, plan.root, who): True for who in (plan.contact, plan.to)}
            else:
                calls[call_of_session(plan.did, plan.digest)] = False
        for call, paid in calls.items():
            yield f.Sent(call, one, never, resends, paid)


def groups(facts: Iterable[f.Fact], unplanned: list[str]) -> Iterator[f.Group]:
    """How often each group of like messages was taken under one name; what was taken under no name is unplanned."""
    bucket = Bucket(facts)
    sent = bucket.by_id(f.Sent)
    for call, taken in bucket.by_id(f.Taken).items():
        planned = {one.message: one for one in sent.get(call, ())}
        if not planned:
            unplanned += [f"{one.did} {one.wamid}" for one in taken]
            continue
        likely = [one for one, fact in planned.items() if not fact.never] or list(planned)
        yield f.Group(
            _BETWEEN.join(sorted(planned)),
            sorted(likely),
            sum(one.resends for one in planned.values()),
            any(one.paid for one in planned.values()),
            len(taken),
        )


def taken_too_often(facts: Iterable[f.Fact]) -> Iterator[tuple[str, bool]]:
    """(message, whether it is paid) of groups that were taken more often than is on record."""
    for found in Bucket(facts).by_id(f.Group).values():
        first = found[0]
        if sum(one.taken for one in found) > len(first.likely) + first.resends:
            yield from ((one, first.paid) for one in first.likely)


# -- order


def steps(bucket: Bucket) -> Iterator[f.Step]:
    """Where each event and each reply stood, and where it went, if both say so beyond doubt."""
    held: dict[tuple[str, str], list[f.Held]] = defaultdict(list)
    for one in bucket.of(f.Held):
        held[one.did, one.id].append(one)
    dead = {(one.did, one.id) for one in bucket.of(f.Dead)}
    for routed in bucket.of(f.Routed):
        key = routed.did, routed.id
        places = held.get(key, [])
        # One that came by way of an alias takes its turn among those of the other key; one that was put back, anew.
        if routed.replayed or key in dead or any(one.forwarded for one in places):
            continue
        came = [one for one in places if one.at_ms == routed.at_ms]
        if came:
            first = min(came, key=lambda one: (one.partition, one.offset, one.nth))
            conversation = _BETWEEN.join((routed.agent, routed.did, routed.contact))
            before = first.partition, first.offset, first.nth
            yield f.Step(conversation, f"{routed.did} {routed.id}", before, (routed.partition, routed.offset))
    yield from _replies(bucket)


def _replies(bucket: Bucket) -> Iterator[f.Step]:
    """From `outbound.replies` to the first plan, of those that what follows must wait for."""
    kept = bucket.by_id(f.Kept)
    owed = bucket.by_id(f.Owed)
    for one, plans in bucket.by_id(f.Planned).items():
        places = [fact for fact in owed.get(one, ()) if fact.topic == topics.OUTBOUND_REPLIES.name]
        first = min(plans, key=lambda plan: plan.offset)
        orderly = all(fact.orderly for fact in kept.get(one, ()))
        if len(places) != 1 or places[0].free or not first.lane or not orderly or first.replay:
            continue
        [place] = places
        conversation = _BETWEEN.join(("replies", place.did, place.contact))
        before = place.partition, place.offset, 0
        yield f.Step(conversation, f"{place.did} {one}", before, (first.partition, first.offset))


def out_of_order(facts: Iterable[f.Fact]) -> Iterator[str]:
    """Names of those that another one of their conversation overtook; both stood in the same partitions."""
    for found in Bucket(facts).by_id(f.Step).values():
        first: dict[str, f.Step] = {}
        for step in sorted(found, key=lambda one: one.after):
            first.setdefault(step.name, step)
        last: dict[tuple[int, int], f.Step] = {}
        for step in first.values():
            lane = step.before[0], step.after[0]
            if lane in last and step.before < last[lane].before:
                yield step.name
            else:
                last[lane] = step
