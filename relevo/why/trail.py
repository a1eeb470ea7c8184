"""The trail of one conversation: its records on all topics, and how they hang together. Pure.

What an event causes has ids that are derived from it, and messages name their cause, so that the whole tree of an event
is found without believing anything but ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from relevo.dead_letters.letter import Letter
from relevo.why.leads import MESSAGES
from relevo.why.seen import INBOUND, Seen, holds, needle
from runtime.kafka.offsets import Partition
from schemas import ids, topics
from schemas.inbound import InboundEvent
from schemas.journal import CallOutcome, Plan
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.record import RecordError, decode

AGENTS = "agents."
_ORDINALS = 64  # an event causes at most so many messages and orders of one agent that are looked for
_JOURNAL = topics.EGRESS_JOURNAL.decoder()

Letters = list[tuple[Seen, Letter]]


def agent_of(topic: str) -> str:
    """The agent type of its topic or dead letter topic."""
    return topic.removeprefix(AGENTS).removesuffix(topics.DEAD_LETTERS)


class Trail:
    """`passed` is how far each group has committed, by source partition; None where that is not known."""

    def __init__(self, key: str, passed: Mapping[Partition, int | None] | None = None) -> None:
        self.key = key
        self.passed = passed or {}
        self.inbound: list[Seen] = []
        self.told: list[Seen] = []
        self.sent: list[tuple[Seen, OutboundMessage]] = []
        self.letters: Letters = []
        self.unreadable: list[str] = []

    @property
    def did(self) -> str:
        return self.key.partition("|")[0]

    @property
    def contact(self) -> str:
        return self.key.partition("|")[2]

    def read(self, records: Iterable[Seen], letters: Iterable[Letter] = ()) -> Trail:
        """Takes in records of any conversation and keeps this one's; `letters` are what dead letters among them are."""
        known = {(*letter.address,): letter for letter in letters}
        for record in records:
            if not self.concerns(record):
                continue
            letter = known.get((record.topic, record.partition, record.offset))
            if letter is not None:
                self.letters.append((record, letter))
            elif record.topic == INBOUND:
                self.inbound.append(record)
            elif record.topic in MESSAGES:
                self._take_message(record)
            elif record.topic.startswith(AGENTS) and not record.topic.endswith(topics.DEAD_LETTERS):
                self.told.append(record)
        return self

    def concerns(self, record: Seen) -> bool:
        """Whether the record is of this conversation; a template outside of any has its own id as key."""
        if record.key == self.key.encode():
            return True
        place = (record.header("did"), record.header("contact"))
        return record.topic.removesuffix(topics.DEAD_LETTERS) == MESSAGES[1] and place == (self.did, self.contact)

    def _take_message(self, record: Seen) -> None:
        try:
            self.sent.append((record, decode(record.value, OutboundMessage)))
        except RecordError:
            self.unreadable.append(record.place)

    def holding(self, event_id: str) -> list[Seen]:
        """The records of `inbound.conversations` that hold the event, oldest first."""
        part = needle(event_id)
        return [record for record in self.inbound if holds(record, event_id, part)]

    def letters_of(self, event_id: str) -> Letters:
        """The dead letters that hold the event, or are it at an agent."""
        part = needle(event_id)
        return [
            (record, letter)
            for record, letter in self.letters
            if (holds(record, event_id, part) if record.topic.startswith(INBOUND) else record.id == event_id)
        ]

    def told_of(self, event_id: str) -> list[Seen]:
        """What agents were told of the event (`event`, and `dropped` for a note that nobody is)."""
        return [record for record in self.told if record.id == event_id and record.type in ("event", "dropped")]

    def messages_of(self, cause: str) -> list[tuple[Seen, OutboundMessage]]:
        return [
            (record, message) for record, message in self.sent if cause == message.cause or cause in message.answers
        ]

    def orders_of(self, event_id: str, agent: str) -> list[Seen]:
        """Commands and timers of the conversation that this agent gave because of the event."""
        derived = {ids.message_id(self.did, event_id, agent, ordinal) for ordinal in range(_ORDINALS)}
        return [record for record in self.inbound if record.type in ("command", "timer") and record.id in derived]

    def is_passed(self, record: Seen) -> bool | None:
        """Whether the group that reads its topic has committed beyond it; None where that is not known."""
        committed = self.passed.get(record.lane)
        return None if committed is None else committed > record.offset

    def was_mute(self, record: Seen) -> bool:
        """Whether the agent had handed the conversation over, and the event is not of a newer epoch of its owner."""
        epoch = epoch_of(record)
        return any(
            one.topic == record.topic and one.offset < record.offset and epoch_of(one) >= epoch
            for one in self.hand_offs
        )

    @cached_property
    def hand_offs(self) -> list[Seen]:
        """What agents were told and answered by handing over."""
        orders = {
            record.id for record in self.inbound if record.type == "command" and b'"hand_off"' in (record.value or b"")
        }
        return [
            record
            for record in self.told
            if record.type == "event"
            and orders
            and any(order.id in orders for order in self.orders_of(record.id, agent_of(record.topic)))
        ]

    def origin_of(self, order: str) -> tuple[str, str]:
        """The event because of which an agent gave an order or said a message, and the agent; empty when not found."""
        for record in self.told:
            agent = agent_of(record.topic)
            if any(ids.message_id(self.did, record.id, agent, ordinal) == order for ordinal in range(_ORDINALS)):
                return record.id, agent
        return "", ""

    def message_ids(self, event_id: str) -> list[str]:
        """All messages of the event's tree."""
        found = [message.id for _, message in self.messages_of(event_id)]
        for record in self.told_of(event_id):
            for order in self.orders_of(event_id, agent_of(record.topic)):
                found += [message.id for _, message in self.messages_of(order.id)]
        return list(dict.fromkeys(found))


def event_of(record: Seen) -> InboundEvent | None:
    """The event that an agent was told; None for bytes that are none."""
    try:
        return decode(record.value, InboundEvent)
    except RecordError:
        return None


def epoch_of(record: Seen) -> int:
    """The owner's epoch in which an event was routed."""
    event = event_of(record)
    return event.facts.owner_epoch if event else -1


class Fates:
    """What egress said of some messages, on `outcomes` and in its journal (a plan stands there before its outcome)."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.outcomes: list[Outcome] = []
        self.plans: dict[str, Plan] = {}
        self.calls: dict[str, list[CallOutcome]] = {}
        self.unreadable: list[str] = []
        self._wanted = frozenset(wanted)
        self._parts = [one.encode() for one in self._wanted]

    @property
    def empty(self) -> bool:
        """Whether there is no message to look for."""
        return not self._wanted

    def read(self, records: Iterable[Seen]) -> Fates:
        """Takes in records of `outcomes` and the journal, each partition in order."""
        for record in records:
            try:
                self._take(record)
            except RecordError:
                self.unreadable.append(record.place)
        return self

    def _take(self, record: Seen) -> None:
        value = record.value or b""
        if any(part in value for part in self._parts):
            if record.topic == topics.OUTCOMES.name:
                self.outcomes.append(decode(value, Outcome))
                return
            plan = _JOURNAL.decode(value)
            if isinstance(plan, Plan) and any(message.id in self._wanted for message in plan.messages):
                self.plans[plan.plan_id] = plan
                return
        names = record.key.decode("utf-8", "replace").split("|")
        if value and len(names) > 1 and names[1] in self.plans:
            call = _JOURNAL.decode(value)
            if isinstance(call, CallOutcome):
                self.calls.setdefault(call.plan_id, []).append(call)
