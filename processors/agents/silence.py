"""How long an agent is silent after its hand-off: until the owner changed, or the hand-off did not come about.

The order to hand off goes to conversations, and events that were routed before it is carried out are still to come.
So the agent is silent in the owner's epoch in which it handed off, and in older ones. It ends

- with an event of a newer epoch;
- with a notice `released`: nobody carried out the order, or the epochs begin anew;
- with what came so long after the hand-off that it stands behind the order on its topic, and still says that the bot
  owns the conversation. Then the order went astray: it came to a key that was erased, say, or its letter is put back
  only now.

Leaves to `tidying` the silence of a conversation that is idle.
"""

from __future__ import annotations

import copy

from processors.agents.limits import AgentFailed
from processors.agents.memory import HELD, Memory
from schemas.inbound import InboundEvent, Released
from schemas.record import Decoder, RecordError

RELEASED = "released"
_released = Decoder.of(Released)
_SILENT_FOR = frozenset(
    ("message", "timer", "system", "opted_out", "opted_in")
)  # other kinds of event say that the owner changed


def settle(memory: Memory, event: InboundEvent, now_ms: int) -> None:
    """Silence that was brought along becomes silence in the epoch of the first event, or ends with it if the owner
    changed. When that was is noted for silence that is still to come."""
    epoch = event.facts.owner_epoch
    changed = event.kind not in _SILENT_FOR or (memory.epoch >= 0 and memory.epoch != epoch)
    if changed and memory.epoch != epoch:
        memory.changed_ms = now_ms
    if memory.muted_since == HELD:
        memory.muted_since = -1 if changed else epoch
    memory.epoch = epoch


def mute(memory: Memory, event: InboundEvent, at_ms: int, hand_off_s: float) -> bool:
    """Whether the agent must not answer the event, which came at `at_ms`; `memory` is settled."""
    if event.facts.owner_epoch > memory.muted_since:
        return False
    overdue = at_ms > (memory.changed_ms or memory.touched_ms) + hand_off_s * 1000
    return not (overdue and event.facts.owner == "bot")


def released(value: bytes | None, memory: Memory) -> Memory:
    """The memory without the silence that the notice ends; the same one if it ends none. Raises AgentFailed."""
    try:
        order: Released = _released.decode(value)
    except RecordError as error:
        raise AgentFailed("malformed", str(error)) from None
    if memory.muted_since == -1 or (order.handed_off_ms and memory.changed_ms > order.handed_off_ms):
        return memory
    freed = copy.copy(memory)
    freed.muted_since = -1
    return freed
