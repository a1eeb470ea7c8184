"""What is kept of a conversation for one agent type: its memory, its timers, what it handled, since when it is mute.

A MessagePack array: new fields may only be added at the end, with a default.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from processors.agents.loops import Budget
from processors.agents.transcript import Line

HELD = -2
"""Mute until the owner changes, in an epoch that is not known yet (see `moving`)."""

SPARE = "~"
"""Names in a memory that begin so are of what the agent can do without: they go when the conversation is idle."""

DELIVERED = "@delivered"
"""What `deliveries` knows of what arrived, for the sake of dead letters: it goes when there can be none any more."""

_HASH_BYTES = 8
_RING = 32


class Alarm(msgspec.Struct, array_like=True, frozen=True):
    """A timer that is set; `payload` is JSON."""

    name: str
    due_ms: int
    id: str
    payload: bytes = b"null"


class Held(msgspec.Struct, array_like=True, frozen=True):
    """A message that waits to be told with others (see `debounce`): its id, the record as it came, where it stood, and
    when it came by our clock."""

    id: str
    value: bytes
    headers: list[tuple[str, bytes]]
    place: str
    at_ms: int


class Memory(msgspec.Struct, array_like=True, kw_only=True):
    """`offset` is the last source record that was handled, `ring` hashes of recent event ids.

    The agent is mute while events carry an owner epoch of `muted_since` or older (-1: it is not mute; or `HELD`).
    `said` is what the agent remembers, `tenant` whose line it was then, `lines` what was said lately, `budget` how much
    of what the agent may do in a row is used. `epoch` is the owner's of the last event (-1: there was none), and at
    `changed_ms`, by our clock, it was seen to change, or the agent handed off (see `silence`). `held` are messages that
    wait until `held_due_ms` (see `debounce`). `gone`: the person went on as this contact (see `moving`).
    """

    offset: int = -1
    ring: bytes = b""
    muted_since: int = -1
    said: dict[str, Any] = {}
    alarms: list[Alarm] = []
    touched_ms: int = 0
    tenant: str = ""
    lines: list[Line] = []
    budget: Budget = Budget()
    epoch: int = -1
    changed_ms: int = 0
    held: list[Held] = []
    held_due_ms: int = 0
    gone: str = ""

    def handled(self, offset: int, timestamp_ms: int) -> bool:
        """Whether the source record with this offset was handled; never one that was written after the last that
        was: then the topic was created anew under a memory that was kept."""
        return offset <= self.offset and timestamp_ms <= self.touched_ms

    def of(self, tenant: str) -> Memory:
        """A copy for the tenant that has the line now; of what was remembered for another nothing but the ids."""
        if self.tenant in ("", tenant):
            return copy.copy(self)
        return Memory(offset=self.offset, ring=self.ring, touched_ms=self.touched_ms)

    def forgotten(self, offset: int, now_ms: int) -> Memory | None:
        """What is left when the person was erased: that all up to `offset` was handled. None if nothing ever was."""
        return Memory(offset=offset, touched_ms=now_ms, changed_ms=now_ms) if self.offset >= 0 else None

    def knows(self, event_id: str) -> bool:
        """Whether the event was handled, as far as the ring reaches."""
        return _hash(event_id) in self.ring

    def note(self, event_id: str) -> None:
        """The event is handled."""
        self.ring = (self.ring + _hash(event_id))[-_RING * _HASH_BYTES :]

    def without_held(self) -> Memory:
        """A copy that holds nothing."""
        rest = copy.copy(self)
        rest.held, rest.held_due_ms = [], 0
        return rest

    def unlearn(self, event_ids: Iterable[str]) -> None:
        """These events are not handled: they may come again."""
        gone = set(map(_hash, event_ids))
        each = (self.ring[at : at + _HASH_BYTES] for at in range(0, len(self.ring), _HASH_BYTES))
        self.ring = b"".join(one for one in each if one not in gone)

    def join_ids(self, older: bytes) -> None:
        """Know what was handled under another key of the person, behind its own."""
        self.ring = (older + self.ring)[-_RING * _HASH_BYTES :]

    def set_alarm(self, alarm: Alarm) -> None:
        """A timer; it replaces the one of the same name."""
        self.alarms = [*(other for other in self.alarms if other.name != alarm.name), alarm]

    def take_off(self, name: str) -> None:
        """No timer of this name any more."""
        self.alarms = [alarm for alarm in self.alarms if alarm.name != name]

    def size(self) -> int:
        """Bytes of what the agent itself has kept: what it remembers and its timers. Raises as `encode` does."""
        return len(_encoder.encode((self.said, self.alarms)))

    def is_idle(self, letters: bool = True) -> bool:
        """Whether nothing is kept but what was said, that it is silent, what tells a replay, and what the agent can do
        without (names that begin with ~); without `letters` that may be put back, more of it."""
        needed = [name for name in self.said if not name.startswith(SPARE) and (letters or name != DELIVERED)]
        return not (self.alarms or self.held or needed or (self.gone and letters))

    def next_due_ms(self) -> int | None:
        """When the first timer is due, or what is held."""
        held = [self.held_due_ms] if self.held else []
        return min((*held, *(alarm.due_ms for alarm in self.alarms)), default=None)


def _hash(event_id: str) -> bytes:
    return hashlib.blake2b(event_id.encode(), digest_size=_HASH_BYTES).digest()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Memory)


def encode(memory: Memory) -> bytes:
    """The value on `agents.<type>.state`. Raises TypeError for what an agent remembers and JSON cannot say.

    A copy: the encoder's own bytes keep the room they grew into, and a memory stays for days.
    """
    return bytes(memoryview(_encoder.encode(memory)))


def decode(value: bytes | None) -> Memory:
    """The memory, a fresh one where nothing is kept."""
    return _decoder.decode(value) if value else Memory()
