"""Records of `egress.journal`: what a line's owner intends to call, and what became of the call.

A plan is committed with the offsets of its inputs before the call. A plan without an outcome is in doubt.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.outbound import SendClass
from schemas.record import Record

Route = Literal["session", "batch", "control"]
Result = Literal["accepted", "refused", "not_sent", "throttled", "in_doubt", "settled"]


class PlannedMessage(msgspec.Struct, frozen=True, array_like=True):
    """One recipient of a plan and where it came from: `source` is a topic with `position` an offset, or
    `campaign/<id>/<chunk>` with `position` the place in that chunk."""

    id: str
    contact: str
    to: str
    source: str
    position: int


class Plan(Record, tag_field="type", tag="plan"):
    """The intent to make one call. `digest` is of its payload; `root_id` is a batch's `id` at Chattigo.

    `lane` says that it is a reply, which the person's next reply waits for, wherever it was read from.
    """

    plan_id: str
    tenant: str
    did: str
    account: str
    route: Route
    send_class: SendClass = msgspec.field(name="class")
    messages: list[PlannedMessage]
    digest: str
    deadline_ms: int
    at_ms: int
    attempt: int = 1
    resend_of: str = ""
    resend_why: str = ""
    template: str = ""
    campaign: str = ""
    root_id: str = ""
    lane: bool = False


class CallOutcome(Record, tag_field="type", tag="outcome"):
    """What became of a plan. `provider_ids` are the provider's message ids, in the order of the plan's messages."""

    plan_id: str
    did: str
    result: Result
    at_ms: int
    status: int = 0
    code: str = ""
    reason: str = ""
    provider_ids: list[str] = []


class Checkpoint(Record, tag_field="type", tag="checkpoint"):
    """Recovery of the partition may begin at this journal offset."""

    offset: int
    at_ms: int


JournalRecord = Plan | CallOutcome | Checkpoint
