"""Records of `outcomes`: what became of each message, a documented, public topic.

One record stands for a call or for a group of receipts: shared fields once, parallel arrays for the messages.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.outbound import SendClass
from schemas.record import Record

State = Literal[
    "accepted",
    "in_doubt",
    "refused",
    "not_sent",
    "expired",
    "parked",
    "sent",
    "delivered",
    "read",
    "failed",
    "dead",
]

_RANK: dict[str, int] = {"accepted": 1, "sent": 2, "delivered": 3, "read": 4}


class Outcome(Record):
    """Written by egress alone. `message_ids` and `contacts` are parallel; `billable` is empty when unknown."""

    tenant: str
    did: str
    state: State
    at_ms: int
    message_ids: list[str]
    contacts: list[str]
    plan_id: str = ""
    template: str = ""
    send_class: SendClass = msgspec.field(name="class", default="reply")
    campaign: str = ""
    code: str = ""
    reason: str = ""
    billable: bool | None = None
    category: str = ""


def merge(current: str | None, new: str) -> str:
    """The state of a message that was in `current` when `new` arrives, in any order.

    Along accepted, sent, delivered, read a state never moves back; `failed` ends unless delivered or read was
    seen; a receipt or an acceptance settles a doubt; every other state gives way to those, and `parked` to all.
    """
    if current is None or new == "parked":
        return current or new
    if new == "failed":
        return current if _RANK.get(current, 0) >= _RANK["delivered"] else new
    if current == "failed":
        return new if _RANK.get(new, 0) >= _RANK["delivered"] else current
    if current in _RANK:
        return new if _RANK.get(new, 0) > _RANK[current] else current
    return new
