"""Gives an order to a conversation: writes it, and waits until it was carried out or became a dead letter. Blocks.

Promises: returns once all in-sync replicas have the order; one whose id the conversation knows is not written again;
what is said to be carried out stands in the conversation's own changelog. An order that nobody carried out yet stands,
and needs no second one.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from relevo.conversations.known import Known
from relevo.conversations.order import OrderError, record
from relevo.dead_letters.letter import pairs
from runtime.kafka.offsets import end_offsets
from runtime.kafka.producer import Producer
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Delivered, Record
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.dead_letter import Cause, source
from schemas.headers import ALIAS_SOURCE
from schemas.inbound import Command, Erase

_LETTERS = topics.INBOUND_CONVERSATIONS.name + topics.DEAD_LETTERS
_POLL_S = 0.3


class Given(NamedTuple):
    """An order: where it stands (empty if it was known before), and whether it was carried out by now."""

    place: str
    carried_out: bool


def give(settings: KafkaSettings, command: Command, asked: Known, belongs: Known, within_s: float) -> Given:
    """`asked` is what is known under the order's contact, `belongs` of the conversation that carries it out.

    Raises OrderError when it became a dead letter, DeliveryError when Kafka did not confirm it.
    """
    if belongs.state is not None and belongs.state.knows(command.id):
        return Given("", carried_out=True)
    letters, writes = _Letters(settings, {asked.partition, belongs.partition}), belongs.writes
    count = topics.INBOUND_CONVERSATIONS.count(topics.PROFILES[settings.profile])
    place = source(*asyncio.run(_written(settings, record(command, count))))
    deadline = time.monotonic() + within_s
    while True:
        belongs.read()
        if _done(command, belongs, writes):
            return Given(place, carried_out=True)
        if cause := letters.of(place):
            raise OrderError(
                f"the order was not carried out: {cause.reason} ({cause.error}); it is kept: "
                f"relevo dlq ls --topic {topics.INBOUND_CONVERSATIONS.name} --reason {cause.reason}"
            )
        if time.monotonic() > deadline:
            return Given(place, carried_out=False)
        time.sleep(_POLL_S)


def _done(command: Command, belongs: Known, writes: int) -> bool:
    """Whether the conversation has obeyed."""
    if isinstance(command, Erase):
        return belongs.writes > writes and belongs.forgotten
    return belongs.state is not None and belongs.state.knows(command.id)


async def _written(settings: KafkaSettings, order: Record) -> Delivered:
    producer = Producer(settings)
    await producer.start()
    try:
        return await producer.send(order)
    finally:
        await producer.stop()


class _Letters:
    """The dead letters of some partitions that come from now on."""

    def __init__(self, settings: KafkaSettings, partitions: set[int]) -> None:
        self._settings = settings
        self._positions = end_offsets(settings, [(_LETTERS, number) for number in sorted(partitions)])

    def of(self, place: str) -> Cause | None:
        """Why the record of this place was given up, if it was."""
        ends = end_offsets(self._settings, self._positions, committed=True)
        for at, position in list(self._positions.items()):
            for message in read_partition(self._settings, *at, position, ends[at]):
                headers = pairs(message)
                cause = Cause.from_headers(headers)
                if place in (cause.source, dict(headers).get(ALIAS_SOURCE, b"").decode("utf-8", "replace")):
                    return cause
            self._positions[at] = max(position, ends[at])
        return None
