"""Work: what one transaction will hold, gathered from all lines of a worker: records, offsets, and calls to make.

Outcomes of many messages that share all but id and contact become one record. Nothing here is I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from egress.lines.gate.routes import Channel, Payload
from egress.lines.item import Item
from runtime.clock import Deadline
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.campaign import Progress
from schemas.headers import Headers
from schemas.journal import CallOutcome, Plan
from schemas.line_command import DecideDoubt
from schemas.outbound import SendClass
from schemas.outcome import Outcome, State
from schemas.record import encode
from schemas.session import Template

# Messages of one record of `outcomes`.
SAID_MAX = 1000


class Grant(NamedTuple):
    """A call that is made once its plan is committed."""

    partition: int
    plan: Plan
    items: Sequence[Item]
    channel: Channel
    payload: Payload
    deadline: Deadline


class Echo(NamedTuple):
    """A message that was parked, until its record is read back; `item` is None where it is not in memory.

    `far` says that its time is far, and nothing queues behind it.
    """

    id: str
    item: Item | None
    far: bool = False


class Said(NamedTuple):
    """What all messages of one record of `outcomes` share."""

    partition: int
    tenant: str
    did: str
    state: State
    plan_id: str = ""
    template: str = ""
    send_class: SendClass = "reply"
    campaign: str = ""
    code: str = ""
    reason: str = ""
    billable: bool | None = None
    category: str = ""
    cause_ms: int = 0


def said_of_item(partition: int, item: Item, state: State, code: str = "", reason: str = "", plan: str = "") -> Said:
    """The shared part for a message that has no plan of its own to speak of."""
    state, code, reason = _after_failure(item.failed, state, code, reason)
    content = item.message.content
    return Said(
        partition,
        item.message.tenant,
        item.message.did,
        state,
        plan_id=plan,
        template=content.name if isinstance(content, Template) else "",
        send_class=item.message.send_class,
        campaign=item.campaign,
        code=code,
        reason=reason,
    )


def said_of_plan(partition: int, plan: Plan, state: State, code: str = "", reason: str = "") -> Said:
    """The shared part for messages of a plan."""
    state, code, reason = _after_failure(plan.failed, state, code, reason)
    return Said(
        partition,
        plan.tenant,
        plan.did,
        state,
        plan_id=plan.plan_id,
        template=plan.template,
        send_class=plan.send_class,
        campaign=plan.campaign,
        code=code,
        reason=reason,
    )


def _after_failure(failed: str, state: State, code: str, reason: str) -> tuple[State, str, str]:
    """A message of which an attempt was accepted and failed ends as `failed`: its readers saw `accepted`, which no
    refusal of a later attempt would move."""
    if not failed or state not in ("refused", "expired", "dead"):
        return state, code, reason
    return "failed", failed, f"it failed; the next attempt: {' '.join(filter(None, (state, code, reason)))}"


@dataclass(slots=True)
class Work:
    """Filled by lines within one cycle, then committed as one."""

    at_ms: int
    grants: list[Grant] = field(default_factory=list)
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    echoes: list[Echo] = field(default_factory=list)
    _records: list[Record] = field(default_factory=list)
    _said: dict[Said, tuple[list[str], list[str]]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.grants or self._records or self._said or self.offsets)

    def grant(self, grant: Grant) -> None:
        """A plan is written and its call made after the commit."""
        self.grants.append(grant)
        self._records.append(plan_record(grant.partition, grant.plan))

    def say(self, said: Said, message_id: str, contact: str) -> None:
        """What became of one message goes to `outcomes`."""
        messages, contacts = self._said.setdefault(said, ([], []))
        messages.append(message_id)
        contacts.append(contact)

    def journal(self, partition: int, tenant: str, outcome: CallOutcome) -> None:
        """What became of a plan goes to the journal."""
        self._records.append(outcome_record(partition, tenant, outcome))

    def progress(self, partition: int, tenant: str, progress: Progress) -> None:
        """How far a campaign is."""
        key = keys.join(progress.did, progress.campaign, "progress")
        headers = Headers(id=progress.campaign, type="progress", tenant=tenant, at_ms=progress.at_ms).to_kafka()
        self._records.append(
            Record(topics.CAMPAIGNS.name, encode(progress), key.encode(), headers, partition=partition)
        )

    def park(self, record: Record, echo: Echo) -> None:
        """A message is kept in Kafka until there is room, or its time has come."""
        self.echoes.append(echo)
        self._records.append(record)

    def write(self, record: Record) -> None:
        """Any other record: a dead letter, a segment, a checkpoint, a tombstone, a note."""
        self._records.append(record)

    def records(self) -> list[Record]:
        """Everything that the transaction writes."""
        return self._records + [
            public_record(said, messages[n : n + SAID_MAX], contacts[n : n + SAID_MAX], self.at_ms)
            for said, (messages, contacts) in self._said.items()
            for n in range(0, len(messages), SAID_MAX)
        ]


def plan_record(partition: int, plan: Plan) -> Record:
    """A plan as it stands on the journal, under `did|plan id`."""
    headers = Headers(id=plan.plan_id, type="plan", tenant=plan.tenant, at_ms=plan.at_ms).to_kafka()
    key = keys.join(plan.did, plan.plan_id).encode()
    return Record(topics.EGRESS_JOURNAL.name, encode(plan), key, headers, partition=partition)


def word(did: str, plan_id: str, message_id: str, code: str, at_ms: int) -> CallOutcome:
    """What is decided about one message of an accepted plan."""
    return CallOutcome(plan_id=plan_id, did=did, result="accepted", at_ms=at_ms, code=code, message_id=message_id)


def waiting_order(order: DecideDoubt, code: str, at_ms: int) -> CallOutcome:
    """A person's order about a plan without an outcome; its code says whether it waits."""
    return CallOutcome(
        plan_id=order.plan_id,
        did=order.did,
        result="in_doubt",
        at_ms=at_ms,
        code=code,
        reason=f"{order.by}: {order.why}",
        order=order.action,
    )


def outcome_record(partition: int, tenant: str, outcome: CallOutcome) -> Record:
    """An outcome on the journal, under `did|plan id|outcome`: compaction must not let it replace its plan. A word about
    one message has its id before that, an order stands under `did|plan id|order`."""
    headers = Headers(id=outcome.plan_id, type="outcome", tenant=tenant, at_ms=outcome.at_ms).to_kafka()
    about = (outcome.plan_id, outcome.message_id) if outcome.message_id else (outcome.plan_id,)
    key = keys.join(outcome.did, *about, "order" if outcome.order else "outcome").encode()
    return Record(topics.EGRESS_JOURNAL.name, encode(outcome), key, headers, partition=partition)


def public_record(said: Said, messages: Sequence[str], contacts: Sequence[str], at_ms: int) -> Record:
    """One record of `outcomes`."""
    outcome = Outcome(
        tenant=said.tenant,
        did=said.did,
        state=said.state,
        at_ms=at_ms,
        message_ids=list(messages),
        contacts=list(contacts),
        plan_id=said.plan_id,
        template=said.template,
        send_class=said.send_class,
        campaign=said.campaign,
        code=said.code,
        reason=said.reason,
        billable=said.billable,
        category=said.category,
    )
    identity = said.plan_id or messages[0]
    headers = Headers(id=identity, type=said.state, tenant=said.tenant, at_ms=said.cause_ms or at_ms).to_kafka()
    return Record(topics.OUTCOMES.name, encode(outcome), said.did.encode(), headers, partition=said.partition)
