"""How lines stand: the newest record of `lines.state` of each. Blocks."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Message

from relevo.asking import asker
from relevo.audit.scan import scan_between
from runtime.kafka.offsets import begin_offsets, end_offsets
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.line_state import LineState
from schemas.record import RecordError

TOPIC = topics.LINES_STATE
_DECODER = TOPIC.decoder()


def partition_of(settings: KafkaSettings, did: str) -> int:
    """The partition of a line's topics."""
    return keys.partition(did, TOPIC.count(topics.PROFILES[settings.profile]))


class Lines:
    """How some lines stand; `read` takes in what came since the last time. One that never had an owner is not there."""

    def __init__(self, settings: KafkaSettings, dids: Iterable[str]) -> None:
        self._settings, self._wanted = settings, frozenset(dids)
        wanted = {(TOPIC.name, partition_of(settings, did)) for did in self._wanted}
        self._at = begin_offsets(settings, wanted, client=asker(settings))
        self._found: dict[str, LineState] = {}

    def read(self) -> dict[str, LineState]:
        """By did, as of now."""
        ends = end_offsets(self._settings, self._at, committed=True, client=asker(self._settings))
        for message in scan_between(self._settings, self._at, ends):
            state = line_state(message)
            if state is not None and state.did in self._wanted:
                self._found[state.did] = state
        self._at = {place: max(at, ends[place]) for place, at in self._at.items()}
        return self._found


def read_lines(settings: KafkaSettings, dids: Iterable[str]) -> dict[str, LineState]:
    """The lines of these that ever had an owner."""
    return Lines(settings, dids).read()


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


def holds(state: LineState | None, template: str) -> list[str]:
    """What holds a template (`name/language`) on a line: an order, standing pauses by their keys, WhatsApp's stops."""
    if state is None:
        return []
    stops = [stop for stop in state.stops if stop.what == "line" or stop.name == template]
    told = [f"stop {stop.code}{f' of {stop.name}' if stop.name else ''}" for stop in stops]
    return [*(["paused"] if state.paused else []), *state.pauses, *told]
