"""The book: what a line has planned and what became of it, as the journal says. Pure.

Rebuilt from the journal when a partition is taken, then kept up to date by the owner's own plans and outcomes and by
outcomes that an earlier owner still writes. It answers: was this message planned already, which send does this
receipt belong to, which plans have no outcome. Settled plans leave when they are old or many, but not before they are
*indexed*: a segment (`memory.index`) knows their ids then, and they come back when a receipt asks for them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Container, Iterator, Sequence

from egress.lines.memory.entry import Entry, Place
from egress.lines.memory.firmness import DROPPED, decides, firmer, joined, says_less, tells_more
from egress.lines.memory.index import HORIZON_MS, SendIndex
from schemas import phone
from schemas.journal import CallOutcome, Plan, PlannedMessage, PlanRef, RefusedRef

# So many messages of a line are kept with all that their plans say, beside those that are not settled.
MESSAGES_MAX = 50_000
# Longer than it takes until a word that was written is heard on the journal.
ECHO_S = 5.0
# As long as Kafka keeps inputs and what is parked, by which a refused one may come back.
REFUSED_MS = 31 * 24 * 3_600_000

# The code of an outcome by which a plan ends that was surely not sent, in its last attempt.
ATTEMPTS = "attempts"
# An outcome of a message instead of a plan: it was refused, and its input may come back.
NEVER_PLANNED = "never_planned"
# Of an order on the journal: it waits for what becomes of its plan, or is not to be carried out any more.
WAITING, ENDED = "waiting", "ended"


# What `Place(…)` does, in a third of its time.
_new = tuple.__new__


class Book:
    """All plans of one line that still matter."""

    def __init__(self) -> None:
        self.index = SendIndex()
        self._plans: dict[str, Entry] = {}
        self._age: dict[str, Entry] = {}
        self._standing: dict[str, Entry] = {}
        self._kept: dict[str, Entry] = {}
        self._recalled: dict[str, Place] = {}
        self._bound: list[str] = []
        self._guessed: dict[str, Entry] = {}
        self._untold: dict[str, Entry] = {}
        self._outspoken: dict[str, tuple[float, Entry]] = {}
        self._refused: dict[str, RefusedRef] = {}
        self._words: dict[tuple[str, str], CallOutcome] = {}
        self._messages: dict[str, Place] = {}
        self._provider: dict[str, Place] = {}
        self._roots: dict[str, Entry] = {}
        self._contacts: dict[str, Place | list[Place]] = {}  # most people have one send
        self._wanted: dict[str, PlanRef] = {}
        self._count = self.unindexed = 0

    def add(self, plan: Plan) -> Entry:
        """A plan; one that is known already stays as it is."""
        known = self._plans.get(plan.plan_id)
        if known is not None:
            return known
        entry = Entry.of(plan)
        self._take(entry)
        messages, contacts = self._messages, self._contacts
        for index, message in enumerate(plan.messages):
            place = messages[message.id] = _new(Place, (entry, index))
            sends = contacts.setdefault(message.contact, place)
            if isinstance(sends, list):
                sends.append(place)
            elif sends is not place:
                contacts[message.contact] = [sends, place]
        return entry

    def _take(self, entry: Entry) -> None:
        plan = entry.plan
        self._plans[plan.plan_id] = self._age[plan.plan_id] = entry
        self._count += len(plan.messages)
        self.unindexed += len(plan.messages)
        if plan.root_id:
            self._roots[plan.root_id] = entry

    # -- plans that left memory

    def ask(self, provider_id: str, contact: str, asked: Container[str] = (), *, unnamed: bool) -> list[str]:
        """Plans out of memory that a receipt may mean, to be recalled, but those that were `asked` for; `unnamed`: it
        may name only its person."""
        refs = self.index.named(provider_id) if provider_id else []
        if not refs and unnamed:
            refs = self.index.sends_to(contact)
        missing = [ref for ref in refs if ref.plan_id not in self._plans and ref.plan_id not in asked]
        self._wanted.update((ref.plan_id, ref) for ref in missing)
        return [ref.plan_id for ref in missing]

    def wanted(self) -> list[PlanRef]:
        """What is to be fetched again, until it is recalled or given up."""
        return list(self._wanted.values())

    def awaits(self, plan_id: str) -> bool:
        return plan_id in self._wanted

    def give_up(self, plan_id: str) -> None:
        """The plan is no longer kept."""
        self._wanted.pop(plan_id, None)

    def recall(self, plan: Plan, outcome: CallOutcome, ref: PlanRef) -> None:
        """A plan that had left memory is back for the receipts that ask for it; it is no message's last attempt."""
        self._wanted.pop(plan.plan_id, None)
        if plan.plan_id in self._plans:
            return
        entry = Entry.of(plan)
        entry.outcome = entry.heard = outcome
        entry.plan_at, entry.outcome_at, entry.recalled = ref.plan, ref.outcome, True
        self._take(entry)
        for index, message in enumerate(plan.messages):
            place = Place(entry, index)
            self._recalled[message.id] = place
            sends = self._contacts[message.contact] = _listed(self._contacts.get(message.contact, []))
            insort(sends, place, key=lambda other: other.entry.plan.at_ms)
        self._learn_ids(entry, outcome)
        self._bound += [plan.root_id, *(message.id for message in plan.messages)]
        self.indexed(entry)

    def indexed(self, entry: Entry) -> None:
        """A segment holds the plan: it may leave memory."""
        if not entry.indexed:
            entry.indexed = True
            self.unindexed -= len(entry.plan.messages)
        if self._standing.pop(entry.plan.plan_id, None) is not None:
            self._kept[entry.plan.plan_id] = entry

    def _changed(self, entry: Entry) -> None:
        """What a segment may say of the plan is not all any more."""
        if entry.indexed:
            entry.indexed = False
            self.unindexed += len(entry.plan.messages)

    # -- what became of plans

    def apply(self, outcome: CallOutcome) -> Entry | None:
        """An outcome; the entry if it says something new and firmer of a known plan."""
        if outcome.message_id or outcome.order:
            self._words[outcome.plan_id, outcome.message_id] = outcome
            if outcome.code == ENDED:
                del self._words[outcome.plan_id, outcome.message_id]
            return None
        entry = self._plans.get(outcome.plan_id)
        if entry is None and outcome.code == NEVER_PLANNED:
            refused = RefusedRef(outcome.plan_id, outcome.at_ms, outcome.source, outcome.position)
            self._refused[outcome.plan_id] = refused
        if entry is None:
            return None
        ended = outcome.result == "refused" and entry.result in ("not_sent", "throttled")
        ended = ended or (outcome.result == "settled" and given_up(entry))
        outcome = joined(entry.outcome, outcome)
        more = tells_more(entry.outcome, outcome) or decides(entry.outcome, outcome)
        if not firmer(entry.result, outcome.result) and not ended and not more:
            self._learn_ids(entry, outcome)
            return None
        entry.outcome = outcome
        self._changed(entry)
        if self._standing.pop(outcome.plan_id, None) is not None:
            (self._standing if entry.open else self._kept)[outcome.plan_id] = entry
        self._learn_ids(entry, outcome)
        return entry

    def placed(self, plan_id: str, offset: int) -> None:
        """The plan stands on the journal at this offset."""
        entry = self._plans.get(plan_id)
        if entry is not None:
            entry.plan_at = offset

    def heard(self, outcome: CallOutcome, offset: int, now_s: float) -> None:
        """The journal says this at this offset; if more is known of the plan, `outspoken` names it.

        A late doubt about an attempt whose messages a later one took up, and that was refused or dropped, is less than
        that, too.
        """
        entry = self._plans.get(outcome.plan_id)
        if entry is None:
            return
        entry.heard, entry.outcome_at = outcome, offset
        if says_less(outcome, entry.outcome):
            self._outspoken.setdefault(outcome.plan_id, (now_s, entry))
        else:
            self._outspoken.pop(outcome.plan_id, None)
        for message in entry.plan.messages if outcome.result == "in_doubt" else ():
            later = self._messages.get(message.id)
            if later is not None and later.entry is not entry and _is_over(later.entry):
                self._outspoken.setdefault(later.entry.plan.plan_id, (now_s, later.entry))

    def outspoken(self, now_s: float) -> list[Entry]:
        """Plans of which the journal's last word has been less than what is known for a while, each named once.

        The owner's own words come back a moment after they are written: they are no reason to speak again.
        """
        due = [plan_id for plan_id, (since_s, _) in self._outspoken.items() if since_s <= now_s - ECHO_S]
        return [self._outspoken.pop(plan_id)[1] for plan_id in due]

    def take_words(self) -> list[CallOutcome]:
        """Orders for single messages and persons' orders as the journal has them, for whoever recovers; some are
        carried out already."""
        words, self._words = list(self._words.values()), {}
        return words

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
        self._changed(place.entry)
        self._provider[provider_id] = place
        self._bound.append(provider_id)

    def newly_guessed(self) -> list[Entry]:
        """Plans to which receipts were bound since the last time that this was asked."""
        guessed, self._guessed = self._guessed, {}
        return list(guessed.values())

    def tell(self, entry: Entry) -> None:
        """What is known of the plan now is to go on record, once however much of it changes before; see `untold`."""
        self._changed(entry)
        self._untold[entry.plan.plan_id] = entry

    def untold(self) -> list[Entry]:
        """Plans of which something is to go on record; each is named once."""
        untold, self._untold = self._untold, {}
        return list(untold.values())

    def newly_bound(self) -> list[str]:
        """Provider's ids that became known since the last time that this was asked."""
        bound, self._bound = self._bound, []
        return bound

    def plan(self, plan_id: str) -> Entry | None:
        return self._plans.get(plan_id)

    def knows(self, message_id: str) -> bool:
        """Whether the message was planned at least once, or refused while its input may come back."""
        return message_id in self._messages or message_id in self._refused or self.index.knows(message_id)

    def knows_any(self, message_ids: Sequence[str]) -> bool:
        """Whether it knows one of these."""
        own = self._messages.keys().isdisjoint(message_ids) and self._refused.keys().isdisjoint(message_ids)
        return not own or self.index.knows_any(message_ids)

    def refused(self, message_id: str) -> bool:
        """Whether the message was refused on its own, as `never_planned` on the journal says."""
        return message_id in self._refused

    def latest(self, message_id: str) -> Place | None:
        """The message's last attempt."""
        return self._messages.get(message_id)

    def last_of(self, entry: Entry) -> list[Entry]:
        """The plans that are the last attempts at the plan's messages, but of those that were refused one by one."""
        messages, refused, last = self._messages, self._refused, dict[str, Entry]()
        for message in entry.plan.messages:
            place = messages.get(message.id)
            if place is not None and (not refused or message.id not in refused):
                last[place.entry.plan.plan_id] = place.entry
        return list(last.values())

    def remaining(self, entry: Entry) -> list[PlannedMessage]:
        """The plan's messages that no later plan took up, and that were not refused one by one since; where the answer
        told them apart, of those only what it did not name."""
        places = [(m, self.latest(m.id)) for m in entry.plan.messages if not self.refused(m.id)]
        left = [(message, place) for message, place in places if place is not None and place.entry is entry]
        if entry.outcome is not None and entry.outcome.tells_apart:
            left = [(message, place) for message, place in left if place.at in entry.outcome.unnamed]
        return [message for message, _ in left]

    def find(self, provider_id: str, contact: str) -> Place | None:
        """The send that a receipt's id names: a provider's id, a message's own id, or a call's id and a person."""
        place = self._provider.get(provider_id)
        if place is not None:
            return _of_person(place, contact)
        place = self._messages.get(provider_id) or self._recalled.get(provider_id)
        if place is not None:
            return place
        entry = self._roots.get(provider_id)
        index = entry.index_of(contact) if entry is not None else None
        return Place(entry, index) if entry is not None and index is not None else None

    def sends_to(self, contact: str) -> list[Place]:
        """All known sends to a person, oldest first."""
        return _listed(self._contacts.get(contact, []))

    def entries(self) -> Iterator[Entry]:
        return iter(self._plans.values())

    def prune(
        self, now_ms: int, messages_max: int = MESSAGES_MAX, keeps: Callable[[Entry], bool] | None = None
    ) -> None:
        """Lets go of the oldest plans beyond the horizon or the limit.

        Those in doubt stay until they are settled or a segment holds them (their messages went again), and those that
        somebody `keeps` until nobody does.
        """
        kept = keeps or (lambda entry: False)
        while self._kept and not kept(entry := next(iter(self._kept.values()))):
            del self._kept[entry.plan.plan_id]
            self._forget(entry)
        while self._age:
            entry = next(iter(self._age.values()))
            if entry.plan.at_ms >= now_ms - HORIZON_MS and self._count <= messages_max:
                return
            del self._age[entry.plan.plan_id]
            self._count -= len(entry.plan.messages)
            if entry.open and not entry.indexed:
                self._standing[entry.plan.plan_id] = entry
            elif kept(entry):
                self._kept[entry.plan.plan_id] = entry
            else:
                self._forget(entry)

    def refusals(self) -> list[RefusedRef]:
        """Messages that were refused while their input may come back, oldest first."""
        return list(self._refused.values())

    def refuse(self, refused: RefusedRef) -> None:
        """A message that was refused and may come back."""
        self._refused[refused.id] = refused

    def forget_refused(self, over: Callable[[RefusedRef], bool]) -> list[RefusedRef]:
        """Lets go of those that are over: their input cannot come back."""
        gone = [refused for refused in self._refused.values() if over(refused)]
        for refused in gone:
            del self._refused[refused.id]
        return gone

    def forget(self, plan_id: str) -> None:
        """The plan has a tombstone, or a segment holds it."""
        entry = self._plans.get(plan_id)
        if entry is None:
            return
        self._forget(entry)
        self._kept.pop(plan_id, None)
        self._standing.pop(plan_id, None)
        if self._age.pop(plan_id, None) is not None:
            self._count -= len(entry.plan.messages)

    def _forget(self, entry: Entry) -> None:
        del self._plans[entry.plan.plan_id]
        self.indexed(entry)
        if self._roots.get(entry.plan.root_id) is entry:
            del self._roots[entry.plan.root_id]
        for index, message in enumerate(entry.plan.messages):
            place = self._messages.get(message.id)
            if place is not None and place.entry is entry:
                del self._messages[message.id]
            if entry.recalled and self._recalled.get(message.id) == (entry, index):
                del self._recalled[message.id]
            known = self._provider.get(entry.ids[index])
            if known is not None and known.entry is entry:
                del self._provider[entry.ids[index]]
            kept = [p for p in self.sends_to(message.contact) if p.entry is not entry]
            if kept:
                self._contacts[message.contact] = kept
            else:
                self._contacts.pop(message.contact, None)


def _of_person(place: Place, contact: str) -> Place | None:
    """The same send to this person: an answer to a batch may have given one's id to another."""
    plan = place.entry.plan
    known = plan.messages[place.at].contact
    if plan.route != "batch" or contact == known:
        return place
    at = place.entry.index_of(contact)
    if at is not None:
        return _new(Place, (place.entry, at))
    return None if phone.is_number(contact) and phone.is_number(known) else place


def _listed(sends: Place | list[Place]) -> list[Place]:
    return [sends] if isinstance(sends, Place) else sends


def given_up(entry: Entry) -> bool:
    """Whether the plan was surely not sent and had no attempt left; only a receipt may prove that wrong."""
    return entry.outcome is not None and (entry.result, entry.outcome.code) == ("refused", ATTEMPTS)


def _is_over(entry: Entry) -> bool:
    """Whether it was said that nobody gets the plan's messages any more."""
    return entry.result == "refused" or (entry.outcome is not None and entry.outcome.code == DROPPED)
