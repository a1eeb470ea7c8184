"""A record that was read, free of any client library."""

from __future__ import annotations

from typing import NamedTuple

from confluent_kafka import Message

from schemas.headers import Headers


class Incoming(NamedTuple):
    """Where it stands and what it holds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @classmethod
    def of(cls, message: Message) -> Incoming:
        """The record of a message without an error."""
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is None or partition is None or offset is None:
            raise ValueError("a message that stands nowhere")
        headers: list[tuple[str, bytes]] = message.headers() or []  # type: ignore[assignment]
        for _, held in headers:
            if held is None:
                headers = [(name, held or b"") for name, held in headers]
                break
        key, value = message.key(), message.value()
        if isinstance(key, str) or isinstance(value, str):
            key, value = _bytes(key), _bytes(value)
        return cls(topic, partition, offset, key, value, headers)

    def _header(self, name: str) -> str:
        found = Headers.from_kafka(self.headers)
        return str(getattr(found, name))

    @property
    def did(self) -> str:
        return self._header("did") or (self.key or b"").decode("utf-8", "replace")

    @property
    def kind(self) -> str:
        return next((value.decode("utf-8", "replace") for name, value in self.headers if name == "type"), "")

    @property
    def replay(self) -> str:
        """The run that put the record back; empty for one that comes for the first time."""
        return self.cause()[1]

    @property
    def tenant(self) -> str:
        return self._header("tenant") or "unknown"

    @property
    def at_ms(self) -> int:
        return self.cause()[0]

    def cause(self) -> tuple[int, str]:
        """When its cause was received, and the run that put it back: `at_ms` and `replay` in one look."""
        found = dict(self.headers)
        at, replay = found.get("at", b""), found.get("replay", b"")
        return int(at) if at.isdigit() else 0, replay.decode("utf-8", "replace") if replay else ""


def _bytes(data: bytes | str | None) -> bytes | None:
    return data.encode() if isinstance(data, str) else data
