"""Records of `egress.journal`: what a line's owner intends to call, and what became of the call.

A plan is committed with the offsets of its inputs before the call. A plan without an outcome is in doubt. Segments and
checkpoints bound what a new owner must read: a segment says which settled plans of a line hold which ids, a checkpoint
names a line's segments and those older plans that still matter.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.outbound import SendClass
from schemas.record import Record

Route = Literal["session", "batch", "control"]
Result = Literal["accepted", "refused", "not_sent", "throttled", "in_doubt", "settled"]


class PlannedMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One recipient of a plan and where it came from: `source` is a topic with `position` an offset, or
    `campaign/<id>/<chunk>` with `position` the place in that chunk."""

    id: str
    contact: str
    to: str
    source: str
    position: int


class BatchPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which part of a refused batch a plan is: `batch` is the plan that was refused first, `half_of` the refused one of
    which this is a half, after `depth` halvings; `call` numbers the calls that looking for the bad recipient costs."""

    batch: str
    half_of: str
    depth: int
    call: int


class LeftOut(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message of a plan, by its place there, of which the answer says that it was not taken, and why."""

    at: int
    code: str = ""
    reason: str = ""


class Plan(Record, tag_field="type", tag="plan"):
    """The intent to make one call. `digest` is of its payload; `root_id` is a batch's `id` at Chattigo.

    `part` says that it is a part of a batch that was refused; `failed` is the provider's code if an earlier attempt was
    accepted and failed; `fallback` says that the message names a template that may still go instead. `retry_of` is the
    plan of the attempt before. `replay` is the run that put the messages back from dead letters, and `first_attempt`
    the first one of that run. `lane` says that it is a reply, which the person's next reply waits for, wherever it was
    read from. `template` and `language` name what is sent; `spared` attempts before this one were not posted because
    their line was paused or stopped meanwhile.
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
    retry_of: str = ""
    replay: str = ""
    first_attempt: int = 1
    part: BatchPart | None = None
    failed: str = ""
    fallback: bool = False
    lane: bool = False
    language: str = ""
    spared: int = 0

    @property
    def tries(self) -> int:
        """The attempts that bounds and pauses count: those since the messages were put back, without halving and
        without those whose line was held before the POST."""
        return self.attempt - self.first_attempt + 1 - self.spared - (self.part.depth if self.part else 0)


class CallOutcome(Record, tag_field="type", tag="outcome"):
    """What became of a plan. `provider_ids` are the provider's message ids, in the order of the plan's messages.

    With code `never_planned` it is of a message (`plan_id` is its id) whose input stands at `position` of `source`.
    `bisected` says that a batch was refused (result `not_sent`: nobody got it) and that its halves are planned. With a
    `message_id` it is a word about one message of an accepted plan: code `failed_…` orders another attempt, code
    `ended` says that there will be none. With an `order` it is a person's, which waits until it is known what became of
    the call (code `ended`: it waits no longer).

    `left_out` are messages of the plan that the answer names as not taken, whatever the result says of the others;
    `acted` that what follows from it is on record, too. `unnamed` are the places of those of which an answer that names
    others says nothing: they alone are what such a plan is in doubt about.
    """

    plan_id: str
    did: str
    result: Result
    at_ms: int
    status: int = 0
    code: str = ""
    reason: str = ""
    provider_ids: list[str] = []
    source: str = ""
    position: int = -1
    bisected: bool = False
    message_id: str = ""
    order: Literal["", "resend", "drop"] = ""
    left_out: list[LeftOut] = []
    acted: bool = False
    unnamed: list[int] = []

    @property
    def tells_apart(self) -> bool:
        """Whether not all messages of the plan met the same."""
        return bool(self.left_out or self.unnamed)


class PlanRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A plan and the offsets in its partition of the journal where it and its firmest outcome stand (-1: none yet)."""

    plan_id: str
    plan: int
    outcome: int = -1


class Segment(Record, tag_field="type", tag="segment"):
    """Which of a line's settled plans hold which ids, under `did|segment|number`; immutable.

    `ids` are the sorted 64-bit digests (little-endian) of message ids, `names` those of what receipts may name instead:
    provider's ids, root ids, and people whose message has no provider's id yet. `id_plans` and `name_plans` hold for
    each of them the place of its plan in `plans` (32 bits). `last` is the highest offset of each input topic among the
    messages; `replaces` are older segments whose content is in this one.
    """

    did: str
    number: int
    from_ms: int
    to_ms: int
    messages: int
    plans: list[PlanRef]
    ids: bytes
    id_plans: bytes
    names: bytes
    name_plans: bytes
    last: dict[str, int] = {}
    replaces: list[int] = []


class SegmentRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a segment stands on the journal, and until when it may be needed; only a `hot` one is read again."""

    number: int
    offset: int
    to_ms: int
    messages: int
    hot: bool = True


class RefusedRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message that was refused while its input may come back: at `position` of the topic `source`."""

    id: str
    at_ms: int
    source: str = ""
    position: int = -1


class Checkpoint(Record, tag_field="type", tag="checkpoint"):
    """What a new owner must know of a line beyond the journal from `offset` on, under `did|checkpoint`.

    It counts as soon as the group's committed offset of the journal has reached `offset`. `plans` are those older than
    that which are not settled; `segments` are all that still count, newest last. `words` are orders that stand;
    `accepted_ms` is when the last call that was accepted of each account was planned.
    """

    offset: int
    at_ms: int
    did: str = ""
    segments: list[SegmentRef] = []
    plans: list[PlanRef] = []
    refused: list[RefusedRef] = []
    words: list[CallOutcome] = []
    accepted_ms: dict[str, int] = {}


JournalRecord = Plan | CallOutcome | Segment | Checkpoint
