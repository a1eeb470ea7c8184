"""Facts: what one record, or one line of Chattigo's ledger, says of one id. Small, so that a million fit on a disk.

Each has the `id` that it is joined by: an event's, a receipt's, a message's, or what stands for a call or a
conversation. Facts of one id say the same in any order.
"""

from __future__ import annotations

import msgspec

Place = tuple[int, int]
"""Partition and offset."""


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """About `id`."""

    id: str


# -- of events and receipts


class Acked(Fact, frozen=True, tag="a"):
    """Relevo acknowledged the event; `size` is that of its body if it came alone (else -1)."""

    did: str
    size: int = -1


class AckedReceipt(Fact, frozen=True, tag="ar"):
    """Relevo acknowledged a receipt, which the ledger calls `name`."""

    did: str
    state: str
    name: str


class Held(Fact, frozen=True, tag="h"):
    """It stands on `inbound.conversations`; `nth` within its body. `forwarded` by way of an alias; `passed`: the
    processor has committed an offset behind it."""

    did: str
    tenant: str
    partition: int
    offset: int
    nth: int
    at_ms: int
    forwarded: bool = False
    passed: bool = False


class Rejected(Fact, frozen=True, tag="j"):
    """It stands on `inbound.rejected`."""


class Received(Fact, frozen=True, tag="rc"):
    """A receipt stands on `inbound.receipts`."""

    did: str
    state: str


class Routed(Fact, frozen=True, tag="r"):
    """It stands on an agent's topic. `stamped` is the tenant of the header, `tenant` that of the value."""

    did: str
    contact: str
    tenant: str
    stamped: str
    agent: str
    partition: int
    offset: int
    at_ms: int
    replayed: bool = False
    message: bool = True


class Dropped(Fact, frozen=True, tag="d"):
    """A note says that nobody got it, and why."""

    did: str
    reason: str


class Dead(Fact, frozen=True, tag="x"):
    """It is a dead letter."""

    did: str
    reason: str


class Answered(Fact, frozen=True, tag="an"):
    """A message names it as its cause."""

    did: str


# -- of messages


class Owed(Fact, frozen=True, tag="o"):
    """It was accepted for sending. `free` of its conversation's order: it waits for a time, or was put back; `passed`:
    the line's owner has committed an offset behind it."""

    did: str
    contact: str
    tenant: str
    stamped: str
    topic: str
    partition: int = -1
    offset: int = -1
    at_ms: int = 0
    free: bool = False
    passed: bool = False


class NotNow(Fact, frozen=True, tag="n"):
    """Its campaign does not take it up now."""

    word: str


class Became(Fact, frozen=True, tag="b"):
    """An outcome on `outcomes`."""

    state: str
    tenant: str


class DeadMessage(Fact, frozen=True, tag="dm"):
    """It is a dead letter."""


class Kept(Fact, frozen=True, tag="k"):
    """It stands on `outbound.parked`; `orderly`: what follows it in its conversation waits, too."""

    orderly: bool = True


class Planned(Fact, frozen=True, tag="p"):
    """It is part of a plan at `offset` of the journal's `partition`. `cause_seen`: its input lies within what was
    read."""

    plan: str
    did: str
    contact: str
    to: str
    tenant: str
    root: str
    digest: str
    attempt: int
    replay: str
    resend: bool
    lane: bool
    partition: int
    offset: int
    cause_seen: bool = True


# -- of deliveries to systems outside


class Asked(Fact, frozen=True, tag="da"):
    """An agent was to bring it. `passed`: what was written with it is within what was read."""

    passed: bool = False


class Ended(Fact, frozen=True, tag="de"):
    """A note at this place says that it is none any more, and how; `passed` as of `Asked`."""

    how: str
    partition: int
    offset: int
    passed: bool = False


class DeliveryBuried(Fact, frozen=True, tag="db"):
    """It is a dead letter."""


class Remembered(Fact, frozen=True, tag="dr"):
    """What waits of a conversation (`id`, with the agent's type), as the changelog says at `offset`."""

    offset: int
    names: list[str]


class Waits(Fact, frozen=True, tag="dw"):
    """It stands in the last memory of its conversation."""


# -- of records, of calls, of conversations


class Unreadable(Fact, frozen=True, tag="u"):
    """A record of ours at this place cannot be read."""

    why: str


class Buried(Fact, frozen=True, tag="bu"):
    """What stands at this place is a dead letter."""


class Person(Fact, frozen=True, tag="pe"):
    """A number of somebody's."""


class Phrase(Fact, frozen=True, tag="ph"):
    """Some words of a message, as a digest."""


class Logged(Fact, frozen=True, tag="l"):
    """What looks like a number, or some words as a digest, stands in a log at `where`."""

    where: str


class Taken(Fact, frozen=True, tag="t"):
    """Chattigo took a call; `id` is what the call is known by."""

    did: str
    wamid: str


class Sent(Fact, frozen=True, tag="s"):
    """A message was planned for the call that is known by `id`; `never`: an outcome says that it was not taken.
    `resends` of it are on record."""

    message: str
    never: bool
    resends: int
    paid: bool


class Group(Fact, frozen=True, tag="g"):
    """Messages that cannot be told from each other by what Chattigo saw, and how often it took one of them."""

    likely: list[str]
    resends: int
    paid: bool
    taken: int


class Step(Fact, frozen=True, tag="st"):
    """`name` stood at `before` where it came from and at `after` where it went to; `id` is the conversation."""

    name: str
    before: tuple[int, int, int]
    after: tuple[int, int]


AnyFact = (
    Acked | AckedReceipt | Held | Rejected | Received | Routed | Dropped | Dead | Answered | Owed | NotNow | Became
    | DeadMessage | Kept | Planned | Asked | Ended | DeliveryBuried | Remembered | Waits
    | Unreadable | Buried | Person | Phrase | Logged | Taken | Sent | Group | Step
)  # fmt: skip
