"""One record of `agents.<type>` against the memory of its conversation: what becomes of it, and what leaves.

The outcomes: `handled`; `held` (it waits for the messages that may follow, see `debounce`); `muted` (a human owns, or
may own, the conversation); `duplicate`; `noted` (a note or a
notice of conversations that no agent handles; the transcript keeps what a note tells); `dead_letter` with a reason.
Nothing leaves and nothing is remembered of an event that failed; its bytes and the cause are kept, and it can be put
back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from processors.agents import debounce, holding, moving, silence
from processors.agents.actions import Action
from processors.agents.agent import Agent, Conversation
from processors.agents.debounce import Debounce
from processors.agents.deliveries import abandoned
from processors.agents.limits import AgentFailed, Limits
from processors.agents.loops import Budget
from processors.agents.memory import Held, Memory
from processors.agents.outbox import Outbox
from processors.agents.play import play, story
from runtime.kafka.record import Record
from schemas import topics
from schemas.dead_letter import Cause, source
from schemas.headers import Headers
from schemas.inbound import SAID, InboundEvent, Overheard
from schemas.record import Decoder, RecordError
from schemas.tenant import Hours

if TYPE_CHECKING:  # the engine brings Faust along, which tests of agents do without
    from runtime.engine import SourceRecord

_events = Decoder.of(InboundEvent)
_said = Decoder.of(Overheard)


class Scene(NamedTuple):
    """What steps of one agent type share. `config(tenant)` is the agent's part of the tenant's file; `owner(did)` names
    the tenant that has the line now, empty where that is not known; `hours(tenant)` are its office hours,
    `listeners(tenant)` the agent types that are told what this one says."""

    agent: Agent
    config: Callable[[str], Mapping[str, Any]]
    partitions: int
    limits: Limits = Limits()
    owner: Callable[[str], str] = lambda did: ""
    hours: Callable[[str], Mapping[str, Hours]] = lambda tenant: {}
    listeners: Callable[[str], Sequence[str]] = lambda tenant: ()


class Step(NamedTuple):
    """What became of a record. `memory` is what is to be kept: None removes it, and `same` says nothing changed.

    `tripped` says that the agent was stopped in this conversation just now; `failure` is why there is a dead letter.
    `told` counts the messages that were held until now and ended so.
    """

    outcome: str
    records: list[Record]
    memory: Memory | None = None
    reason: str = ""
    actions: tuple[Action, ...] = ()
    same: bool = False
    tripped: bool = False
    failure: AgentFailed | None = None
    told: int = 0


async def before(scene: Scene, record: SourceRecord, memory: Memory, now_ms: int) -> Step | None:
    """What must be done before a record is: what is held goes first if the record is an event that does not join it.
    A step of its own, without the record's offset. Raises nothing but what cancels it."""
    if not memory.held or memory.handled(record.offset, record.timestamp):
        return None
    try:
        if Headers.from_kafka(record.headers).type != "event":
            return None
        event = _decoded(record)
        if event.tenant != memory.tenant or memory.knows(event.id) or debounce.is_timer(event):
            return None
        setting = Debounce.of(scene.config(event.tenant))
    except AgentFailed:
        return None  # told as the end of the record itself
    if holding.may_hold(setting, record, event) and debounce.has_room(memory.held, record.value or b""):
        return None
    return await _tell(scene, record, event, memory, now_ms)


async def step(scene: Scene, record: SourceRecord, memory: Memory, now_ms: int) -> Step:
    """What becomes of one record. Raises nothing but what cancels it.

    Deliveries of a tenant that has the line no more are given up, not told to the next one; none waits without a timer.
    A letter of such a tenant that is put back is handled, and what is remembered for the next one stays.
    """
    headers = Headers.from_kafka(record.headers)
    done = await _become(scene, record, headers, memory, now_ms)
    kept = done.memory
    if headers.replay and kept and memory.tenant not in ("", kept.tenant) and scene.owner(headers.did) == memory.tenant:
        stays = copy.copy(memory)
        stays.offset, stays.touched_ms = record.offset, now_ms
        left = abandoned.letters(scene.agent.kind, record, kept, stays, now_ms)
        return done._replace(memory=stays, records=[*done.records, *left], same=False)
    if done.outcome != "handled" and (later := abandoned.timed(scene.agent.kind, record, done.memory, now_ms)):
        done = done._replace(memory=later, same=False)
    left = abandoned.letters(scene.agent.kind, record, memory, done.memory, now_ms)
    orphans = holding.orphans(scene.agent.kind, record, memory, done.memory, now_ms)
    if orphans and done.memory is not None:
        done.memory.unlearn(one.id for one in memory.held)
        left += orphans
    return done._replace(records=[*done.records, *left]) if left else done


