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


class BatchPart(msgspec.Struct, frozen=True, array_like=True):
    """Which part of a refused batch a plan is: `batch` is the plan that was refused first, `half_of` the refused one of
    which this is a half, after `depth` halvings; `call` numbers the calls that looking for the bad recipient costs."""

    batch: str
    half_of: str
    depth: int
    call: int


class Plan(Record, tag_field="type", tag="plan"):
    """The intent to make one call. `digest` is of its payload; `root_id` is a batch's `id` at Chattigo.

    `part` says that it is a part of a batch that was refused; `failed` is the provider's code if an earlier attempt was
    accepted and failed; `fallback` says that the message names a template that may still go instead.
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
    part: BatchPart | None = None
    failed: str = ""
    fallback: bool = False

    @property
    def tries(self) -> int:
        """The attempts that bounds and pauses count: halving a batch is none."""
        return self.attempt - (self.part.depth if self.part else 0)


class CallOutcome(Record, tag_field="type", tag="outcome"):
    """What became of a plan. `provider_ids` are the provider's message ids, in the order of the plan's messages.

    `bisected` says that a batch was refused (result `not_sent`: nobody got it) and that its halves are planned. With a
    `message_id` it is a word about one message of an accepted plan: code `failed_…` orders another attempt, code
    `ended` says that there will be none. With an `order` it is a person's, which waits until it is known what became of
    the call (code `ended`: it waits no longer).
    """

    plan_id: str
    did: str
    result: Result
    at_ms: int
    status: int = 0
    code: str = ""
    reason: str = ""
    provider_ids: list[str] = []
    bisected: bool = False
    message_id: str = ""
    order: Literal["", "resend", "drop"] = ""


class Checkpoint(Record, tag_field="type", tag="checkpoint"):
    """Recovery of the partition may begin at this journal offset."""

    offset: int
    at_ms: int


JournalRecord = Plan | CallOutcome | Checkpoint
