"""The two equations over unique ids, and what breaks them. Pure.

Events: acknowledged = routed + dropped with reason + dead letter + receipt + rejected + pending; else lost.
Messages: accepted for sending = sent + refused with reason + dead letter + in doubt + parked + pending + recipients
whom their campaign has not come to: cancelled, draft, paused, scheduled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import get_args

from relevo.audit.gathered import Gathered
from relevo.audit.provider import Provider, Taken
from schemas import phone
from schemas.chattigo.inbound import ReceiptState
from schemas.journal import Plan
from schemas.record import Frozen

NEVER_TAKEN = frozenset(("refused", "not_sent", "expired"))
_STATES = frozenset(get_args(ReceiptState))
_ALSO = {"played": "read", "delivery": "delivered", "invalid": "failed"}


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

    `by_state` has a name for each, also for recipients whom a campaign that is cancelled, paused, a draft or scheduled
    has not come to. `unplanned` were taken by the provider without a plan, `unowed` have an outcome though nobody asked
    for them. `parked` wait in Kafka; `unkept` are said to, and are not there.
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
    resent: int


def events(found: Gathered, provider: Provider | None) -> Events:
    """The first equation. Without a provider's view, what Kafka holds counts as acknowledged."""
    acknowledged = provider.acked if provider else set(found.held)
    accounted = found.routed | set(found.dropped) | set(found.dead) | {(did, known) for did, known, _ in found.receipts}
    open_ = [key for key in acknowledged if key not in accounted and key[1] not in found.rejected]
    missing = _without_nameless((key for key in open_ if key not in found.held), found, provider)
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
        lost=_names(missing),
        lost_receipts=_lost_receipts(found, provider),
    )


def _without_nameless(
    missing: Iterable[tuple[str, str]], found: Gathered, provider: Provider | None
) -> list[tuple[str, str]]:
    """Those that are missing indeed. Where a body named nothing the ledger made up a name, which only the size of
    the body joins with what Kafka holds."""
    sizes, left = provider.alone if provider else {}, found.nameless.copy()
    lost = []
    for key in sorted(missing):
        size = sizes.get(key, -1)
        if left[size] > 0:
            left[size] -= 1
        else:
            lost.append(key)
    return lost


def _names(found: Iterable[tuple[str, str]]) -> list[str]:
    return sorted(f"{did} {event}" for did, event in found)


def _lost_receipts(found: Gathered, provider: Provider | None) -> list[str]:
    """Acknowledged receipts that stand nowhere. The ledger names them `<id>:<state>`."""
    if provider is None:
        return []
    return _names(
        (did, name)
        for did, name in provider.acked_receipts
        if (did, *_receipt(name)) not in found.receipts and _receipt(name)[0] not in found.rejected
    )


def _receipt(name: str) -> tuple[str, str]:
    """(id, state) of a receipt's name in the ledger."""
    known, _, said = name.rpartition(":")
    state = _ALSO.get(said.lower(), said.lower())
    return known, state if state in _STATES else "other"


def messages(found: Gathered, provider: Provider | None) -> Messages:
    """The second equation, and what the provider took against what was planned."""
    states = {one: found.states.get(one, "") for one in found.accepted}
    states |= {one: word for one, word in found.not_come_to.items() if not states.get(one)}
    states |= {one: "dead" for one in found.dead_messages if states.get(one, "") in ("", "parked")}
    parked = sorted(one for one, state in states.items() if state == "parked")
    twice, unplanned = _against_provider(found, provider.taken) if provider else ([], [])
    return Messages(
        accepted=len(found.accepted),
        by_state=dict(Counter(state or "pending" for state in states.values())),
        pending=sorted(one for one, state in states.items() if not state),
        in_doubt=sorted(one for one, state in states.items() if state == "in_doubt"),
        parked=parked,
        unkept=[one for one in parked if one not in found.parked],
        twice=twice,
        unplanned=unplanned,
        unowed=sorted(set(found.states) - set(found.accepted)),
        resent=sum(bool(plan.resend_of) for plan in found.plans.values()),
    )


def _against_provider(found: Gathered, taken: list[Taken]) -> tuple[list[str], list[str]]:
    """(messages taken too often, what was taken without a plan).

    A batch is known by its root id and the person; a session message by the digest of its bytes. Several honest
    messages may share these: so many may be taken as were planned and not refused.
    """
    index = _Index(found.plans.values())
    resends = Counter(m.id for plan in found.plans.values() if plan.resend_of for m in plan.messages)
    unplanned, counts = [], Counter[frozenset[str]]()
    for one in taken:
        if messages := index.messages(one):
            counts[messages] += 1
        else:
            unplanned.append(f"{one.did} {one.wamid}")
    twice: set[str] = set()
    for planned, count in counts.items():
        likely = {one for one in planned if found.states.get(one) not in NEVER_TAKEN} or planned
        if count > len(likely) + sum(resends[one] for one in planned):
            twice |= likely
    return sorted(twice), sorted(unplanned)


class _Index:
    """Plans by what the provider saw of them: a batch's root id and person, or the digest of a call's bytes."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        self._by_digest: dict[tuple[str, str], frozenset[str]] = defaultdict(frozenset)
        self._by_person: dict[tuple[str, str, str], frozenset[str]] = defaultdict(frozenset)
        for plan in plans:
            if not plan.root_id:
                self._by_digest[plan.did, plan.digest] |= {m.id for m in plan.messages}
                continue
            for message in plan.messages:
                for person in {message.contact, phone.canonical(message.to)}:
                    self._by_person[plan.did, plan.root_id, person] |= {message.id}

    def messages(self, one: Taken) -> frozenset[str]:
        """The messages that this may have been, none of which can be told from the others; empty: none was planned."""
        if one.batch:
            return self._by_person.get((one.did, one.root_id, phone.canonical(one.contact)), frozenset())
        return self._by_digest.get((one.did, one.digest), frozenset())