async def _become(scene: Scene, record: SourceRecord, headers: Headers, memory: Memory, now_ms: int) -> Step:
    if memory.handled(record.offset, record.timestamp):
        return Step("duplicate", [], memory, "replay", same=True)
    try:
        if headers.type == "dropped":
            return _overheard(scene, record, memory, now_ms)
        if headers.type == SAID:
            return _told(scene, record, headers, memory, now_ms)
        if headers.type in moving.NOTICES:
            return _moving(scene, record, headers, memory, now_ms)
        if headers.type != "event":
            return _noted(scene.agent.kind, headers.type, record, memory, now_ms)
        return await _event(scene, record, headers, memory, now_ms)
    except AgentFailed as failure:
        return dead(scene.agent.kind, record, memory, failure, now_ms)
    except Exception as error:  # noqa: BLE001 - whatever an event breaks, the others go on
        broken = AgentFailed("failed", story(error))
        broken.__cause__ = error
        return dead(scene.agent.kind, record, memory, broken, now_ms)


def _overheard(scene: Scene, record: SourceRecord, memory: Memory, now_ms: int) -> Step:
    """A note of what this agent does not handle. What it tells is kept where something is kept already: a campaign's
    echoes must not begin a memory for each of its people."""
    reason = (dict(record.headers or ()).get("reason") or b"").decode()
    if memory.held and (rung := holding.overheard(scene.agent.kind, record, reason, _decoded(record), memory, now_ms)):
        return Step("noted", [*rung[1]], rung[0], reason, told=len(memory.held))
    if reason == abandoned.REASON and (rest := abandoned.without(memory, _decoded(record), record.offset, now_ms)):
        return Step("noted", [], rest, "dropped")
    if not memory.ring or reason not in ("echo", "human_owns"):
        return Step("noted", [], memory, "dropped", same=True)
    event = _decoded(record)
    if memory.tenant not in ("", event.tenant):
        return Step("noted", [], memory, "dropped", same=True)
    kept = copy.copy(memory)
    kept.offset, kept.touched_ms = record.offset, now_ms
    kept.lines = scene.limits.transcript.overheard(memory.lines, event, reason)
    return Step("noted", [], kept, "dropped")


def _told(scene: Scene, record: SourceRecord, headers: Headers, memory: Memory, now_ms: int) -> Step:
    """A notice of what others said to the person, kept where something is kept already."""
    try:
        said: Overheard = _said.decode(record.value)
    except RecordError as error:
        raise AgentFailed("malformed", str(error)) from None
    if not memory.ring or memory.tenant not in ("", headers.tenant):
        return Step("noted", [], memory, SAID, same=True)
    kept = copy.copy(memory)
    kept.offset, kept.touched_ms = record.offset, now_ms
    kept.lines = scene.limits.transcript.noted(memory.lines, said)
    return Step("noted", [], kept, SAID)


def _noted(agent: str, kind: str, record: SourceRecord, memory: Memory, now_ms: int) -> Step:
    """Notices of conversations: forget the person, or forget the owner's epoch. How far this key was handled stays, or
    a crash would let what came before the notice happen again."""
    if kind == "erase":
        gone = abandoned.erased(agent, record, memory, now_ms)
        return Step("noted", gone, memory.forgotten(record.offset, now_ms), kind)
    if kind == silence.RELEASED:
        freed = silence.released(record.value, memory)
        return Step("noted", [], freed, kind, same=freed is memory)
    return Step("noted", [], memory, kind, same=True)


def _moving(scene: Scene, record: SourceRecord, headers: Headers, memory: Memory, now_ms: int) -> Step:
    """The person goes on under another key, or came from one. What comes of a tenant that has the line no more does not
    take the place of what is remembered for the next one."""
    theirs = memory.tenant not in ("", headers.tenant) and scene.owner(headers.did) == memory.tenant
    if theirs and headers.type == moving.ADOPT:
        return _left_behind(scene.agent.kind, record, headers, memory, now_ms)
    keep = scene.limits.transcript
    records, kept, same = moving.noted(scene.agent.kind, scene.partitions, headers, record.value, memory, keep)
    if kept is not None and not same:
        kept.offset, kept.touched_ms, kept.tenant = record.offset, now_ms, headers.tenant
        if headers.type == moving.MOVED:
            kept.changed_ms = now_ms  # this key begins anew
        else:
            kept.gone = ""
        holding.adopted(kept, now_ms)
        _check_size(kept, scene.limits)
    return Step("noted", records, kept, headers.type, same=same)


