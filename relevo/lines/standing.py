"""How lines stand: the newest record of `lines.state` of each. Blocks."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Message

from relevo.audit.scan import scan_partitions
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.line_state import LineState
from schemas.record import RecordError

TOPIC = topics.LINES_STATE
_DECODER = TOPIC.decoder()


def partition_of(settings: KafkaSettings, did: str) -> int:
    """The partition of a line's topics."""
    return keys.partition(did, TOPIC.count(topics.PROFILES[settings.profile]))


def read_lines(settings: KafkaSettings, dids: Iterable[str]) -> dict[str, LineState]:
    """The lines of these that ever had an owner."""
    wanted = set(dids)
    places = {(TOPIC.name, partition_of(settings, did)) for did in wanted}
    found: dict[str, LineState] = {}
    for message in scan_partitions(settings, places):
        state = line_state(message)
        if state is not None and state.did in wanted:
            found[state.did] = state
    return found


def line_state(message: Message) -> LineState | None:
    """What a record says; None for one that cannot be read: the one before it stands."""
    value = message.value()
    try:
        state: LineState | None = _DECODER.decode(value) if value is not None else None
    except RecordError:
        return None
    return state


def backlog(state: LineState | None) -> int:
    """Messages and recipients that wait on the line."""
    return sum(state.waiting.values()) + state.recipients if state is not None else 0
