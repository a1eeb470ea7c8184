"""Leads: which conversation an id belongs to, found in records of any. Pure.

A record may name the id as an event's, as a message's, as the provider's id of a message, or as what was refused at
the door. Whatever it is, it leads to a conversation, of which everything else is then read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from relevo.why.seen import INBOUND, Seen, holds, needle, pieces
from schemas import keys, topics
from schemas.journal import CallOutcome, Plan
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.record import RecordError, decode

REJECTED = topics.INBOUND_REJECTED.name
MESSAGES = (topics.OUTBOUND_REPLIES.name, topics.OUTBOUND_TEMPLATES.name)
OUTCOMES, JOURNAL = topics.OUTCOMES.name, topics.EGRESS_JOURNAL.name
SEARCHED = (
    INBOUND,
    INBOUND + topics.DEAD_LETTERS,
    REJECTED,
    *MESSAGES,
    *(name + topics.DEAD_LETTERS for name in MESSAGES),
    OUTCOMES,
    JOURNAL,
)
_JOURNAL = topics.EGRESS_JOURNAL.decoder()


class Lead(NamedTuple):
    """`key` is the conversation's. `message` is set when the id is a message's, else it is an event's."""

    key: str
    message: str = ""


class Leads:
    """What was found of an id. `rejected` are records that were kept at the door."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.found: dict[Lead, None] = {}
        self.rejected: list[Seen] = []
        self.plans: dict[str, int] = {}
        self._needle = needle(wanted)

    def read(self, records: Iterable[Seen]) -> Leads:
        """Takes in records; what cannot be read leads nowhere."""
        for record in records:
            if record.value is None and record.topic != INBOUND:
                continue
            try:
                for lead in self._of(record):
                    self.found[lead] = None
            except (RecordError, keys.KeyPartError):
                continue  # egress and conversations keep such records as dead letters, which say why
        return self

    def read_plans(self, records: Iterable[Seen]) -> Leads:
        """The plans that `plans` names: which of their messages has the provider's id."""
        for record in records:
            if record.value is None or not any(record.key.endswith(plan.encode()) for plan in self.plans):
                continue
            try:
                plan = _JOURNAL.decode(record.value)
            except RecordError:
                continue  # the provider's id then leads nowhere; the message's own does
            if isinstance(plan, Plan) and plan.plan_id in self.plans:
                message = plan.messages[min(self.plans[plan.plan_id], len(plan.messages) - 1)]
                self.found[Lead(keys.conversation(plan.did, message.contact), message.id)] = None
        return self

    def _of(self, record: Seen) -> Iterator[Lead]:
        topic = record.topic.removesuffix(topics.DEAD_LETTERS)
        if topic == INBOUND:
            if holds(record, self.wanted, self._needle):
                yield Lead(record.key.decode("utf-8", "replace"))
        elif topic == REJECTED:
            if self._needle in (record.value or b"") and self.wanted in pieces(record):
                self.rejected.append(record)
        elif topic in MESSAGES:
            if record.id == self.wanted:
                message = decode(record.value, OutboundMessage)
                yield Lead(keys.conversation(message.did, message.contact), message.id)
        elif self._needle in (record.value or b""):
            yield from self._of_egress(record)

    def _of_egress(self, record: Seen) -> Iterator[Lead]:
        if record.topic == OUTCOMES:
            outcome = decode(record.value, Outcome)
            for message, contact in zip(outcome.message_ids, outcome.contacts, strict=False):
                if message == self.wanted:
                    yield Lead(keys.conversation(outcome.did, contact), message)
        elif record.topic == JOURNAL:
            call = _JOURNAL.decode(record.value)
            if isinstance(call, CallOutcome) and self.wanted in call.provider_ids:
                self.plans[call.plan_id] = call.provider_ids.index(self.wanted)
