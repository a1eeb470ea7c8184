"""Records of `deliveries`: what agents were to bring to systems outside, and what became of each.

One record stands for an event that made deliveries or ended some; it is written with what the agent remembers, in one
transaction. A delivery that is in no record's `ended` waits in that memory, or is a dead letter of its agent.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.record import Record

# `merged` into a later one, which brings it along; `superseded`: put back when newer values were there already;
# `erased` with all that was known of the person.
How = Literal["delivered", "given_up", "merged", "superseded", "erased"]


class Ended(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A delivery that is none any more; `into` is the one that it was merged into."""

    id: str
    how: How
    into: str = ""


class DeliveryNote(Record):
    """`agent` is the type, `event` the id of what caused it. `made` are the ids of new deliveries, in their order."""

    tenant: str
    did: str
    contact: str
    agent: str
    at_ms: int
    event: str = ""
    made: list[str] = []
    ended: list[Ended] = []


def delivery_id(key: str, back: int) -> str:
    """What a delivery is known by: its key, and after it was put back from its dead letter how often that was."""
    return f"{key}.{back}" if back else key
