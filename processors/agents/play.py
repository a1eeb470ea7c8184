"""One event through one agent's function: its actions in order, or the reason why there are none.

Promises: ends within the time-out (and the second that a cancelled agent gets to clean up), takes no more actions
than the limit, and raises nothing but `AgentFailed`. An agent that computes without awaiting cannot be stopped
from inside its process: that stalls the event loop, which fails liveness.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator

from processors.agents.actions import Action, HumanSays, Remember, Reply, SessionContent
from processors.agents.agent import Agent, Conversation
from processors.agents.limits import AgentFailed, Limits
from runtime.settings.processor import AGENT_CLEAN_UP_S
from schemas.inbound import InboundEvent


async def play(agent: Agent, conversation: Conversation, event: InboundEvent, limits: Limits) -> list[Action]:
    """The agent's actions. What it remembers is in `conversation.memory` afterwards. Raises AgentFailed."""
    over = asyncio.Event()
    task = asyncio.create_task(_collect(agent, conversation, event, limits, over))
    task.add_done_callback(_seen)
    try:
        done, _ = await asyncio.wait({task}, timeout=limits.timeout_s)
        if not done:
            over.set()
            task.cancel()
            await asyncio.wait({task}, timeout=AGENT_CLEAN_UP_S)
            raise AgentFailed("timeout", f"no end after {limits.timeout_s:g} s (RELEVO_PROCESSOR_AGENT_TIMEOUT_S)")
        return _result(task)
    finally:
        over.set()
        task.cancel()


def _seen(task: asyncio.Task[list[Action]]) -> None:
    """An agent that raises after it was given up has been reported as timed out already."""
    if not task.cancelled():
        task.exception()


def _result(task: asyncio.Task[list[Action]]) -> list[Action]:
    if task.cancelled():
        raise AgentFailed("raised", "the agent cancelled itself")
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, AgentFailed):
        raise error
    raise AgentFailed("raised", story(error)) from error


async def _collect(
    agent: Agent, conversation: Conversation, event: InboundEvent, limits: Limits, over: asyncio.Event
) -> list[Action]:
    """The actions, until the agent ends or its time is `over` (an agent may have swallowed its cancellation)."""
    actions: list[Action] = []
    stream = agent.function(conversation, event)
    try:
        async for action in stream:
            if over.is_set():
                raise AgentFailed("timeout", "the agent went on after its time")
            _check(action)
            if len(actions) == limits.actions:
                raise AgentFailed(
                    "too_many_actions",
                    f"more than {limits.actions} actions for one event (RELEVO_PROCESSOR_AGENT_ACTIONS_MAX)",
                )
            actions.append(action)
            if isinstance(action, Remember):
                _remember(conversation, action)
    finally:
        await _end(stream)
    return actions


async def _end(stream: AsyncIterator[Action]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()


def _check(action: object) -> None:
    if not isinstance(action, Action):
        raise AgentFailed("not_an_action", f"yielded {type(action).__name__}, which is no action")
    if isinstance(action, Reply | HumanSays) and not isinstance(action.content, SessionContent):
        raise AgentFailed("not_an_action", f"{type(action).__name__} cannot carry {type(action.content).__name__}")


def _remember(conversation: Conversation, action: Remember) -> None:
    for name, value in action.values.items():
        if value is None:
            conversation.memory.pop(name, None)
        else:
            conversation.memory[name] = value


def story(error: BaseException) -> str:
    """What broke and where, innermost first, without the error's own words: they may quote the person."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    at = " < ".join(f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})" for frame in reversed(frames))
    return f"{type(error).__name__} in {at}"
