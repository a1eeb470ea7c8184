"""Which conversations humans own, read from the changelog of the processor that alone writes it. Blocks.

Promises: committed records alone; joins no group; keeps in memory only those that humans own. It reads the whole
changelog: some seconds for a hundred thousand conversations.
"""

from __future__ import annotations

from collections.abc import Iterable

from processors.conversations.owned import Owned
from processors.conversations.state import State, decode
from relevo.cli.span import span
from relevo.why.parts import Masks
from runtime.kafka.offsets import end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.record import Frozen

_STATE = topics.CONVERSATIONS_STATE


class OfHuman(Frozen):
    """A conversation that a human has since `since_ms`. `wrote_ms` is when the human last wrote (0: not yet),
    `waiting_ms` since when the person waits for an answer (0: does not)."""

    tenant: str
    line: str
    contact: str
    since_ms: int
    wrote_ms: int
    last_inbound_ms: int

    @property
    def waiting_ms(self) -> int:
        if not self.wrote_ms:
            return self.since_ms
        return self.last_inbound_ms if self.last_inbound_ms > self.wrote_ms else 0

    def told(self, now_ms: int) -> str:
        """One line for a person."""
        wrote = f"wrote {span(now_ms - self.wrote_ms)} ago" if self.wrote_ms else "has not written yet"
        waits = f"waits for {span(now_ms - self.waiting_ms)}" if self.waiting_ms else "waits for nothing"
        who = f"line {self.line}, contact {self.contact}, tenant {self.tenant}"
        return f"{who}: {waits}; a human has it for {span(now_ms - self.since_ms)} and {wrote}"


def found_of_humans(settings: KafkaSettings, tenant: str = "", *, clear: bool = False) -> list[OfHuman]:
    """Those of a tenant (empty: of all)."""
    return in_order(one for one in _read(settings, Masks("", clear)) if tenant in ("", one.tenant))


def in_order(found: Iterable[OfHuman]) -> list[OfHuman]:
    """Who waits for longest first, then those who do not wait."""
    return sorted(found, key=lambda one: (not one.waiting_ms, one.waiting_ms or one.since_ms))


def _read(settings: KafkaSettings, masks: Masks) -> list[OfHuman]:
    places = [(_STATE.name, number) for number in range(_STATE.count(topics.PROFILES[settings.profile]))]
    found: dict[bytes, bytes] = {}
    for place, end in end_offsets(settings, places, committed=True).items():
        for message in read_partition(settings, *place, BEGINNING, end):
            key, value = message.key(), message.value()
            if isinstance(key, bytes) and isinstance(value, bytes) and Owned.of(value):
                found[key] = value
            elif isinstance(key, bytes):
                found.pop(key, None)
    return [_of(key, decode(value), masks) for key, value in found.items()]


def _of(key: bytes, state: State, masks: Masks) -> OfHuman:
    did, contact = keys.split(key, 2)
    return OfHuman(
        tenant=state.tenant,
        line=did,
        contact=masks.contact(contact),
        since_ms=state.taken_ms or state.touched_ms,
        wrote_ms=state.wrote_ms,
        last_inbound_ms=state.last_inbound_ms,
    )
