"""A record's bytes and headers as a person may see them without having asked for what people wrote. Pure.

Promises: of JSON its shape, with every value hidden but a few words that say what kind of thing it is; of anything
else only that. Numbers of people are masked in headers and keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from runtime.logs.redaction import redact_text

CHARACTERS = 4000
_KINDS = frozenset(
    {"type", "object", "field", "messaging_product", "status", "chatType", "channel", "send_class", "language", "kind"}
)
_KIND_MAX = 40
_HIDDEN_HEADERS = frozenset({"contact"})


def preview(value: bytes) -> str:
    """The shape of the bytes, at most about `CHARACTERS` long."""
    try:
        shape = _shape(msgspec.json.decode(value), "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "not JSON; --text shows it decoded, --raw writes the bytes"
    text = msgspec.json.format(msgspec.json.encode(shape), indent=1).decode()
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + "\n…"


def readable(value: bytes) -> str:
    """The bytes decoded; JSON is indented. What is no UTF-8 is shown as it can be."""
    try:
        return msgspec.json.format(value, indent=1).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value.decode("utf-8", "backslashreplace")


def headers(pairs: Iterable[tuple[str, bytes]], *, clear: bool) -> list[tuple[str, str]]:
    """Names and values; masked unless `clear`."""
    return [(name, shown(value, clear=clear, hidden=name in _HIDDEN_HEADERS)) for name, value in pairs]


def shown(value: bytes, *, clear: bool, hidden: bool = False) -> str:
    """A short text of ours, such as a key."""
    text = value.decode("utf-8", "backslashreplace")
    if clear:
        return text
    return f"<{len(text)} characters>" if hidden else redact_text(text)


def _shape(value: Any, name: str) -> Any:
    match value:
        case dict():
            return {redact_text(str(key)): _shape(one, str(key)) for key, one in value.items()}
        case list():
            return [_shape(one, name) for one in value]
        case str():
            known = name in _KINDS and len(value) <= _KIND_MAX and redact_text(value) == value
            return value if known else f"<{len(value)} characters>"
        case bool() | None:
            return value
        case _:
            return "<number>"
