"""Finds the stories that a question has: from the id to conversations, from each of them to its story.

An id may be an event's, an order's, a message's, the provider's of a message, or a record's place. A message leads to
the event that caused it. Leaves to `reading`: Kafka; to `story`: what is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from relevo.why.leads import MESSAGES, REJECTED, Lead
from relevo.why.messages import nameless
from relevo.why.parts import Masks, Story
from relevo.why.question import Question
from relevo.why.reading import CLOCKS_MS, Reading, Scope
from relevo.why.seen import Seen, events
from relevo.why.story import story
from relevo.why.trail import AGENTS, Trail
from schemas import keys, topics
from schemas.record import Frozen
from schemas.tenant import Tenant

OwnerOf = Callable[[str], Tenant | None]


class Rejected(Frozen):
    """A body that was kept at the door and never processed."""

    address: str
    reason: str
    tenant: str
    at_ms: int


class Found(NamedTuple):
    """What there is to tell; nothing in either list means that the id was not found."""

    stories: list[Story]
    rejected: list[Rejected]

    @property
    def anything(self) -> bool:
        return bool(self.stories or self.rejected)


def find(reading: Reading, question: Question, scope: Scope, owner: OwnerOf, *, clear: bool) -> Found:
    """Every story of the id. `owner` is the tenant that has a line now. Raises ReadFailed, OffsetsUnavailable."""
    masks = Masks(question.id, clear)
    leads, rejected, since_ms = _leads(reading, question, scope)
    stories: dict[str, Story] = {}
    for lead, event_id in leads:
        trail = reading.trail(lead.key, since_ms)
        one = _told(reading, trail, lead, event_id, owner(trail.did), masks, since_ms)
        stories.setdefault(f"{lead.key}|{one.id}", one)
    return Found(list(stories.values()), [_rejected(record) for record in rejected])


def _leads(reading: Reading, question: Question, scope: Scope) -> tuple[list[tuple[Lead, str]], list[Seen], int]:
    """Leads with the event that each asks for, what was rejected, and since when to read."""
    record = reading.record(question.place) if question.place else None
    if record is None:  # a record that Kafka keeps no longer may be a dead letter still, which is known by its place
        leads = reading.leads(question.id, scope)
        return [(lead, question.id) for lead in leads.found], leads.rejected, scope.since_ms
    since_ms = min(scope.since_ms, record.at_ms - CLOCKS_MS)
    if record.topic == REJECTED:
        return [], [record], since_ms
    return list(_in_record(record, question.id)), [], since_ms


def _in_record(record: Seen, wanted: str) -> list[tuple[Lead, str]]:
    """What a record that was named by its place asks for: one event of it if that was named, else all that it holds."""
    key, topic = record.key.decode("utf-8", "replace"), record.topic.removesuffix(topics.DEAD_LETTERS)
    if topic in MESSAGES:
        place = record.header("did"), record.header("contact")
        return [(Lead(keys.join(*place) if all(place) else key, record.id), record.id)]
    held = [record.id] if topic.startswith(AGENTS) else list(events(record))
    one_of_them = wanted in held and wanted != record.origin
    return [(Lead(key), one) for one in ([wanted] if one_of_them else held)]


def _told(
    reading: Reading, trail: Trail, lead: Lead, event_id: str, tenant: Tenant | None, masks: Masks, since_ms: int
) -> Story:
    if lead.message:
        event_id = _cause(trail, lead.message)
    wanted = [*trail.message_ids(event_id), *([lead.message] if lead.message else [])]
    begin_ms = [record.at_ms - CLOCKS_MS for record, message in trail.sent if message.id in wanted]
    fates = reading.fates(trail.did, wanted, max(since_ms, min(begin_ms, default=since_ms)))
    if event_id:
        return story(trail, fates, event_id, tenant, masks)
    return Story(
        id="",
        tenant=next((one.tenant for one in fates.outcomes), tenant.tenant if tenant else ""),
        line=trail.did,
        contact=masks.contact(trail.contact),
        messages=[nameless(lead.message, fates, trail)],
    )


def _cause(trail: Trail, message_id: str) -> str:
    """The event behind a message: its cause, or what caused the order that it comes from; empty where none is there."""
    cause = next((message.cause for _, message in trail.sent if message.id == message_id), "")
    return trail.origin_of(cause)[0] or cause


def _rejected(record: Seen) -> Rejected:
    return Rejected(
        address=f"{record.topic}:{record.partition}:{record.offset}",
        reason=record.header("reason"),
        tenant=record.header("tenant"),
        at_ms=record.received_ms,
    )
