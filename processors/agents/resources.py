"""What an agent may hold besides its function: connections, caches; and the world that it is given for them.

An agent that is an object with `open` and `close` is opened before its first event and closed after its last, once in
each worker. Whatever it keeps between events may be lost with the worker at any moment: what must not be is remembered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol, runtime_checkable

from processors.agents.agent import Agent
from processors.agents.limits import Limits
from runtime.hooks import Calls


class World(NamedTuple):
    """What a worker has for its agents: `calls` makes HTTP calls to addresses that tenants gave (guarded, with circuits
    and metrics), `clock` gives milliseconds since 1970, `limits` are those of each event and conversation."""

    calls: Calls
    clock: Callable[[], int]
    limits: Limits


@runtime_checkable
class Resourceful(Protocol):
    """An agent with resources. It may be opened again after it was closed."""

    async def open(self, world: World) -> None: ...
    async def close(self) -> None: ...


@asynccontextmanager
async def opened(agent: Agent, world: World) -> AsyncIterator[None]:
    """Holds the agent open, if it is one that can be."""
    if not isinstance(agent.function, Resourceful):
        yield
        return
    try:
        await agent.function.open(world)
        yield
    finally:
        await agent.function.close()
