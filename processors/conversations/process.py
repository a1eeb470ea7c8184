"""The core of the processor: a chunk of records and the states that they meet become effects. Pure.

Promises: each record is applied whole or becomes a dead letter whole, and a poison record never stops the others; a
source record that the state has seen is skipped exactly, however often it is delivered; the state after a chunk
depends on nothing but the state before, the records, the world, and `now_ms`.
"""

from __future__ import annotations

import copy
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from processors.conversations import aliases, arrivals, commands, former, handing, moving
from processors.conversations.draft import Draft, Place, Tally, Undeliverable, agent_topic
from processors.conversations.state import State, decode, encode
from processors.conversations.world import World
from runtime.engine import Effects, SourceRecord
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.dead_letter import Cause, source
from schemas.headers import Headers
from schemas.tenant import Line, Tenant

_HANDLERS: dict[str, Callable[[Draft], None]] = {
    "webhook": arrivals.handle,
    "command": commands.handle,
    "timer": commands.handle,
    aliases.TYPE: aliases.handle,
    moving.TYPE: moving.handle,
}
BY = "conversations"
_VALUE_MAX = topics.MESSAGE_MAX_BYTES - 16_384
_HEADERS_MAX = 4096


class Processed(NamedTuple):
    """What a chunk causes, and the counts of its outcomes."""

    effects: Effects
    tally: Tally


