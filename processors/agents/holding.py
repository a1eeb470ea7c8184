"""Messages that an agent's conversation holds: taken in, told as one event, or named where nobody is told of them.

What is held was a record each, and ends as one: told to the agent, or a dead letter with its own bytes when the agent
fails, the loop is stopped, or the line goes to another tenant meanwhile. Put back, each is an event like any other.
While a human owns the conversation the agent is not told, as of any message. Leaves to `debounce` when, to `step` the
telling.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from processors.agents import debounce
from processors.agents.debounce import Debounce
from processors.agents.limits import AgentFailed
from processors.agents.memory import Held, Memory
from runtime.kafka.record import Record
from schemas import topics
from schemas.dead_letter import Cause, source
from schemas.inbound import InboundEvent

if TYPE_CHECKING:  # the engine brings Faust along, which tests of agents do without
    from runtime.engine import SourceRecord

FOREIGN = "foreign_line"
_RULE, _TAP = "rule", b"also"
_REPLAY = "replay"
_STORY = "the line went to another tenant before it was told"
_SOON_MS = 1000


def may_hold(setting: Debounce | None, record: SourceRecord, event: InboundEvent) -> bool:
    """Whether the record's message is one that waits, here. One that was put back does not: nobody is in the middle of
    a row, and it may stand at a key that the person has left, to which no timer comes back."""
    if setting is None or not debounce.may_wait(event) or not debounce.has_room((), record.value or b""):
        return False
    put_back = any(name == _REPLAY for name, _ in record.headers)
    return not put_back and (setting.taps or (_RULE, _TAP) not in record.headers)


def hold(memory: Memory, setting: Debounce, record: SourceRecord, event: InboundEvent, now_ms: int) -> None:
    """One more message waits."""
    headers = [(name, value or b"") for name, value in record.headers]
    place = source(record.topic, record.partition, record.offset)
    memory.held = [*memory.held, Held(event.id, record.value or b"", headers, place, now_ms)]
    memory.held_due_ms = setting.due_ms(memory.held)


def adopted(memory: Memory, now_ms: int) -> None:
    """What came along from another key is told soon: its timer may have rung there."""
    if memory.held:
        memory.held_due_ms = min(memory.held_due_ms, now_ms + _SOON_MS)


def letters(
    agent: str, held: Iterable[Held], partition: int, key: bytes | None, why: AgentFailed, now_ms: int
) -> list[Record]:
    """The dead letters of messages that were held, each as its record came."""
    topic = topics.agent(agent).name + topics.DEAD_LETTERS
    return [
        Record(
            topic,
            one.value,
            key,
            _cause(agent, one, why, now_ms).headers(one.headers),
            partition,
        )
        for one in held
    ]


def _cause(agent: str, one: Held, why: AgentFailed, now_ms: int) -> Cause:
    return Cause(reason=why.reason, error=why.error, source=one.place, at_ms=now_ms, by=f"agents.{agent}")


def unlearned(memory: Memory) -> Memory:
    """A copy that holds nothing, and takes what it held for new when it comes again."""
    rest = memory.without_held()
    rest.unlearn(one.id for one in memory.held)
    return rest


def orphans(agent: str, record: SourceRecord, before: Memory, after: Memory | None, now_ms: int) -> list[Record]:
    """The letters of what a tenant's conversation held when its memory went with the line."""
    if not before.held or after is None or after.tenant in ("", before.tenant):
        return []
    return letters(agent, before.held, record.partition, record.key, AgentFailed(FOREIGN, _STORY), now_ms)


def overheard(
    agent: str, record: SourceRecord, reason: str, event: InboundEvent, memory: Memory, now_ms: int
) -> tuple[Memory, Sequence[Record]] | None:
    """A note that the timer rang for nobody: a human owns the conversation, and sees what is held; or another tenant
    has the line (then the note does not say which timer). None for any other note."""
    ours = debounce.is_timer(event) or (reason == FOREIGN and event.kind == "timer")
    if not memory.held or not ours or memory.tenant != event.tenant:
        return None
    rest = copy.copy(memory.without_held())
    left: Sequence[Record] = ()
    if reason == FOREIGN:
        rest = unlearned(memory)
        left = letters(agent, memory.held, record.partition, record.key, AgentFailed(FOREIGN, _STORY), now_ms)
    rest.offset, rest.touched_ms = record.offset, now_ms
    return rest, left
