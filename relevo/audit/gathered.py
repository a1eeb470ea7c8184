"""What the topics say, as facts about the unique ids that the balance joins.

An event is known as (line, event id), a receipt as (line, id, state), a message by its id. Bodies of webhooks are
read again from their bytes, not believed from what was derived of them. A reader turns one record into facts; what is
said once for many of them (a campaign, who has a line) is kept in `Frame`, which stays small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Message

from relevo.audit import brought
from relevo.audit import facts as f
from relevo.audit.campaigns import Campaigns
from relevo.audit.phrases import people, phrases
from relevo.audit.scan import scan_between
from relevo.audit.store import IDS, Memory, Store
from relevo.audit.window import CAUSES, Window, look
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.campaign import Chunk
from schemas.chattigo import webhook
from schemas.dead_letter import Cause, source
from schemas.headers import ALIAS_SOURCE, Headers
from schemas.inbound import InboundEvent
from schemas.journal import Plan
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.parked import Parked
from schemas.record import RecordError, decode
from schemas.tenant import Tenant
from schemas.token import Token

# Reasons to park a message for which what follows it in its conversation waits, too.
ORDERLY = frozenset({"backlog", "line_paused", "line_stopped", "paused"})


class Owner(NamedTuple):
    """Who has a line, and since when that is on record."""

    tenant: str
    since_ms: int


@dataclass
class Frame:
    """What is known once for many facts.

    `nameless` counts, by their size, bodies of webhooks in which nothing has an id of the provider's. `logins` counts
    the logins of each account that are on record, and `generations` its tokens: how many were seen, and the highest.
    `only` is the one tenant that is asked about, empty for all.
    """

    window: Window = field(default_factory=Window)
    campaigns: Campaigns = field(default_factory=Campaigns)
    nameless: Counter[int] = field(default_factory=Counter)
    owners: dict[str, Owner] = field(default_factory=dict)
    logins: Counter[str] = field(default_factory=Counter)
    generations: dict[str, set[int]] = field(default_factory=dict)
    reply_ms: list[int] = field(default_factory=list)
    records: Counter[str] = field(default_factory=Counter)
    wants_logs: bool = False
    wants_times: bool = True
    only: str = ""
    first_ms: dict[tuple[str, int], int] = field(default_factory=dict)

    def see(self, message: Message) -> None:
        """A record is read."""
        topic, partition, _ = _at(message)
        self.records[topic] += 1
        if (topic, partition) not in self.first_ms:
            self.first_ms[topic, partition] = message.timestamp()[1]

    @property
    def floor_ms(self) -> int:
        """From this time on no effect is missing among what was read; 0 if none is missing at all."""
        starts = self.window.starts
        return max(
            (ms for place, ms in self.first_ms.items() if starts.get(place) and place[0] not in CAUSES), default=0
        )


@dataclass
class Gathered:
    """The facts of the topics, and their frame."""

    store: Store = field(default_factory=Memory)
    frame: Frame = field(default_factory=Frame)

    @property
    def reply_ms(self) -> list[int]:
        """From the webhook to the accepted reply, of each."""
        return self.frame.reply_ms


def gather(settings: KafkaSettings, agents: Iterable[str]) -> Gathered:
    """Reads all topics that matter into memory. Blocks."""
    kinds = tuple(agents)
    found = Gathered(frame=Frame(window=look(settings, _readers(kinds))))
    return gather_into(found, settings, kinds)


def gather_into(found: Gathered, settings: KafkaSettings, agents: tuple[str, ...]) -> Gathered:
    """Reads what the frame's window shows into the store. Blocks; raises ReadFailed, and OSError of a full disk."""
    window = found.frame.window
    return sort_into(found, scan_between(settings, window.starts, window.ends), agents)


def sort(messages: Iterable[Message], agents: tuple[str, ...], window: Window | None = None) -> Gathered:
    """What the records of these topics say; in which order they come does not matter."""
    return sort_into(Gathered(frame=Frame(window=window or Window())), messages, agents)


