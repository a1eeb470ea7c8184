"""Agents of a good and of a bad deployment."""

from __future__ import annotations

from collections.abc import AsyncIterator

from relevo import Action, Conversation, InboundEvent, Reply, text_of


async def broken(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Raises on everything."""
    raise ValueError(event.kind)
    yield


async def mended(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Says the event's id."""
    yield Reply.text(f"{event.id} {text_of(event)}")
