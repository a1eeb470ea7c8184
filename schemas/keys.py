"""Keys of records and the partitions they land on.

A partition is murmur2 of the text that a topic is partitioned by, everywhere: the same place where Java's and
Faust's default partitioners, and librdkafka's `murmur2_random`, put a record with that key.
"""

from __future__ import annotations

from functools import lru_cache

SEPARATOR = "|"

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


class KeyPartError(ValueError):
    """A part of a key that is empty or holds the separator; such a record could not be found again."""


def join(*parts: str) -> str:
    """Parts of a key as one text: `join("569", "57") == "569|57"`."""
    for part in parts:
        if not part or SEPARATOR in part:
            raise KeyPartError(f"a key part must not be empty nor hold {SEPARATOR!r}: {part!r}")
    return SEPARATOR.join(parts)


def split(key: str | bytes, count: int) -> tuple[str, ...]:
    """The parts of a key that must have exactly `count` of them."""
    text = key.decode() if isinstance(key, bytes) else key
    parts = tuple(text.split(SEPARATOR))
    if len(parts) != count or not all(parts):
        raise KeyPartError(f"expected {count} parts, got {text!r}")
    return parts


def conversation(did: str, contact: str) -> str:
    """The key of a conversation: one business number and one person."""
    return join(did, contact)


@lru_cache(10_000)
def account(service: str, username: str) -> str:
    """The key of a login: tokens of one Chattigo service say nothing about another's."""
    return join(service, username)


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of a key, as an unsigned integer."""
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = (k * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    rest = data[whole:]
    if rest:
        h = ((h ^ int.from_bytes(rest, "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition(text: str | bytes, count: int) -> int:
    """The partition, 0 to count - 1, of a record partitioned by `text`."""
    data = text.encode() if isinstance(text, str) else text
    return (murmur2(data) & 0x7FFFFFFF) % count
