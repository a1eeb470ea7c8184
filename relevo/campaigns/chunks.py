"""Recipients in chunks of up to 1000, each with a digest, so that a campaign is whole or visibly not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

from schemas.campaign import CHUNK_MAX, Chunk, Recipient, digest_of


def digest(recipients: Iterable[Recipient]) -> str:
    """A digest of the recipients, in order."""
    return digest_of(recipients)


def chunked(campaign: str, did: str, recipients: Iterable[Recipient], size: int = CHUNK_MAX) -> Iterator[Chunk]:
    """The campaign's chunks, in order; `first` counts recipients from 0."""
    rest = iter(recipients)
    index = 0
    while group := list(islice(rest, size)):
        yield Chunk(
            campaign=campaign,
            did=did,
            index=index,
            first=index * size,
            recipients=group,
            digest=digest(group),
        )
        index += 1


def whole(digests: Iterable[str]) -> str:
    """The digest of a campaign: of its chunks' digests, in order."""
    return hashlib.blake2b("\n".join(digests).encode(), digest_size=16).hexdigest()
