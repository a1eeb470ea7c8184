"""Recipients in chunks of up to 1000, dealt out over a campaign's lines by their rates. Pure.

Promises: each recipient is in exactly one chunk, in the file's order on its line; at any moment no line has more than
its share and one run; a chunk is whole calls of its line, and fits into a record. Leaves to `submit` where chunks go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from relevo.campaigns.intake import Taken
from schemas.campaign import CHUNK_MAX, Chunk, Recipient, digest_of
from schemas.tenant import Line

BYTES_MAX = 3 * 1024 * 1024
_ROW_BYTES = 64


class Share(NamedTuple):
    """A line of a campaign: messages a second, and recipients a call."""

    did: str
    rate: float
    run: int

    @classmethod
    def of(cls, line: Line) -> Share:
        return cls(line.did, line.rate, max(1, min(CHUNK_MAX, line.batch_max)))


def digest(recipients: Iterable[Recipient]) -> str:
    """A digest of the recipients, in order."""
    return digest_of(recipients)


def whole(digests: Iterable[str]) -> str:
    """The digest of a line's campaign: of its chunks' digests, in order."""
    return hashlib.blake2b("\n".join(digests).encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class _Hand:
    """What one line has been dealt."""

    share: Share
    dealt: int = 0
    flushed: int = 0
    calls: int = 0
    chunks: int = 0
    size: int = 0
    rows: list[int] = field(default_factory=list)
    recipients: list[Recipient] = field(default_factory=list)

    @property
    def full(self) -> bool:
        run = self.share.run
        return len(self.recipients) >= CHUNK_MAX // run * run or self.size >= BYTES_MAX


class Dealer:
    """Deals recipients out, a run at a time to the line that would be through with it first."""

    def __init__(self, campaign: str, shares: Iterable[Share]) -> None:
        self._campaign = campaign
        self._hands = [_Hand(share) for share in shares]
        self._turn, self._left = self._hands[0], 0

    def deal(self, taken: Iterable[Taken]) -> Iterator[Chunk]:
        """All chunks, each as soon as it is full."""
        for one in taken:
            if not self._left:
                self._turn = min(self._hands, key=lambda hand: (hand.dealt + hand.share.run) / hand.share.rate)
                self._left = self._turn.share.run
            hand = self._turn
            self._left -= 1
            hand.dealt += 1
            hand.rows.append(one.place)
            hand.recipients.append(one.recipient)
            hand.size += _size(one.recipient)
            if hand.full:
                yield self._flush(hand)
        for hand in self._hands:
            if hand.recipients:
                yield self._flush(hand)

    @property
    def dealt(self) -> dict[str, int]:
        """Recipients by line."""
        return {hand.share.did: hand.dealt for hand in self._hands}

    @property
    def calls(self) -> dict[str, int]:
        """Calls by line, where nothing interrupts."""
        return {hand.share.did: hand.calls for hand in self._hands}

    def _flush(self, hand: _Hand) -> Chunk:
        chunk = Chunk(
            campaign=self._campaign,
            did=hand.share.did,
            index=hand.chunks,
            first=hand.flushed,
            recipients=hand.recipients,
            digest=digest(hand.recipients),
            rows=hand.rows,
        )
        hand.chunks += 1
        hand.flushed += len(hand.recipients)
        hand.calls += -(-len(hand.recipients) // hand.share.run)
        hand.recipients, hand.rows, hand.size = [], [], 0
        return chunk


def _size(recipient: Recipient) -> int:
    """At most so many bytes: a character has up to four, or two where it is escaped."""
    texts = (*recipient.body, *recipient.buttons, *recipient.header)
    return _ROW_BYTES + sum(2 * len(text) if text.isascii() else 4 * len(text) for text in texts)
