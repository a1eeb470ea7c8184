"""The two equations over unique ids, and what breaks them. Pure.

Events: acknowledged = routed + dropped with reason + dead letter + receipt + rejected + pending; else lost.
Messages: accepted for sending = sent + refused with reason + dead letter + in doubt + parked + pending.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from relevo.audit.gathered import Gathered
from relevo.audit.provider import Provider, Taken
from schemas import phone
from schemas.journal import Plan
from schemas.record import Frozen

SENT = frozenset(("accepted", "sent", "delivered", "read", "failed"))


class Events(Frozen):
    """What became of the events; `lost` names those that nothing accounts for, `pending` those still on their way."""

    acknowledged: int
    routed: int
    duplicates: int
    dropped: dict[str, int]
    dead: int
    receipts: dict[str, int]
    rejected: int
    pending: list[str]
    lost: list[str]
    lost_receipts: list[str]


class Messages(Frozen):
    """What became of the messages; `twice` names those that the provider took more often than is on record.

    `unplanned` were taken by the provider without a plan, `unowed` have an outcome though nobody asked for them.
    """

    accepted: int
    by_state: dict[str, int]
    pending: list[str]
    in_doubt: list[str]
    twice: list[str]
    unplanned: list[str]
    unowed: list[str]
    resent: int


def events(found: Gathered, provider: Provider | None) -> Events:
    """The first equation. Without a provider's view, what Kafka holds counts as acknowledged."""
    acknowledged = provider.acked if provider else set(found.held)
    accounted = found.routed | set(found.dropped) | set(found.dead)
    open_ = [key for key in acknowledged if key not in accounted and key[1] not in found.rejected]
    receipts = Counter(state for _, _, state in found.receipts)
    return Events(
        acknowledged=len(acknowledged),
        routed=len(found.routed),
        duplicates=sum(count - 1 for count in found.held.values()),
        dropped=dict(Counter(found.dropped.values())),
        dead=len(found.dead),
        receipts=dict(receipts),
        rejected=len(found.rejected),
        pending=_names(key for key in open_ if key in found.held),
        lost=_names(key for key in open_ if key not in found.held),
        lost_receipts=_lost_receipts(found, provider),
    )


def _names(found: Iterable[tuple[str, str]]) -> list[str]:
    return sorted(f"{did} {event}" for did, event in found)


def _lost_receipts(found: Gathered, provider: Provider | None) -> list[str]:
    """Acknowledged receipts that stand nowhere. The ledger names them `<id>:<state>`."""
    if provider is None:
        return []
    held = {(did, receipt) for did, receipt, _ in found.receipts}
    lost = [
        (did, name)
        for did, name in provider.acked_receipts
        if (did, name.rpartition(":")[0]) not in held and name.rpartition(":")[0] not in found.rejected
    ]
    return _names(lost)


def messages(found: Gathered, provider: Provider | None) -> Messages:
    """The second equation, and what the provider took against what was planned."""
    states = {one: found.states.get(one, "") for one in found.accepted}
    states |= {one: "dead" for one in found.dead_messages if not states.get(one)}
    twice, unplanned = _against_provider(found, provider.taken) if provider else ([], [])
    return Messages(
        accepted=len(found.accepted),
        by_state=dict(Counter(state or "pending" for state in states.values())),
        pending=sorted(one for one, state in states.items() if not state),
        in_doubt=sorted(one for one, state in states.items() if state == "in_doubt"),
        twice=twice,
        unplanned=unplanned,
        unowed=sorted(set(found.states) - set(found.accepted)),
        resent=sum(bool(plan.resend_of) for plan in found.plans.values()),
    )


def _against_provider(found: Gathered, taken: list[Taken]) -> tuple[list[str], list[str]]:
    """(messages taken too often, what was taken without a plan).

    A batch is known by its root id and the person; a session message by the digest of its bytes, which several
    honest messages may share: so many may be taken as there are messages planned with these bytes.
    """
    index = _Index(found.plans.values())
    resends = Counter(m.id for plan in found.plans.values() if plan.resend_of for m in plan.messages)
    unplanned, batch, session = [], Counter[str](), Counter[tuple[str, str]]()
    for one in taken:
        if one.batch and (message := index.recipient(one)):
            batch[message] += 1
        elif not one.batch and (one.did, one.digest) in index.by_digest:
            session[one.did, one.digest] += 1
        else:
            unplanned.append(f"{one.did} {one.wamid}")
    twice = [message for message, count in batch.items() if count > 1 + resends[message]]
    for key, count in session.items():
        planned = index.by_digest[key]
        if count > len(planned) + sum(resends[message] for message in planned):
            twice += sorted(planned)
    return sorted(twice), sorted(unplanned)


class _Index:
    """Plans by what the provider saw of them: a batch's root id and person, or the digest of a call's bytes."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        self.by_digest: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._by_person: dict[tuple[str, str, str], str] = {}
        for plan in plans:
            self.by_digest[plan.did, plan.digest].update(m.id for m in plan.messages)
            for message in plan.messages if plan.root_id else ():
                for person in (message.contact, phone.canonical(message.to)):
                    self._by_person[plan.did, plan.root_id, person] = message.id

    def recipient(self, one: Taken) -> str:
        """The id of the message that went to this person in this batch; empty when none was planned."""
        return self._by_person.get((one.did, one.root_id, phone.canonical(one.contact)), "")
