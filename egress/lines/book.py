"""The book: what a line has planned and what became of it, as the journal says. Pure.

Rebuilt from the journal when a partition is taken, then kept up to date by the owner's own plans and outcomes and by
outcomes that an earlier owner still writes. It answers: was this message planned already, which send does this
receipt belong to, which plans have no outcome. Settled plans leave when they are old or many, but never while a
message of theirs would be read again after a crash: it would be taken for a new one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.journal import CallOutcome, Plan

MESSAGES_MAX = 200_000
HORIZON_MS = 48 * 3_600_000
# As long as Kafka keeps inputs and what is parked, by which a refused one may come back.
REFUSED_MS = 31 * 24 * 3_600_000

# a later word on a plan counts only if it is firmer: a doubt gives way to what is known, and that only to an end
_FIRMNESS: dict[str, int] = {
    "": 0,
    "in_doubt": 1,
    "not_sent": 2,
    "throttled": 2,
    "accepted": 3,
    "refused": 3,
    "settled": 3,
}


# What was decided about a doubt that still is one: a person ordered its resend; or the gate refused that.
RESEND_ORDERED, RESEND_REFUSED = "resend_ordered", "resend_refused"
# An outcome of a message instead of a plan: it was refused, and its input may come back.
NEVER_PLANNED = "never_planned"


@dataclass(slots=True, eq=False)
class Entry:
    """One plan; `states` are its messages' public states, `ids` the provider's ids, both in the plan's order.

    `ended` are messages whose next attempt was refused.
    """

    plan: Plan
    outcome: CallOutcome | None = None
    states: list[str | None] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    by_contact: dict[str, int] | None = None
    ended: set[str] | None = None

    @property
    def result(self) -> str:
        return self.outcome.result if self.outcome else ""

    @property
    def open(self) -> bool:
        """Nobody knows yet whether the call reached Chattigo."""
        return self.result in ("", "in_doubt")

    def index_of(self, contact: str) -> int | None:
        """The place in the plan of the message to this person."""
        if self.by_contact is None:
            self.by_contact = {m.contact: i for i, m in enumerate(self.plan.messages)}
        return self.by_contact.get(contact)


class Place(NamedTuple):
    """One message of one plan."""

    entry: Entry
    at: int


class Book:
    """All plans of one line that still matter."""

    def __init__(self) -> None:
        self._plans: dict[str, Entry] = {}
        self._age: deque[Entry] = deque()
        self._standing: set[str] = set()
        self._kept: deque[Entry] = deque()
        self._bound: list[str] = []
        self._guessed: dict[str, Entry] = {}
        self._refused: dict[str, int] = {}
        self._messages: dict[str, Place] = {}
        self._provider: dict[str, Place] = {}
        self._roots: dict[str, Entry] = {}
        self._contacts: dict[str, list[Place]] = {}
        self._count = 0

    def add(self, plan: Plan) -> Entry:
        """A plan; one that is known already stays as it is."""
        known = self._plans.get(plan.plan_id)
        if known is not None:
            return known
        entry = Entry(plan, states=[None] * len(plan.messages), ids=[""] * len(plan.messages))
        self._plans[plan.plan_id] = entry
        self._age.append(entry)
        self._count += len(plan.messages)
        if plan.root_id:
            self._roots[plan.root_id] = entry
        for index, message in enumerate(plan.messages):
            place = Place(entry, index)
            self._messages[message.id] = place
            self._contacts.setdefault(message.contact, []).append(place)
        return entry

    def apply(self, outcome: CallOutcome) -> Entry | None:
        """An outcome; the entry if it says something new and firmer of a known plan."""
        entry = self._plans.get(outcome.plan_id)
        if entry is None and outcome.code == NEVER_PLANNED:
            self._refused[outcome.plan_id] = outcome.at_ms
        if entry is None:
            return None
        ended = outcome.result == "refused" and entry.result in ("not_sent", "throttled")
        if _FIRMNESS[outcome.result] <= _FIRMNESS[entry.result] and not ended and not _decided(entry, outcome):
            self._learn_ids(entry, outcome)
            return None
        entry.outcome = outcome
        if outcome.plan_id in self._standing and not entry.open:
            self._standing.discard(outcome.plan_id)
            self._count += len(entry.plan.messages)
            self._age.appendleft(entry)
        self._learn_ids(entry, outcome)
        return entry

    def _learn_ids(self, entry: Entry, outcome: CallOutcome) -> None:
        for index, provider_id in enumerate(outcome.provider_ids):
            if provider_id and index < len(entry.ids) and not entry.ids[index]:
                self._bind(Place(entry, index), provider_id)

    def bind(self, place: Place, provider_id: str) -> None:
        """A receipt shows that the provider knows this message by this id; `newly_guessed` tells whom to record."""
        self._bind(place, provider_id)
        self._guessed[place.entry.plan.plan_id] = place.entry

    def _bind(self, place: Place, provider_id: str) -> None:
        place.entry.ids[place.at] = provider_id
        self._provider[provider_id] = place
        self._bound.append(provider_id)

    def newly_guessed(self) -> list[Entry]:
        """Plans to which receipts were bound since the last time that this was asked."""
        guessed, self._guessed = self._guessed, {}
        return list(guessed.values())

    def newly_bound(self) -> list[str]:
        """Provider's ids that became known since the last time that this was asked."""
        bound, self._bound = self._bound, []
        return bound

    def plan(self, plan_id: str) -> Entry | None:
        return self._plans.get(plan_id)

    def knows(self, message_id: str) -> bool:
        """Whether the message was planned at least once, or refused while its input may come back."""
        return message_id in self._messages or message_id in self._refused

    def latest(self, message_id: str) -> Place | None:
        """The message's last attempt."""
        return self._messages.get(message_id)

    def find(self, provider_id: str, contact: str) -> Place | None:
        """The send that a receipt's id names: a provider's id, a message's own id, or a call's id and a person."""
        place = self._provider.get(provider_id) or self._messages.get(provider_id)
        if place is not None:
            return place
        entry = self._roots.get(provider_id)
        index = entry.index_of(contact) if entry is not None else None
        return Place(entry, index) if entry is not None and index is not None else None

    def sends_to(self, contact: str) -> list[Place]:
        """All known sends to a person, oldest first."""
        return self._contacts.get(contact, [])

    def entries(self) -> Iterator[Entry]:
        return iter(self._plans.values())

    def prune(
        self, now_ms: int, messages_max: int | None = None, returns: Callable[[Plan], bool] = lambda plan: False
    ) -> None:
        """Lets go of the oldest plans beyond the horizon or the limit (MESSAGES_MAX).

        Those in doubt stay until they are settled, and those with a message that `returns` after a crash, because
        the offset of its input is not committed, until it is.
        """
        limit = MESSAGES_MAX if messages_max is None else messages_max
        while self._kept and not returns(self._kept[0].plan):
            self._forget(self._kept.popleft())
        while self._refused and next(iter(self._refused.values())) < now_ms - REFUSED_MS:
            del self._refused[next(iter(self._refused))]
        while self._age:
            entry = self._age[0]
            if entry.plan.at_ms >= now_ms - HORIZON_MS and self._count <= limit:
                return
            self._age.popleft()
            self._count -= len(entry.plan.messages)
            if entry.open:
                self._standing.add(entry.plan.plan_id)
            elif returns(entry.plan):
                self._kept.append(entry)
            else:
                self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        del self._plans[entry.plan.plan_id]
        self._roots.pop(entry.plan.root_id, None)
        for index, message in enumerate(entry.plan.messages):
            place = self._messages.get(message.id)
            if place is not None and place.entry is entry:
                del self._messages[message.id]
            if entry.ids[index]:
                self._provider.pop(entry.ids[index], None)
            kept = [p for p in self._contacts.get(message.contact, ()) if p.entry is not entry]
            if kept:
                self._contacts[message.contact] = kept
            else:
                self._contacts.pop(message.contact, None)


def _decided(entry: Entry, outcome: CallOutcome) -> bool:
    both_doubts = outcome.result == "in_doubt" and entry.result == "in_doubt" and entry.outcome is not None
    return both_doubts and outcome.code in (RESEND_ORDERED, RESEND_REFUSED) and outcome != entry.outcome
