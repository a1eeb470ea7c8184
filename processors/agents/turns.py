"""Turns: how many conversations an agent handles side by side, shared fairly between tenants. Pure.

A tenant may hold a turn more as long as it holds fewer than are free. So one that takes all it can get leaves half of
them, a second one half of that half, and a newcomer finds a free turn while there are no more greedy tenants than the
number of turns can be halved. Where several wait, the one that holds the fewest goes first, and of these the one that
was served longest ago; one tenant's are in order.

Promises: never more turns than there are; nobody waits who might have a turn; none is granted that was withdrawn.
Leaves to the host: what a ticket is, and that each turn that was granted is given back.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

TicketT = TypeVar("TicketT")


class Turns(Generic[TicketT]):
    """`count` turns. Every change returns the tickets that are granted now, in order."""

    def __init__(self, count: int) -> None:
        self.count = self.free = count
        self.granted = 0  # ever
        self._held: dict[str, int] = {}
        self._waiting: dict[str, deque[TicketT]] = {}  # the tenant that was served longest ago is first

    @property
    def waiting(self) -> int:
        """Tickets that wait for a turn."""
        return sum(map(len, self._waiting.values()))

    def held(self, tenant: str) -> int:
        """Turns that a tenant holds."""
        return self._held.get(tenant, 0)

    def ask(self, tenant: str, ticket: TicketT) -> list[TicketT]:
        """A turn, please."""
        self._waiting.setdefault(tenant, deque()).append(ticket)
        return self._grant()

    def give_back(self, tenant: str) -> list[TicketT]:
        """A turn of the tenant's is over."""
        left = self._held[tenant] - 1
        if left:
            self._held[tenant] = left
        else:
            del self._held[tenant]
        self.free += 1
        return self._grant()

    def withdraw(self, tenant: str, ticket: TicketT) -> bool:
        """The ticket is no longer wanted. False if it was granted already, and must be given back."""
        queue = self._waiting.get(tenant)
        if queue is None or ticket not in queue:
            return False
        queue.remove(ticket)
        if not queue:
            del self._waiting[tenant]
        return True

    def _grant(self) -> list[TicketT]:
        tickets = []
        while self._waiting and self.free:
            tenant = min(self._waiting, key=self.held)
            if self.held(tenant) >= self.free:
                break
            tickets.append(self._serve(tenant))
        return tickets

    def _serve(self, tenant: str) -> TicketT:
        queue = self._waiting.pop(tenant)
        ticket = queue.popleft()
        if queue:
            self._waiting[tenant] = queue
        self._held[tenant] = self.held(tenant) + 1
        self.free -= 1
        self.granted += 1
        return ticket