def sort_into(found: Gathered, messages: Iterable[Message], agents: tuple[str, ...]) -> Gathered:
    """What the records say, into the store."""
    readers, store, frame = _readers(agents), found.store, found.frame
    states = {topics.agent_state(kind).name for kind in agents}
    for message in messages:
        value, topic = message.value(), message.topic() or ""
        if value is None and topic not in states:
            continue
        frame.see(message)
        try:
            for fact in readers[topic](frame, message, value or b""):
                store.put(IDS, fact)
        except (RecordError, msgspec.MsgspecError, keys.KeyPartError) as error:
            store.put(IDS, f.Unreadable(_place(message), str(error)))
    for fact in frame.campaigns.recipients(frame.only, frame.window.since_ms):
        store.put(IDS, fact)
    return found


Reader = Callable[[Frame, Message, bytes], Iterable[f.Fact]]


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
        topics.DELIVERIES.name: brought.notes,
        topics.TENANTS.name: _tenant,
        topics.TOKENS.name: _token,
        topics.dead_letters(topics.INBOUND_CONVERSATIONS).name: _dead_webhook,
        topics.dead_letters(topics.OUTBOUND_REPLIES).name: _dead_message,
        topics.dead_letters(topics.OUTBOUND_TEMPLATES).name: _dead_message,
    }
    for kind in agents:
        readers[topics.agent(kind).name] = _agent_event
        readers[topics.agent_state(kind).name] = brought.remembered
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


def _at(message: Message) -> tuple[str, int, int]:
    return message.topic() or "", message.partition() or 0, message.offset() or 0


def _place(message: Message) -> str:
    return source(*_at(message))


def _mine(frame: Frame, tenant: str) -> bool:
    """Whether it is asked about this tenant."""
    return not frame.only or tenant == frame.only


def _events(value: bytes, place: str) -> Iterator[tuple[str, str]]:
    """(line, id) of the events of a webhook; one without an id is known by where it stands, as `conversations` knows
    it."""
    nameless = 0
    for arrival in webhook.arrivals(_body(value)):
        yield arrival.did, arrival.id or (f"{place}.{nameless}" if nameless else place)
        nameless += not arrival.id


# -- in


