"""A record is the same whatever the client library makes of its parts."""

from __future__ import annotations

from typing import Any, cast

import pytest
from confluent_kafka import Message

from egress.lines.incoming import Incoming


class Read:
    """A message as the client hands it out."""

    def __init__(self, **fields: object) -> None:
        known = {"topic": "t", "partition": 0, "offset": 0, "key": None, "value": None, "headers": None}
        self._fields = known | fields

    def __getattr__(self, name: str) -> Any:
        return lambda: self._fields[name]


def incoming(**fields: object) -> Incoming:
    return Incoming.of(cast("Message", Read(**fields)))


def test_a_record_has_the_bytes_that_were_written() -> None:
    found = incoming(topic="t", partition=0, offset=0, key=b"k", value=b"v", headers=[("at", b"1"), ("type", b"x")])
    assert found == Incoming("t", 0, 0, b"k", b"v", [("at", b"1"), ("type", b"x")])


def test_a_header_without_a_value_is_an_empty_one() -> None:
    assert incoming(headers=[("at", b"1"), ("replay", None), ("run", None)]).headers == [
        ("at", b"1"),
        ("replay", b""),
        ("run", b""),
    ]
    assert incoming().headers == []


@pytest.mark.parametrize("fields", [{"key": "ñ"}, {"value": "ñ"}, {"key": "ñ", "value": b"v"}])
def test_text_is_bytes(fields: dict[str, object]) -> None:
    found = incoming(**fields)
    assert found.key == (b"\xc3\xb1" if "key" in fields else None)
    assert found.value == (b"\xc3\xb1" if fields.get("value") == "ñ" else fields.get("value"))


@pytest.mark.parametrize("missing", ["topic", "partition", "offset"])
def test_a_message_that_stands_nowhere_is_none(missing: str) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        incoming(**{missing: None})
