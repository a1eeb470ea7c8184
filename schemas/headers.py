"""Headers that every record of ours carries, and those that `inbound.*` adds.

Kafka's headers are a list of name and bytes; here they are read into a Struct and written from one, so that the
names stand in one place. Unknown headers (a tracer's, say) are ignored when read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from schemas.record import Frozen

PASSED_ON = frozenset(("tenant", "at", "traceparent", "replay", "did", "contact"))
"""What a record's headers share with those of the record that caused it."""

KafkaHeaders = Sequence[tuple[str, bytes]]

ALIAS, ALIAS_ADDRESS, ALIAS_SOURCE = "alias", "alias_address", "alias_source"
"""Beside those of every record, on one that came by way of an alias: its contact there, the address of the person as
far as the alias knew it, and where the record stood first (`topic-partition-offset`)."""


class Headers(Frozen):
    """`at_ms` is when the record's cause was received; `part` is `2/3` when a POST was carved in three."""

    id: str
    type: str
    tenant: str
    at_ms: int
    traceparent: str = ""
    replay: str = ""
    did: str = ""
    contact: str = ""
    format: str = ""
    part: str = ""

    def to_kafka(self) -> list[tuple[str, bytes]]:
        """The headers as confluent-kafka takes them; empty ones are left out."""
        pairs = (
            ("id", self.id),
            ("type", self.type),
            ("tenant", self.tenant),
            ("at", str(self.at_ms)),
            ("traceparent", self.traceparent),
            ("replay", self.replay),
            ("did", self.did),
            ("contact", self.contact),
            ("format", self.format),
            ("part", self.part),
        )
        return [(name, value.encode()) for name, value in pairs if value]

    @classmethod
    def from_kafka(cls, headers: Iterable[tuple[str, bytes | None]] | None) -> Headers:
        """The headers of a record that was read; missing ones are empty, `at_ms` then 0."""
        found: dict[str, Any] = {"id": "", "type": "", "tenant": ""}
        at = ""
        for name, value in headers or ():
            if value and name in _READ:
                text = value.decode("utf-8", "replace")
                if name == "at":
                    at = text
                else:
                    found[name] = text
        return cls(at_ms=int(at) if at.isascii() and at.isdigit() else 0, **found)


_READ = frozenset(("id", "type", "tenant", "at", "traceparent", "replay", "did", "contact", "format", "part"))