class _Chunk:
    """The chunk under way: states that it touched, by key, and what is to be written."""

    def __init__(self, get: Callable[[bytes], bytes | None], world: World, now_ms: int) -> None:
        self.get = get
        self.world = world
        self.now_ms = now_ms
        self.states: dict[bytes, State | None] = {}
        self.lines: dict[str, tuple[Tenant, Line]] = {}
        self.effects = Effects()
        self.tally: Tally = Counter()

    def state(self, key: bytes) -> State:
        """The state as the records before left it, free to change."""
        if key in self.states:
            known = self.states[key]
            return State() if known is None else copy.copy(known)
        return decode(self.get(key))

    def place(self, record: SourceRecord) -> Place:
        """Whose conversation the record's key is now."""
        try:
            did, contact = keys.split(record.key or b"", 2)
        except (keys.KeyPartError, UnicodeDecodeError):
            raise Undeliverable("no_conversation", "the record's key is not did|contact") from None
        tenant, line = self.lines.get(did) or self.lines.setdefault(did, _owner(did, self.world))
        return Place(tenant, line, contact)

    def take(self, record: SourceRecord) -> None:
        """One record."""
        key = record.key or b""
        headers = Headers.from_kafka(record.headers)
        try:
            draft = Draft(record, headers, self.place(record), self.state(key), self.world, self.now_ms)
            if draft.state.handled(record.offset, record.timestamp):
                draft.count("duplicate", "replay")
                self.count(draft)
                return
            _apply(draft)
            _check_sizes(draft)
        except Undeliverable as error:
            self._bury(record, error.reason, error.error)
        except Exception as error:  # noqa: BLE001 - poison: whatever it breaks, the others go on
            self._bury(record, "failed", _story(error))
        else:
            self._keep(key, draft)

    def count(self, draft: Draft) -> None:
        for outcome in draft.outcomes:
            self.tally[outcome] += 1

    def _keep(self, key: bytes, draft: Draft) -> None:
        draft.state.offset = draft.record.offset
        draft.state.touched_ms = self.now_ms
        if not draft.former:
            draft.state.tenant = draft.tenant
        self.states[key] = draft.state.rest() if draft.erased else draft.state
        self.effects.outputs += draft.outputs
        self.count(draft)
        if draft.undeliverable:
            self._bury(draft.record, draft.undeliverable.reason, draft.undeliverable.error)

    def _bury(self, record: SourceRecord, reason: str, error: str) -> None:
        headers = Headers.from_kafka(record.headers)
        self.tally[headers.tenant, "dead_letter", reason] += 1
        at = source(record.topic, record.partition, record.offset)
        cause = Cause(reason=reason, error=error, source=at, at_ms=self.now_ms, by=BY)
        self.effects.outputs.append(
            Record(
                topic=topics.INBOUND_CONVERSATIONS.name + topics.DEAD_LETTERS,
                value=record.value,
                key=record.key,
                headers=cause.headers(record.headers),
                partition=record.partition,
            )
        )
        self.effects.outputs += handing.given_back(record, headers, self.world)

    def sweep(self, entries: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Let go of conversations that were idle for long, with their aliases. Of one with an opt-out the wish stays:
        a later opt-in or opt-out of some categories must know the others."""
        for key, value in entries:
            state = decode(value)
            lives_ms = self.world.rules.idle_ms * (aliases.LIVES if state.alias else 1)
            wish = state.wish()
            if state.touched_ms + lives_ms >= self.now_ms or key in self.states or wish == state:
                continue
            self.states[key] = wish
            self.tally["", "idle", ""] += 1
            self.effects.outputs += _left(key, state, self.world)

    def finish(self) -> Processed:
        """The effects, with the states as they are now."""
        self.effects.writes.update(
            (key, None if state is None else encode(state)) for key, state in self.states.items()
        )
        return Processed(self.effects, self.tally)


def process(
    records: Sequence[SourceRecord],
    get: Callable[[bytes], bytes | None],
    world: World,
    now_ms: int,
    sweep: Iterable[tuple[bytes, bytes | None]] = (),
) -> Processed:
    """What the records cause. `get` reads the table; `sweep` are some entries of it, to look for idle ones."""
    chunk = _Chunk(get, world, now_ms)
    for record in records:
        chunk.take(record)
    chunk.sweep(sweep)
    return chunk.finish()


def _owner(did: str, world: World) -> tuple[Tenant, Line]:
    """Who has the line now."""
    tenant = world.owner(did)
    line = tenant.line(did) if tenant else None
    if tenant is None or line is None:
        raise Undeliverable("unknown_line", "no tenant has this line")
    return tenant, line


def _apply(draft: Draft) -> None:
    """Let the record have its effect."""
    if draft.former:
        former.handle(draft)
        return
    before = draft.state
    draft.state = before.of(draft.tenant)
    if draft.state is not before and before.tenant:
        key = draft.record.key or b""
        draft.outputs += aliases.left(key, before, before.tenant, draft.world.partitions, before.ids)
    _handler(draft)(draft)
    aliases.claim(draft)


def _handler(draft: Draft) -> Callable[[Draft], None]:
    handler = _HANDLERS.get(draft.headers.type)
    if handler is None:
        raise Undeliverable("unknown_type", f"the record's type is none of {', '.join(_HANDLERS)}")
    if aliases.elsewhere(draft):
        return aliases.forward
    return handler


def _check_sizes(draft: Draft) -> None:
    """An event that Kafka would not take must not hold up the others."""
    for _, value, _, headers, _, _ in draft.outputs:
        if value and len(value) > _VALUE_MAX:
            raise Undeliverable("too_large", f"an event would be larger than {_VALUE_MAX} bytes")
        if sum([len(content) for _, content in headers]) > _HEADERS_MAX:
            raise Undeliverable("too_large", f"an event's headers would be larger than {_HEADERS_MAX} bytes")


def _left(key: bytes, state: State, world: World) -> list[Record]:
    """End the aliases, and tell agents that owner epochs of this conversation begin
    anew, so that none stays mute for ever; at an alias' key, that nothing comes here any more."""
    did, contact = keys.split(key, 2)
    owner = world.owner(did)
    tenant = owner.tenant if owner else ""
    ended = list(aliases.left(key, state, state.tenant, world.partitions)) if tenant and state.tenant else []
    if not state.epoch:
        return ended
    kind = "erase" if state.alias else "released"
    told = Headers(id="", type=kind, tenant=tenant, at_ms=0, did=did, contact=contact).to_kafka()
    number = keys.partition(key, world.partitions)
    return ended + [Record(agent_topic(agent), b"{}", key, told, partition=number) for agent in sorted(world.agents)]


def _story(error: BaseException) -> str:
    """What broke and where, without the error's own words: they may quote the payload."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    at = " < ".join(f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})" for frame in reversed(frames))
    return f"{type(error).__name__} in {at}"
