"""What the topics say, sorted by the unique ids that the balance joins.

An event is known as (line, event id), a receipt as (line, id, state), a message by its id. Bodies of webhooks are
read again from their bytes, not believed from what was derived of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from confluent_kafka import Message

from relevo.audit.scan import scan
from runtime.settings import KafkaSettings
from schemas import ids, keys, topics
from schemas.campaign import Chunk, Contents, Definition, Progress
from schemas.chattigo import webhook
from schemas.dead_letter import Cause, source
from schemas.headers import ALIAS_SOURCE, Headers
from schemas.inbound import InboundEvent
from schemas.journal import CallOutcome, Plan
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome, merge
from schemas.record import RecordError, decode

# States in which a campaign takes up nobody, until a person or its time says so.
NOT_NOW = frozenset({"cancelled", "draft", "paused", "scheduled"})
EventKey = tuple[str, str]
ReceiptKey = tuple[str, str, str]


@dataclass
class Gathered:
    """Everything that the balance needs of the topics.

    `held` counts how often a webhook's event stands on `inbound.conversations`. `accepted` are messages that were
    accepted for sending, by id, with the topic that says so; `states` what became of them; `parked` are those that
    Kafka keeps outside their input, longer than that; `not_come_to` are recipients whom their campaign does not take up
    now, by the word for it: its owner said last that it is cancelled, paused, a draft or scheduled. `unreadable` names
    records of ours that could not be read and that no dead letter accounts for. `nameless` counts, by their size,
    bodies of webhooks in which nothing has an id of the provider's.
    """

    held: Counter[EventKey] = field(default_factory=Counter)
    receipts: Counter[ReceiptKey] = field(default_factory=Counter)
    rejected: set[str] = field(default_factory=set)
    nameless: Counter[int] = field(default_factory=Counter)
    routed: set[EventKey] = field(default_factory=set)
    dropped: dict[EventKey, str] = field(default_factory=dict)
    dead: dict[EventKey, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    dead_messages: set[str] = field(default_factory=set)
    parked: set[str] = field(default_factory=set)
    not_come_to: dict[str, str] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    outcomes: dict[str, CallOutcome] = field(default_factory=dict)
    reply_ms: list[int] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    buried: set[str] = field(default_factory=set)
    definitions: dict[tuple[str, str], Definition] = field(default_factory=dict)
    contents: dict[tuple[str, str], Contents] = field(default_factory=dict)
    chunks: dict[tuple[str, str, int], Chunk] = field(default_factory=dict)
    progress: dict[tuple[str, str], tuple[int, Progress]] = field(default_factory=dict)


def gather(settings: KafkaSettings, agents: Iterable[str]) -> Gathered:
    """Reads all topics that matter. Blocks; memory grows with what the topics hold."""
    kinds = tuple(agents)
    return sort(scan(settings, _readers(kinds)), kinds)


def sort(messages: Iterable[Message], agents: tuple[str, ...]) -> Gathered:
    """What the records of these topics say; in which order they come does not matter."""
    found = Gathered()
    readers = _readers(agents)
    unreadable: dict[str, str] = {}
    for message in messages:
        value = message.value()
        if value is None:
            continue
        try:
            readers[message.topic() or ""](found, message, value)
        except (RecordError, msgspec.MsgspecError, keys.KeyPartError) as error:
            unreadable[_place(message)] = str(error)
    found.unreadable = [f"{place}: {why}" for place, why in sorted(unreadable.items()) if place not in found.buried]
    _campaign_messages(found)
    return found


Reader = Callable[[Gathered, Message, bytes], None]


def _readers(agents: tuple[str, ...]) -> dict[str, Reader]:
    readers: dict[str, Reader] = {
        topics.INBOUND_CONVERSATIONS.name: _conversation,
        topics.INBOUND_RECEIPTS.name: _receipts,
        topics.INBOUND_REJECTED.name: _rejected,
        topics.OUTBOUND_REPLIES.name: _message,
        topics.OUTBOUND_TEMPLATES.name: _message,
        topics.OUTBOUND_PARKED.name: _parked,
        topics.CAMPAIGNS.name: _campaign,
        topics.CAMPAIGNS_CHUNKS.name: _chunk,
        topics.EGRESS_JOURNAL.name: _journal,
        topics.OUTCOMES.name: _outcome,
        topics.dead_letters(topics.INBOUND_CONVERSATIONS).name: _dead_webhook,
        topics.dead_letters(topics.OUTBOUND_REPLIES).name: _dead_message,
        topics.dead_letters(topics.OUTBOUND_TEMPLATES).name: _dead_message,
    }
    for kind in agents:
        readers[topics.agent(kind).name] = _agent_event
        readers[topics.dead_letters(topics.agent(kind)).name] = _dead_event
    return readers


def _pairs(message: Message) -> list[tuple[str, bytes | None]]:
    headers: Any = message.headers() or []
    return [(name, value) for name, value in headers]


def _headers(message: Message) -> Headers:
    return Headers.from_kafka(_pairs(message))


def _header(message: Message, name: str) -> str:
    return (dict(_pairs(message)).get(name) or b"").decode("utf-8", "replace")


def _body(value: bytes) -> object:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None


def _place(message: Message) -> str:
    return source(message.topic() or "", message.partition() or 0, message.offset() or 0)


def _events(value: bytes, place: str) -> Iterator[EventKey]:
    """The events of a webhook; one without an id is known by where it stands, as `conversations` knows it."""
    nameless = 0
    for arrival in webhook.arrivals(_body(value)):
        yield arrival.did, arrival.id or (f"{place}.{nameless}" if nameless else place)
        nameless += not arrival.id


def _conversation(found: Gathered, message: Message, value: bytes) -> None:
    """What came by way of an alias was counted where it stood first."""
    if _headers(message).type == "webhook" and not _header(message, ALIAS_SOURCE):
        found.held.update(_events(value, _place(message)))
        _count_nameless(found, value)


def _count_nameless(found: Gathered, value: bytes) -> None:
    if not any(piece.id for piece in webhook.pieces(_body(value))):
        found.nameless[len(value)] += 1


def _receipts(found: Gathered, message: Message, value: bytes) -> None:
    del message
    found.receipts.update((r.did, r.id, r.state) for r in webhook.receipts(_body(value)))


def _rejected(found: Gathered, message: Message, value: bytes) -> None:
    del message
    found.rejected.update(piece.id for piece in webhook.pieces(_body(value)))
    _count_nameless(found, value)


def _bury(found: Gathered, message: Message) -> Cause:
    """Why a dead letter is one; the record that it was is accounted for, whether or not it can be read."""
    cause = Cause.from_headers(_pairs(message))
    found.buried |= {cause.source, _place(message)}
    return cause


def _dead_webhook(found: Gathered, message: Message, value: bytes) -> None:
    cause = _bury(found, message)
    if _headers(message).type == "webhook":
        place = _header(message, ALIAS_SOURCE) or cause.source
        found.dead.update((key, cause.reason) for key in _events(value, place))


def _agent_event(found: Gathered, message: Message, value: bytes) -> None:
    headers = _headers(message)
    if headers.type not in ("event", "dropped"):
        return
    event = decode(value, InboundEvent)
    if headers.type == "event":
        found.routed.add((event.did, event.id))
    else:
        found.dropped[event.did, event.id] = _header(message, "reason")


def _dead_event(found: Gathered, message: Message, value: bytes) -> None:
    _bury(found, message)
    if _headers(message).type == "event":
        event = decode(value, InboundEvent)
        found.dead[event.did, event.id] = "agent"


def _message(found: Gathered, message: Message, value: bytes) -> None:
    found.accepted[decode(value, OutboundMessage).id] = message.topic() or ""


def _parked(found: Gathered, message: Message, value: bytes) -> None:
    one = decode(value, OutboundMessage).id
    found.parked.add(one)
    found.accepted.setdefault(one, message.topic() or "")


def _dead_message(found: Gathered, message: Message, value: bytes) -> None:
    _bury(found, message)
    found.dead_messages.add(decode(value, OutboundMessage).id)


_CAMPAIGN = topics.CAMPAIGNS.decoder()
_JOURNAL = topics.EGRESS_JOURNAL.decoder()


def _campaign(found: Gathered, message: Message, value: bytes) -> None:
    record = _CAMPAIGN.decode(value)
    if isinstance(record, Definition):
        found.definitions[record.did, record.campaign] = record
    elif isinstance(record, Contents):
        found.contents.setdefault((record.did, record.campaign), record)
    elif isinstance(record, Progress):
        name, offset = (record.did, record.campaign), message.offset() or 0
        if name not in found.progress or found.progress[name][0] < offset:
            found.progress[name] = offset, record


def _chunk(found: Gathered, message: Message, value: bytes) -> None:
    chunk = decode(value, Chunk)
    found.chunks[chunk.did, chunk.campaign, message.offset() or 0] = chunk


def _campaign_messages(found: Gathered) -> None:
    """The recipients of every campaign that was committed; chunks without a contents record do not count."""
    committed = {(*name, ref.offset): ref.count for name, one in found.contents.items() for ref in one.chunks}
    for place, chunk in found.chunks.items():
        if committed.get(place) == len(chunk.recipients):
            word, reached = _stands(found, chunk)
            for number in range(len(chunk.recipients)):
                one = ids.message_id_of_recipient(chunk.did, chunk.campaign, chunk.first + number)
                found.accepted[one] = "campaigns"
                if word and (chunk.index, number) >= reached:
                    found.not_come_to[one] = word


def _stands(found: Gathered, chunk: Chunk) -> tuple[str, tuple[int, int]]:
    """By which word a campaign stands that takes up nobody now, empty if it does; and how far it is."""
    name = chunk.did, chunk.campaign
    if name in found.progress:
        said = found.progress[name][1]
        return said.state if said.state in NOT_NOW else "", (said.chunk, said.position)
    definition = found.definitions.get(name)
    return "draft" if definition is not None and definition.draft else "", (0, 0)


def _journal(found: Gathered, message: Message, value: bytes) -> None:
    del message
    record = _JOURNAL.decode(value)
    if isinstance(record, Plan):
        found.plans[record.plan_id] = record
    elif isinstance(record, CallOutcome) and not (record.message_id or record.order):
        found.outcomes[record.plan_id] = record


def _outcome(found: Gathered, message: Message, value: bytes) -> None:
    outcome = decode(value, Outcome)
    for one in outcome.message_ids:
        found.states[one] = merge(found.states.get(one), outcome.state)
    caused_ms = _headers(message).at_ms
    if outcome.state == "accepted" and outcome.send_class == "reply" and 0 < caused_ms <= outcome.at_ms:
        found.reply_ms.append(outcome.at_ms - caused_ms)
