"""Records of `lines.state`: how a line stands, written by its owner alone, in the transactions of what it does."""

from __future__ import annotations

from typing import Literal

from schemas.record import Frozen, Record


class Stop(Frozen):
    """What the provider's `code` stopped (a template by `name/language`), until a person resumes it."""

    what: Literal["line", "template"]
    code: str
    since_ms: int
    name: str = ""


class LineState(Record):
    """What a new owner must know, and what others may: a pause is acknowledged when it stands here.

    `paused` is by an order to the line; `pauses` are the keys of the standing ones (`pauses`) that its owner holds to.
    `rate` is messages a second as it is now (below the configured one while WhatsApp throttles). `waiting` are messages
    in memory and parked, by kind (`reply`, `bulk`); `recipients` those of campaigns that are not planned and not
    parked. `paid` messages were planned on `day` (`YYYY-MM-DD` in the tenant's zone). `resumed_ms` is when a person
    lifted a stop last; `opted_out` are people whose 131050 has not come back on `optouts` yet.
    """

    did: str
    tenant: str
    at_ms: int
    paused: bool = False
    paused_by: str = ""
    paused_ms: int = 0
    pauses: list[str] = []
    stops: list[Stop] = []
    rate: float = 0
    waiting: dict[str, int] = {}
    recipients: int = 0
    day: str = ""
    paid: int = 0
    resumed_ms: int = 0
    opted_out: list[str] = []
