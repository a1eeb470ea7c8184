"""Records of campaigns: definition, contents and progress on `campaigns`; recipients on `campaigns.chunks`.

Chunks are written first. The contents record, with their offsets, is the commit point: before it the campaign
does not exist, after it the campaign exists whole. Progress is the line's owner's alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.outbound import SendClass
from schemas.record import Record
from schemas.session import Template

CampaignState = Literal["draft", "scheduled", "running", "paused", "finished", "cancelled"]
Part = Literal["definition", "contents", "progress"]

CHUNK_MAX = 1000


class Definition(Record, tag_field="type", tag="definition"):
    """What is sent: the template without its recipients' parameters."""

    campaign: str
    tenant: str
    did: str
    template: Template
    created_ms: int
    send_class: SendClass = msgspec.field(name="class", default="marketing")
    start_ms: int = 0
    expires_ms: int = 0
    name: str = ""


class ChunkRef(msgspec.Struct, frozen=True, array_like=True):
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


class Progress(Record, tag_field="type", tag="progress"):
    """All recipients before `position` of chunk `chunk` were planned or refused; none after."""

    campaign: str
    did: str
    state: CampaignState
    chunk: int
    position: int
    at_ms: int
    planned: int = 0
    refused: int = 0
    why: str = ""


CampaignRecord = Definition | Contents | Progress


class Recipient(msgspec.Struct, frozen=True, array_like=True):
    """One row of a campaign: the number as given (digits), and what it puts into the template."""

    to: str
    body: list[str] = []
    buttons: list[str] = []
    header: list[str] = []


class Chunk(Record):
    """Up to 1000 recipients; `first` is the position of the first in the whole campaign."""

    campaign: str
    did: str
    index: int
    first: int
    recipients: list[Recipient]
    digest: str
