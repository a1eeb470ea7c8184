"""The results of a campaign: one row a recipient, with what became of it. Blocks.

Promises: chunks are read one by one, so that memory holds the fold alone; rows stand by line, in the file's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from relevo.audit.scan import scan_between
from relevo.campaigns.fold import Became
from relevo.campaigns.progress import Progress
from relevo.campaigns.records import OnLine, partition_of
from relevo.campaigns.refused import SubmitError
from runtime.settings import KafkaSettings
from schemas import ids, topics
from schemas.campaign import Chunk

_CHUNKS = topics.CAMPAIGNS_CHUNKS
_DECODER = _CHUNKS.decoder()
COLUMNS = ("row", "number", "line", "state", "code", "reason", "message_id", "at")


class Result(NamedTuple):
    """One recipient: its place in the file (0: unknown), its number, and what became of it."""

    row: int
    number: str
    line: str
    state: str
    code: str
    reason: str
    message_id: str
    at_ms: int


def results(settings: KafkaSettings, progress: Progress) -> Iterator[Result]:
    """All recipients. Raises SubmitError when Kafka keeps their chunks no longer."""
    for line in progress.standing.lines.values():
        yield from _of_line(settings, progress, line)


def _of_line(settings: KafkaSettings, progress: Progress, line: OnLine) -> Iterator[Result]:
    fold, campaign, seen = progress.fold(line), progress.name.campaign, 0
    for chunk in _chunks(settings, line):
        for n, recipient in enumerate(chunk.recipients):
            position = chunk.first + n
            became = fold.became(position)
            yield Result(
                chunk.rows[n] if chunk.rows else 0,
                recipient.to,
                line.did,
                state(became, position, line.started),
                became.code,
                became.reason,
                ids.message_id_of_recipient(line.did, campaign, position),
                became.at_ms,
            )
        seen += len(chunk.recipients)
    if seen != line.total:
        raise SubmitError(
            f"Kafka keeps {seen} of {line.total} recipients of line {line.did}: chunks are kept for 90 days"
        )


def state(became: Became, position: int, started: int) -> str:
    """The state of a recipient; of one without a record, whether the owner has taken it up."""
    return became.state or ("sending" if position < started else "not_started")


def _chunks(settings: KafkaSettings, line: OnLine) -> Iterator[Chunk]:
    refs = line.contents.chunks if line.contents is not None else []
    if not refs:
        return
    place, wanted = (_CHUNKS.name, partition_of(settings, line.did)), {ref.offset for ref in refs}
    for message in scan_between(settings, {place: min(wanted)}, {place: max(wanted) + 1}):
        if message.offset() in wanted:
            yield _DECODER.decode(message.value())
