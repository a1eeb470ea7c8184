"""The base of every record that is ours, and its encoding.

Record values are msgspec JSON. New fields are optional with a default, unknown fields are ignored, and nothing
is renamed or reused, so that both an older and a newer service can read what the other wrote.
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class _FrozenMeta(msgspec.StructMeta):
    """Makes every subclass frozen and keyword-only, for msgspec (which inherits only the former) and type checkers."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any) -> _FrozenMeta:
        config.setdefault("kw_only", True)
        return super().__new__(mcls, name, bases, namespace, **config)


class Frozen(msgspec.Struct, metaclass=_FrozenMeta, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An immutable value with named fields; a field that has its default is left out of the bytes.

    Made of what was there before it, it is never part of a cycle, so the garbage collector need not look at it.
    """


class Record(Frozen):
    """A value on a topic of ours. Times are integer milliseconds since 1970 UTC (`_ms`)."""


class RecordError(ValueError):
    """Bytes that are not a record of the expected type; the message says what and where."""


def encode(record: object) -> bytes:
    """The bytes of a record on its topic."""
    return _encoder.encode(record)


class Decoder(Frozen):
    """Reads the records of one topic; build it once, for decoding is the hot path."""

    decoder: msgspec.json.Decoder[Any]

    @classmethod
    def of(cls, kind: Any) -> Decoder:
        """A decoder for a Struct type or a tagged union of them."""
        return cls(decoder=msgspec.json.Decoder(kind))

    def decode(self, value: bytes | None) -> Any:
        """The record, or RecordError for a tombstone or for bytes of another shape."""
        if value is None:
            raise RecordError("a tombstone stands where a record was expected")
        try:
            return self.decoder.decode(value)
        except msgspec.MsgspecError as error:
            raise RecordError(str(error)) from error


def decode(value: bytes | None, kind: type[T]) -> T:
    """One record of a known type; RecordError when the bytes are of another shape."""
    record: T = Decoder.of(kind).decode(value)
    return record
