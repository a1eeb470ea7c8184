"""What was said in conversations that are idle leaves memory, changelog and recovery, a few at a time.

After so many days nobody hands off what was said then, and the source has forgotten the records that a replay could
bring. Silence after a hand-off ends then, too: the order to hand off was kept no longer. What the agent itself
remembers stays, and its timers; where there is neither the whole record goes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from processors.agents.memory import decode, encode
from runtime.engine import Effects, TableView
from schemas import topics

EVERY_S = 5.0
AT_ONCE = 200


def tidy(table: TableView, idle_ms: int, now_ms: int, at_once: int = AT_ONCE) -> Effects | None:
    """The next few of an endless round through the partition."""
    effects = Effects()
    for key, value in table.sweep(at_once):
        memory = decode(value)
        if memory.touched_ms + idle_ms >= now_ms:
            continue
        if memory.is_idle(letters=memory.touched_ms + topics.LETTERS_MS >= now_ms):
            effects.writes[key] = None
        elif memory.lines or memory.muted_since != -1:
            rest = copy.copy(memory)
            rest.lines, rest.muted_since = [], -1
            effects.writes[key] = encode(rest)
    return effects if effects.writes else None


def tidier(idle_days: float, clock: Callable[[], int]) -> Callable[[TableView], Effects | None]:
    """The housekeeper for the engine."""
    idle_ms = int(idle_days * 86_400_000)
    return lambda table: tidy(table, idle_ms, clock())
