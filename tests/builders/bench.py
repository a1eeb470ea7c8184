"""A benchmark's input through the core of the processor, without a broker: what would stand on the topics."""

from __future__ import annotations

from collections import defaultdict

from bench.inputs import AGENTS, Input
from bench.processors.truth import Told
from bench.processors.verdict import told_of
from processors.conversations.process import process
from processors.conversations.state import State, decode
from processors.conversations.world import Rules, World
from runtime.kafka.record import Record
from tests.builders.conversations import Source

Topics = dict[tuple[str, bytes], list[Told]]


def processed(given: Input, ring: int, now_ms: int) -> tuple[Topics, dict[bytes, State]]:
    """What agents are told and the states, as a verdict reads them back."""
    owners = {line.did: owner for owner in given.tenants for line in owner.lines}
    world = World(owners.get, frozenset(AGENTS), 4, Rules(ring=ring))
    table: dict[bytes, bytes] = {}
    told: Topics = defaultdict(list)
    for offset, record in enumerate(given.sources):
        source = Source(record.value, record.key, list(record.headers), offset, timestamp=now_ms)
        effects, _ = process([source], table.get, world, now_ms)
        table.update((key, value) for key, value in effects.writes.items() if value is not None)
        for output in effects.outputs:
            _sort_in(output, told)
    return dict(told), {key: decode(value) for key, value in table.items()}


def _sort_in(output: Record, told: Topics) -> None:
    agent = output.topic.removeprefix("agents.")
    if agent != output.topic:
        told[agent, output.key or b""].append(told_of(output.value, dict(output.headers)))