def _left_behind(kind: str, record: SourceRecord, headers: Headers, memory: Memory, now_ms: int) -> Step:
    """What came from another key to a line that is the next tenant's by now: what waits in it becomes dead letters."""
    adopt = moving.adopt_of(record.value)
    theirs = Memory(said=adopt.said, tenant=headers.tenant, held=moving.waiting(adopt))
    left = holding.orphans(kind, record, theirs, memory, now_ms)
    left += abandoned.letters(kind, record, theirs, memory, now_ms)
    stays = copy.copy(memory)
    stays.offset, stays.touched_ms = record.offset, now_ms
    return Step("noted", left, stays, holding.FOREIGN)


def _decoded(record: SourceRecord) -> InboundEvent:
    try:
        event: InboundEvent = _events.decode(record.value)
    except RecordError as error:
        raise AgentFailed("malformed", str(error)) from None
    return event


async def _event(scene: Scene, record: SourceRecord, headers: Headers, memory: Memory, now_ms: int) -> Step:
    event = _decoded(record)
    if memory.knows(event.id):
        return Step("duplicate", [], memory, same=True)
    if debounce.is_timer(event):
        return await _rung(scene, record, event, memory, now_ms)
    if headers.replay and memory.gone and memory.tenant == event.tenant:
        sent_on = moving.forwarded(scene.agent.kind, scene.partitions, record, event, memory.gone)
        if sent_on is not None:
            kept = copy.copy(memory)
            kept.offset, kept.touched_ms = record.offset, now_ms
            return Step("noted", [sent_on], kept, "moved")
    memory = memory.of(event.tenant)
    memory.gone = ""
    silence.settle(memory, event, now_ms)
    loops, mute = scene.limits.loops, silence.mute(memory, event, headers.at_ms, scene.limits.hand_off_s)
    came_ms = now_ms if headers.replay else event.at_ms  # a letter that was put back comes now, after all that silence
    memory.budget = Budget() if _by_another(event, scene.agent.kind) else loops.at(memory.budget, came_ms, now_ms)
    if not mute and not loops.admits(memory.budget):
        return _looping(scene, record, event, memory, now_ms)
    memory.offset, memory.touched_ms, memory.tenant = record.offset, now_ms, event.tenant
    memory.note(event.id)
    memory.lines = scene.limits.transcript.heard(memory.lines, event, again=bool(headers.replay))
    if mute:
        return Step("muted", [], memory)
    setting = Debounce.of(scene.config(event.tenant))
    if setting is not None and holding.may_hold(setting, record, event):
        holding.hold(memory, setting, record, event, now_ms)
        return Step("held", [], memory)
    return await _played(scene, record, headers, event, memory, now_ms)


def _by_another(event: InboundEvent, kind: str) -> bool:
    """The bot has the conversation again, and not because this agent said so: that may be a part of the loop."""
    return event.kind == "resumed" and event.extra.get("by") != kind


async def _rung(scene: Scene, record: SourceRecord, event: InboundEvent, memory: Memory, now_ms: int) -> Step:
    """The timer of what is held. One that is too early is another message's by now."""
    if not memory.held or memory.tenant != event.tenant or not _is_time(memory, event, now_ms):
        return Step("noted", [], memory, "nothing_due", same=True)
    done = await _tell(scene, record, event, memory, now_ms)
    if done.memory is not None:
        done.memory.offset = record.offset
    return done


def _is_time(memory: Memory, event: InboundEvent, now_ms: int) -> bool:
    """Whether the timer is that of the last message, or what is held is due all the same."""
    return event.at_ms == memory.held[-1].at_ms or memory.held_due_ms <= now_ms


async def _tell(scene: Scene, record: SourceRecord, now: InboundEvent, memory: Memory, now_ms: int) -> Step:
    """Tell the agent what is held as one event, with what `now` knows of the conversation. `record` is what came."""
    held = memory.held
    try:
        done = await _joined(scene, record, now, memory.without_held(), held, now_ms)
    except AgentFailed as failure:
        done = not_told(scene.agent.kind, record, memory, failure, now_ms)
    except Exception as error:  # noqa: BLE001 - whatever it breaks, the others go on
        broken = AgentFailed("failed", story(error))
        broken.__cause__ = error
        done = not_told(scene.agent.kind, record, memory, broken, now_ms)
    if done.memory is not None:
        done.memory.touched_ms = now_ms
    return done._replace(told=len(held))


