"""Where facts are kept until they are joined: in memory for a few, on disk for any number.

A fact lies in the bucket of its id's hash, so a bucket has all that is known of its ids, and one bucket at a time is
in memory. Promises: a `Disk` holds `BUFFER` bytes of facts at most until it is drained, and a bucket that has grown
beyond `SPLIT` is cut by another hash before it is read. Its files are in a folder of its own, which `close` removes.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from zlib import crc32

import msgspec

from relevo.audit.facts import AnyFact, Fact

BUCKETS = 64
BUFFER = 16 * 1024 * 1024
SPLIT = 4 * 1024 * 1024
_DEPTH = 4
_LENGTH = 4

IDS, CALLS, GROUPS, ORDERS, DELIVERIES = "ids", "calls", "groups", "orders", "deliveries"


class Store(Protocol):
    """Takes facts under a stage, and gives them back joined by id."""

    def put(self, stage: str, fact: Fact) -> None:
        """Keep it."""

    def drain(self, stage: str) -> Iterator[list[Fact]]:
        """Buckets, each with all facts of its ids; what was drained is gone."""


class Memory:
    """One bucket."""

    def __init__(self) -> None:
        self._facts: dict[str, list[Fact]] = defaultdict(list)

    def put(self, stage: str, fact: Fact) -> None:
        self._facts[stage].append(fact)

    def drain(self, stage: str) -> Iterator[list[Fact]]:
        yield self._facts.pop(stage, [])


class Disk:
    """Buckets in files. Raises OSError where the disk is full or away."""

    def __init__(self, folder: Path | None = None, *, buffer: int = BUFFER, split: int = SPLIT) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="relevo-audit-", dir=folder)
        self._path = Path(self._folder.name)
        self._buffers: dict[str, bytearray] = defaultdict(bytearray)
        self._names: dict[str, list[str]] = {}
        self._buffered, self._buffer, self._split = 0, buffer, split
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(AnyFact).decode

    def put(self, stage: str, fact: Fact) -> None:
        names = self._names.get(stage) or self._names.setdefault(stage, [f"{stage}.{n}" for n in range(BUCKETS)])
        self._add(names[crc32(fact.id.encode()) % BUCKETS], self._encode(fact))

    def drain(self, stage: str) -> Iterator[list[Fact]]:
        for number in range(BUCKETS):
            yield from self._joined(f"{stage}.{number}", 0)

    def close(self) -> None:
        self._folder.cleanup()

    def _add(self, name: str, data: bytes) -> None:
        buffer = self._buffers[name]
        buffer += len(data).to_bytes(_LENGTH, "little") + data
        self._buffered += len(data) + _LENGTH
        if self._buffered > self._buffer:
            self._flush()

    def _flush(self) -> None:
        for name, buffer in self._buffers.items():
            with (self._path / name).open("ab") as file:
                file.write(buffer)
        self._buffers.clear()
        self._buffered = 0

    def _joined(self, name: str, depth: int) -> Iterator[list[Fact]]:
        path = self._path / name
        if self._size(name) > self._split and depth < _DEPTH:
            self._flush()
            for piece in _pieces(path):
                salt = bytes([depth])
                one = blake2b(self._decode(piece).id.encode(), digest_size=1, key=salt).digest()[0] % 16
                self._add(f"{name}.{one}", piece)
            path.unlink()
            for number in range(16):
                yield from self._joined(f"{name}.{number}", depth + 1)
            return
        data = self._buffers.pop(name, bytearray())
        self._buffered -= len(data)
        found: list[Fact] = [self._decode(one) for one in _pieces(path)] if path.exists() else []
        found += [self._decode(one) for one in _cut(data)]
        path.unlink(missing_ok=True)
        if found:
            yield found

    def _size(self, name: str) -> int:
        path = self._path / name
        return (path.stat().st_size if path.exists() else 0) + len(self._buffers.get(name, b""))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while length := file.read(_LENGTH):
            yield file.read(int.from_bytes(length, "little"))


def _cut(data: bytearray) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "little")
        yield bytes(data[at + _LENGTH : end])
        at = end
