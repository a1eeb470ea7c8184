"""Records of campaigns: definition, contents and progress on `campaigns`; recipients on `campaigns.chunks`.

Chunks are written first. The contents record, with their offsets, is the commit point: before it the campaign
does not exist, after it the campaign exists whole. Progress is the line's owner's alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from schemas.outbound import SendClass
from schemas.record import Frozen, Record
from schemas.session import Template

CampaignState = Literal["draft", "scheduled", "running", "paused", "finished", "cancelled"]
Part = Literal["definition", "contents", "progress", "heard"]

CHUNK_MAX = 1000
# Of a line's campaign. Its contents are then 2 MB at most, half of what Kafka takes: a hundred million recipients.
CHUNKS_MAX = 100_000


class Canary(Frozen):
    """So many recipients of a line go first. The rest waits until `settled` (a share) of them are known to be delivered
    or failed, or until `wait_s` is over; a campaign of which nothing was heard by then pauses."""

    count: int
    wait_s: float = 900
    settled: float = 0.9


class Ramp(Frozen):
    """Shares of the line's rate, one after the other for `step_s` each; then all of it."""

    shares: list[float]
    step_s: float = 300


class StopRule(Frozen):
    """Pause when of the last `window` recipients that were delivered or failed, at least `least`, more than
    `failed_share` failed (0: never), counting the provider's `codes` alone if some are named."""

    failed_share: float = 0
    least: int = 100
    window: int = 1000
    codes: list[str] = []


class Definition(Record, tag_field="type", tag="definition"):
    """What is sent on one line: the template without its recipients' parameters.

    A campaign over several lines (`dids`) has a definition, contents and progress for each, written in one transaction;
    canary and ramp are each line's own. A `draft` waits to be resumed, whatever `start_ms` says.
    """

    campaign: str
    tenant: str
    did: str
    template: Template
    created_ms: int
    send_class: SendClass = msgspec.field(name="class", default="marketing")
    start_ms: int = 0
    expires_ms: int = 0
    name: str = ""
    dids: list[str] = []
    draft: bool = False
    canary: Canary | None = None
    ramp: Ramp | None = None
    stop: StopRule = StopRule()
    by: str = ""


class ChunkRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a chunk stands on its line's partition of `campaigns.chunks`, and how many recipients it has."""

    offset: int
    count: int


class Contents(Record, tag_field="type", tag="contents"):
    """The table of contents; `digest` is of all chunks' digests, in order."""

    campaign: str
    did: str
    total: int
    chunks: list[ChunkRef]
    digest: str
    committed_ms: int


Stage = Literal["canary", "judging", "ramp", "full"]


class Run(msgspec.Struct, frozen=True, array_like=True):
    """So many recipients in a row were heard of with the same code; an empty one stands for delivered."""

    code: str
    count: int


class Progress(Record, tag_field="type", tag="progress"):
    """All recipients before `position` of chunk `chunk` were planned or refused, or are `waiting`: parked until their
    turn comes. None after was. Of the planned ones WhatsApp holds `withheld` back (131049): they were accepted, failed,
    and are kept until they are sent again.

    `stage` is where canary and ramp stand since `stage_ms`, `step` the ramp's share, and its next call may go at
    `next_ms`. `delivered` and `failed` (by the provider's code) are what the owner heard by receipts and answers, to
    judge by, and `recent` the last of it in order; the exact counts are those of `outcomes`.
    """

    campaign: str
    did: str
    state: CampaignState
    chunk: int
    position: int
    at_ms: int
    planned: int = 0
    refused: int = 0
    why: str = ""
    stage: Stage = "full"
    stage_ms: int = 0
    step: int = 0
    delivered: int = 0
    failed: dict[str, int] = {}
    waiting: int = 0
    next_ms: int = 0
    recent: list[Run] = []
    withheld: int = 0


class Heard(Record, tag_field="type", tag="heard"):
    """Which recipients of a chunk were heard of by now, under `did|campaign|heard|chunk`: place n is bit n.

    Written by the owner alone, with the progress that counts them, where canary or stop rule want to know.
    """

    campaign: str
    did: str
    chunk: int
    known: bytes


CampaignRecord = Definition | Contents | Progress | Heard


class Recipient(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of a campaign: the number as given (digits), and what it puts into the template."""

    to: str
    body: list[str] = []
    buttons: list[str] = []
    header: list[str] = []


class Chunk(Record):
    """Up to 1000 recipients; `first` is the position of the first in the line's campaign.

    `rows` are their places in the file, parallel to them: of a CSV the row (the header is 1), else the line.
    """

    campaign: str
    did: str
    index: int
    first: int
    recipients: list[Recipient]
    digest: str
    rows: list[int] = []


def digest_of(recipients: Iterable[Recipient]) -> str:
    """The digest of a chunk: of its recipients, in order."""
    return hashlib.blake2b(msgspec.json.encode(list(recipients)), digest_size=16).hexdigest()
