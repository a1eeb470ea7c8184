"""Following the topic of campaigns: before the recovery everything counts, afterwards what others write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.incoming import Incoming
from egress.lines.now import Now
from runtime import logs
from schemas import keys, topics
from schemas.campaign import Heard, Progress
from schemas.record import RecordError

if TYPE_CHECKING:
    from egress.lines.partition import Partition

_DECODER = topics.CAMPAIGNS.decoder()
_log = logs.get(__name__)


def follow(partition: Partition, incoming: Incoming, now: Now, *, recovering: bool) -> None:
    """A record. What cannot be read is said; nobody waits for it."""
    if incoming.value is None:
        _forget(partition, incoming, now, recovering=recovering)
        return
    try:
        record = _DECODER.decode(incoming.value)
    except RecordError as error:
        _log.error("unreadable record", topic=incoming.topic, offset=incoming.offset, problem=str(error))
        return
    if recovering or not isinstance(record, Progress | Heard):
        partition.line(record.did, now).campaigns.apply(record)


def _forget(partition: Partition, incoming: Incoming, now: Now, *, recovering: bool) -> None:
    """A tombstone: of a campaign, unless it is the owner's own echo; of who was heard of, which means nothing."""
    parts = (incoming.key or b"").decode("utf-8", "replace").split(keys.SEPARATOR)
    if recovering and len(parts) == 3:
        partition.line(parts[0], now).campaigns.forget(parts[1])
