"""Agents that misbehave, for tests on a genuine Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from relevo import Action, Conversation, HandOff, InboundEvent, Remember, Reply, Schedule, UpdateCrm, text_of

STANDS_S = 7.0  # longer than an event loop may be late, shorter than a session


async def odd(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Does what it is told: raise, hang, stand, flood, remind, human, crm; else it counts."""
    if event.kind == "timer":
        yield Reply.text(f"timer {event.extra['name']}")
    if event.kind != "message":
        return
    match text_of(event):
        case "raise":
            raise ValueError("odd")
        case "hang":
            await asyncio.Event().wait()
        case "stand":
            time.sleep(STANDS_S)  # noqa: ASYNC251  what an agent must never do
        case "flood":
            while True:
                yield Reply.text("x")
        case "remind":
            yield Schedule("tea", 1)
        case "crm":
            yield UpdateCrm({"stage": 2})
        case "human":
            yield HandOff()
    said = conversation.memory.get("said", 0) + 1
    yield Remember({"said": said})
    yield Reply.text(f"{said}: {text_of(event)}")