async def _joined(
    scene: Scene, record: SourceRecord, now: InboundEvent, memory: Memory, held: list[Held], now_ms: int
) -> Step:
    event, headers = debounce.joined(held, now), Headers.from_kafka(held[-1].headers)
    silence.settle(memory, now, now_ms)
    if silence.mute(memory, event, headers.at_ms, scene.limits.hand_off_s):
        return Step("muted", [], memory)
    memory.budget = scene.limits.loops.at(memory.budget, event.at_ms, now_ms)
    if not scene.limits.loops.admits(memory.budget):
        raise AgentFailed("loop", scene.limits.loops.story)
    return await _played(scene, record, headers, event, memory, now_ms)


def not_told(kind: str, record: SourceRecord, memory: Memory, failure: AgentFailed, now_ms: int) -> Step:
    """What is held as dead letters; the conversation goes on as if it had not come."""
    left = holding.letters(kind, memory.held, record.partition, record.key, failure, now_ms)
    rest = holding.unlearned(memory)
    return Step("dead_letter", left, rest, failure.reason, failure=failure, told=len(memory.held))


def _looping(scene: Scene, record: SourceRecord, event: InboundEvent, memory: Memory, now_ms: int) -> Step:
    """The conversation answers itself: its events are kept, and the agent is silent in it."""
    loops, tripped = scene.limits.loops, not memory.budget.stopped
    memory.budget, memory.tenant = loops.stopped(memory.budget), event.tenant
    done = dead(scene.agent.kind, record, memory, AgentFailed("loop", loops.story), now_ms)
    return done._replace(tripped=tripped)


async def _played(
    scene: Scene, record: SourceRecord, headers: Headers, event: InboundEvent, memory: Memory, now_ms: int
) -> Step:
    conversation = Conversation(
        tenant=event.tenant,
        did=event.did,
        contact=event.contact,
        agent=scene.agent.kind,
        facts=event.facts,
        memory=copy.deepcopy(memory.said),
        config=debounce.own_of(scene.config(event.tenant)),
        now_ms=now_ms,
        lines=tuple(memory.lines),
        hours=scene.hours(event.tenant),
    )
    actions = await play(scene.agent, conversation, event, scene.limits)
    memory.said, memory.muted_since = conversation.memory, -1
    place = source(record.topic, record.partition, record.offset)
    kind, listeners = scene.agent.kind, [one for one in scene.listeners(event.tenant) if one != scene.agent.kind]
    outbox = Outbox(kind, event, headers, scene.partitions, record.partition, now_ms, scene.limits, place, listeners)
    for action in actions:
        outbox.take(action, memory)
    _check_size(memory, scene.limits)
    if outbox.records:
        memory.budget = scene.limits.loops.spent(memory.budget)
    return Step("handled", outbox.records + outbox.letters, memory, actions=tuple(actions))


def _check_size(memory: Memory, limits: Limits) -> None:
    """What the agent itself has kept; the transcript has a bound of its own."""
    try:
        size = memory.size()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise AgentFailed("memory", f"something remembered is not what JSON can say ({type(error).__name__})") from None
    if size > limits.memory_bytes:
        allowed = f"{limits.memory_bytes} allowed (RELEVO_PROCESSOR_AGENT_MEMORY_BYTES)"
        raise AgentFailed("memory", f"{size} bytes to remember, {allowed}")


def dead(kind: str, record: SourceRecord, memory: Memory, failure: AgentFailed, now_ms: int) -> Step:
    """The record as a dead letter; the conversation goes on as if it had not come, and it can be put back."""
    cause = Cause(
        reason=failure.reason,
        error=failure.error,
        source=source(record.topic, record.partition, record.offset),
        at_ms=now_ms,
        by=f"agents.{kind}",
    )
    letter = Record(
        topics.agent(kind).name + topics.DEAD_LETTERS,
        record.value,
        record.key,
        cause.headers(record.headers),
        record.partition,
    )
    passed = copy.copy(memory)
    passed.offset, passed.touched_ms = record.offset, now_ms
    return Step("dead_letter", [letter], passed, failure.reason, same=record.key is None, failure=failure)
