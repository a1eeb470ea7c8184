"""Effects: what handling some records causes. They reach Kafka together, in one transaction, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.kafka.record import Record

NO_WRITES: Mapping[bytes, bytes | None] = {}


class EffectsTooLarge(ValueError):
    """An output or a write is larger than a Kafka message may be; nothing of the effects was taken."""


@dataclass(slots=True)
class Effects:
    """`outputs` in the order in which they are to be written; `writes` to the table, None removes the key."""

    outputs: list[Record] = field(default_factory=list)
    writes: dict[bytes, bytes | None] = field(default_factory=dict)

    def check(self, limit: int) -> None:
        """Raises `EffectsTooLarge` if any record would exceed `limit` bytes."""
        for output in self.outputs:
            if len(output.value or b"") + len(output.key or b"") > limit:
                raise EffectsTooLarge(f"an output to {output.topic} is larger than {limit} bytes")
        for key, value in self.writes.items():
            if len(value or b"") + len(key) > limit:
                raise EffectsTooLarge(f"a write to the table is larger than {limit} bytes")
