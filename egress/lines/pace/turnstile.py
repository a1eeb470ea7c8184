"""The turnstile: which people of a line wait because the account of their next reply may begin no call now. Pure.

Whoever waited longest goes first. A reply whose time is over meanwhile is not waited with: its lane wakes, so that the
gate can say so. Leaves to `Accounts` when there is room, to `Lanes` the order for one person.
"""

from __future__ import annotations

from itertools import islice

from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.pace.accounts import Accounts
from egress.lines.queues.lanes import Lanes
from runtime.settings import EgressSettings
from schemas.outbound import OutboundMessage
from schemas.session import Control, Template


class Turnstile:
    """People by the account that they wait for."""

    def __init__(self, accounts: Accounts, settings: EgressSettings, lanes: Lanes) -> None:
        self._accounts, self._settings, self._lanes = accounts, settings, lanes
        self._waiting: dict[str, dict[str, None]] = {}
        self._called: set[str] = set()

    def room(self, account: str, now: Now) -> int:
        """How many calls the account may begin now."""
        return self._accounts.room(account, now.s, self._settings)

    def opens_at(self, account: str) -> float:
        """When the account may begin a call; infinity for when one of its calls has ended."""
        return self._accounts.opens_at(account, self._settings)

    def probing(self, account: str) -> bool:
        """Whether the account's next call is a probe."""
        return self._accounts.probing(account)

    def passes(self, item: Item, account: str, now: Now) -> bool:
        """Whether this reply may go now; else it is back at the head of its lane and waits for the account."""
        contact = item.contact
        in_turn = contact in self._called or not self._waiting.get(account)
        self._called.discard(contact)
        if in_turn and self.room(account, now) > 0:
            return True
        self._lanes.put_back(item)
        self._lanes.hold(contact, now.at_ms(over_ms(item.message)) if over_ms(item.message) else _EVER, _name(account))
        self._waiting.setdefault(account, {})[contact] = None
        return False

    def call(self, now: Now) -> bool:
        """Lets as many people go on as their accounts have room for; whether anybody did."""
        anybody = False
        for account, contacts in list(self._waiting.items()):
            for contact in list(islice(contacts, max(0, self.room(account, now)))):
                del contacts[contact]
                if self._lanes.release(contact, _name(account)):
                    self._called.add(contact)
                    anybody = True
            if not contacts:
                del self._waiting[account]
        return anybody

    def next_at(self) -> float:
        """When somebody may go on; infinity when nobody waits or a call must end first."""
        return min(map(self.opens_at, self._waiting), default=_EVER)


_EVER = float("inf")


def _name(account: str) -> str:
    """What a held lane waits for; no plan has such an id."""
    return f"account {account}"


def over_ms(message: OutboundMessage) -> int:
    """When the gate will say otherwise of a message that it lets pass now; 0 for never."""
    times = [message.expires_ms]
    if not isinstance(message.content, Template | Control):
        times.append(message.window_expires_ms)
    return min((time for time in times if time), default=0)
