"""What was said in conversations that are idle leaves memory, changelog and recovery, a few at a time.

After so many days nobody hands off what was said then, and the source has forgotten the records that a replay could
bring. Messages that are still held were told to nobody, for no tenant has their line: they become dead letters. Silence
after a hand-off ends then, too: the order to hand off was kept no longer. What the agent itself remembers stays, and
its timers; where there is neither the whole record goes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from processors.agents import holding
from processors.agents.memory import decode, encode
from runtime import metrics
from runtime.engine import Effects, TableView
from schemas import topics

EVERY_S = 5.0
AT_ONCE = 200


def tidy(table: TableView, idle_ms: int, now_ms: int, at_once: int = AT_ONCE, kind: str = "") -> Effects | None:
    """The next few of an endless round through the partition."""
    effects = Effects()
    for key, value in table.sweep(at_once):
        memory = decode(value)
        if memory.touched_ms + idle_ms >= now_ms:
            continue
        if memory.held:
            effects.outputs += holding.forsaken(kind, memory, table.partition, key, now_ms)
            effects.writes[key] = encode(holding.unlearned(memory))
            _count(kind, memory.tenant, len(memory.held))
            continue
        if memory.is_idle(letters=memory.touched_ms + topics.LETTERS_MS >= now_ms):
            effects.writes[key] = None
        elif memory.lines or memory.muted_since != -1:
            rest = copy.copy(memory)
            rest.lines, rest.muted_since = [], -1
            effects.writes[key] = encode(rest)
    return effects if effects.writes else None


def _count(kind: str, tenant: str, held: int) -> None:
    letters = metrics.counter(metrics.PROCESSOR_DEAD_LETTERS)
    letters.labels(processor=f"agents.{kind}", tenant=tenant, reason=holding.NOT_TOLD).inc(held)
    metrics.counter(metrics.AGENT_HELD).labels(agent=kind, tenant=tenant, ended=holding.NOT_TOLD).inc(held)


def tidier(kind: str, idle_days: float, clock: Callable[[], int]) -> Callable[[TableView], Effects | None]:
    """The housekeeper for the engine, of agents of one type."""
    idle_ms = int(idle_days * 86_400_000)
    return lambda table: tidy(table, idle_ms, clock(), kind=kind)