def _conversation(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    """What came by way of an alias was counted where it stood first; here it is on its way again."""
    headers = _headers(message)
    if headers.type != "webhook" or not _mine(frame, headers.tenant):
        return
    topic, partition, offset = _at(message)
    first = _header(message, ALIAS_SOURCE)
    if not first:
        _count_nameless(frame, value)
    yield from _said_in(frame, value)
    passed = frame.window.is_passed(topic, partition, offset)
    for nth, (did, one) in enumerate(_events(value, first or _place(message))):
        yield f.Held(one, did, headers.tenant, partition, offset, nth, headers.at_ms, bool(first), passed)


def _said_in(frame: Frame, value: bytes) -> Iterator[f.Fact]:
    """People and words of a webhook that must not stand in a log."""
    if frame.wants_logs:
        for arrival in webhook.arrivals(_body(value)):
            yield from people(arrival.contact)
            yield from phrases(arrival.content)


def _count_nameless(frame: Frame, value: bytes) -> None:
    if not any(piece.id for piece in webhook.pieces(_body(value))):
        frame.nameless[len(value)] += 1


def _receipts(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    if _mine(frame, _headers(message).tenant):
        yield from (f.Received(r.id, r.did, r.state) for r in webhook.receipts(_body(value)))


def _rejected(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    del message
    _count_nameless(frame, value)
    yield from (f.Rejected(piece.id) for piece in webhook.pieces(_body(value)))


def _bury(message: Message) -> tuple[Cause, list[f.Fact]]:
    """Why a dead letter is one; the record that it was is accounted for, whether or not it can be read."""
    cause = Cause.from_headers(_pairs(message))
    return cause, [f.Buried(cause.source), f.Buried(_place(message))]


def _dead_webhook(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    cause, told = _bury(message)
    yield from told
    headers = _headers(message)
    if headers.type == "webhook" and _mine(frame, headers.tenant):
        place = _header(message, ALIAS_SOURCE) or cause.source
        yield from (f.Dead(one, did, cause.reason) for did, one in _events(value, place))


def _agent_event(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    headers = _headers(message)
    if headers.type not in ("event", "dropped"):
        return
    event = decode(value, InboundEvent)
    if not _mine(frame, event.tenant):
        return
    if headers.type == "dropped":
        yield f.Dropped(event.id, event.did, _header(message, "reason"))
        return
    topic, partition, offset = _at(message)
    yield f.Routed(
        event.id, event.did, event.contact, event.tenant, headers.tenant, topic, partition, offset, headers.at_ms,
        bool(headers.replay), event.kind == "message",
    )  # fmt: skip


def _dead_event(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    """Of an event that is several messages in one, each is dead."""
    yield from _bury(message)[1]
    if _headers(message).type == "event":
        event = decode(value, InboundEvent)
        if _mine(frame, event.tenant):
            dead = dict.fromkeys((event.id, *(part.id for part in event.parts)))
            yield from (f.Dead(one, event.did, "agent") for one in dead)
            yield from brought.buried(event)


# -- out


def _message(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    one = decode(value, OutboundMessage)
    if not _mine(frame, one.tenant):
        return
    headers, (topic, partition, offset) = _headers(message), _at(message)
    free = bool(one.not_before_ms or headers.replay)
    passed = frame.window.is_passed(topic, partition, offset)
    yield f.Owed(
        one.id, one.did, one.contact, one.tenant, headers.tenant, topic, partition, offset, headers.at_ms, free, passed
    )
    if one.cause:
        yield from (f.Answered(event, one.did) for event in (one.cause, *one.answers))
    if frame.wants_logs:
        yield from people(one.contact, one.to)
        yield from phrases(one.content)


def _parked(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    one = decode(value, OutboundMessage)
    if _mine(frame, one.tenant):
        why = Parked.from_headers(_pairs(message)).why
        yield f.Kept(one.id, why in ORDERLY)
        yield f.Owed(one.id, one.did, one.contact, one.tenant, _headers(message).tenant, message.topic() or "")


def _dead_message(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    yield from _bury(message)[1]
    one = decode(value, OutboundMessage)
    if _mine(frame, one.tenant):
        yield f.DeadMessage(one.id)


_CAMPAIGN = topics.CAMPAIGNS.decoder()
_JOURNAL = topics.EGRESS_JOURNAL.decoder()


def _campaign(frame: Frame, message: Message, value: bytes) -> Iterable[f.Fact]:
    frame.campaigns.take(_CAMPAIGN.decode(value), message.offset() or 0)
    return ()


def _chunk(frame: Frame, message: Message, value: bytes) -> Iterable[f.Fact]:
    chunk = decode(value, Chunk)
    frame.campaigns.take_chunk(chunk, message.offset() or 0)
    return [one for r in chunk.recipients for one in people(r.to)] if frame.wants_logs else ()


def _journal(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    plan = _JOURNAL.decode(value)
    if not isinstance(plan, Plan) or not _mine(frame, plan.tenant):
        return
    _, partition, offset = _at(message)
    for one in plan.messages:
        yield f.Planned(
            one.id, plan.plan_id, plan.did, one.contact, one.to, plan.tenant, plan.root_id, plan.digest, plan.attempt,
            plan.replay, bool(plan.resend_of), plan.lane, partition, offset,
            frame.window.shows_input(one.source, partition, one.position),
        )  # fmt: skip


def _outcome(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    outcome = decode(value, Outcome)
    if not _mine(frame, outcome.tenant):
        return
    caused_ms = _headers(message).at_ms
    replied = outcome.state == "accepted" and outcome.send_class == "reply"
    if frame.wants_times and replied and 0 < caused_ms <= outcome.at_ms:
        frame.reply_ms.append(outcome.at_ms - caused_ms)
    yield from (f.Became(one, outcome.state, outcome.tenant) for one in outcome.message_ids)


# -- who has what


def _tenant(frame: Frame, message: Message, value: bytes) -> Iterable[f.Fact]:
    tenant = decode(value, Tenant)
    for line in tenant.lines:
        owner = Owner(tenant.tenant, message.timestamp()[1])
        if line.did not in frame.owners or frame.owners[line.did].since_ms < owner.since_ms:
            frame.owners[line.did] = owner
    return ()


def _token(frame: Frame, message: Message, value: bytes) -> Iterable[f.Fact]:
    del message
    token = decode(value, Token)
    if token.attempt is None:
        frame.generations.setdefault(token.account, set()).add(token.generation)
    elif token.attempt.under_way:
        frame.logins[token.account] += 1
    return ()
