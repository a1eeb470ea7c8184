"""The desk of a partition: its conversations that have something to do; and the room where they wait for a turn.

The room is the shell around `turns`: a ticket is a future, which resolves to whether there is a turn. Promises: every
turn that was granted is used or given back, whichever task is cancelled when; who waits for a partition that goes is
sent away at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import NamedTuple

from processors.agents.turns import Turns
from runtime.engine import SourceRecord

Ticket = asyncio.Future[bool]


class Waiting(NamedTuple):
    """An event that was not begun, and whose it is."""

    tenant: str
    record: SourceRecord


class Desk:
    """A partition's conversations by key, and the tasks that serve them."""

    def __init__(self) -> None:
        self.queues: dict[bytes, deque[Waiting]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.tickets: dict[Ticket, str] = {}  # those that wait for a turn, and whose they are
        self.undone: Counter[str] = Counter()  # records by tenant
        self.closing = False


class Room:
    """Of one host, for all its desks."""

    def __init__(self, parallel: int) -> None:
        self.turns: Turns[Ticket] = Turns(parallel)

    async def turn(self, desk: Desk, tenant: str) -> bool:
        """Wait for a turn; False if the partition went before there was one."""
        ticket: Ticket = asyncio.get_running_loop().create_future()
        desk.tickets[ticket] = tenant
        _tell(self.turns.ask(tenant, ticket))
        try:
            return await ticket
        except asyncio.CancelledError:
            if not self.turns.withdraw(tenant, ticket) and (ticket.cancelled() or ticket.result()):
                self.give_back(tenant)  # it was granted just now
            raise
        finally:
            desk.tickets.pop(ticket, None)

    def close(self, desk: Desk) -> None:
        """Nothing new begins; who waits for a turn is sent away at once."""
        desk.closing = True
        for ticket, tenant in list(desk.tickets.items()):
            if not ticket.done() and self.turns.withdraw(tenant, ticket):
                ticket.set_result(False)

    def give_back(self, tenant: str) -> None:
        """The turn of an event is over."""
        _tell(self.turns.give_back(tenant))


def _tell(granted: list[Ticket]) -> None:
    """Those who have a turn now."""
    for ticket in granted:
        if not ticket.done():  # else its task was cancelled, and gives the turn back when it hears of it
            ticket.set_result(True)


def stamped_tenant(record: SourceRecord) -> str:
    """The tenant as the framework stamped it."""
    for name, value in record.headers:
        if name == "tenant":
            return value.decode("utf-8", "replace")
    return ""
