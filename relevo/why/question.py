"""What is asked: the id of an event or of a message, or the place of a record. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from schemas import topics

_PLACE = re.compile(r"(?P<topic>[a-z][a-z0-9._-]*?)[-:](?P<partition>\d+)[-:](?P<offset>\d+)(?:\.\d+)?", re.ASCII)
DERIVED = (".handed_off", ".opted_out", ".opted_in")


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class Question(NamedTuple):
    """`id` is the event's or message's; `place` is given when it is a record's, which says itself what it holds."""

    id: str
    place: Place | None = None

    @classmethod
    def of(cls, text: str) -> Question:
        """An event that conversations derives of another (`….handed_off`) is told with that one."""
        wanted = text.strip()
        for ending in DERIVED:
            wanted = wanted.removesuffix(ending)
        match = _PLACE.fullmatch(wanted)
        if match is None or not _is_ours(match["topic"]):
            return cls(wanted)
        return cls(wanted, Place(match["topic"], int(match["partition"]), int(match["offset"])))


def _is_ours(topic: str) -> bool:
    return topic in topics.catalogue() or topic.startswith("agents.")
