"""Effects: what handling some records causes. They reach Kafka together, in one transaction, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.kafka.record import Headers, Record

HEADERS_MAX = 7 * 1024  # what is left for them beside a record of the largest size
NO_WRITES: Mapping[bytes, bytes | None] = {}


class EffectsTooLarge(ValueError):
    """An output or a write is larger than a Kafka message may be; nothing of the effects was taken."""


@dataclass(slots=True)
class Effects:
    """`outputs` in the order in which they are to be written; `writes` to the table, None removes the key."""

    outputs: list[Record] = field(default_factory=list)
    writes: dict[bytes, bytes | None] = field(default_factory=dict)

    def check(self, limit: int) -> None:
        """Raises `EffectsTooLarge` if any record would exceed `limit` bytes, or its headers their room beside it:
        Kafka would refuse the transaction, now and after every restart."""
        checked: Headers | None = None  # the last ones: an agent and its taps are often told with the same
        for topic, value, key, headers, _, _ in self.outputs:
            if len(value or b"") + len(key or b"") > limit:
                raise EffectsTooLarge(f"an output to {topic} is larger than {limit} bytes")
            if headers is checked:
                continue
            if _size(headers) > HEADERS_MAX:
                raise EffectsTooLarge(f"the headers of an output to {topic} take more than {HEADERS_MAX} bytes")
            checked = headers
        for key, value in self.writes.items():
            if len(value or b"") + len(key) > limit:
                raise EffectsTooLarge(f"a write to the table is larger than {limit} bytes")


def _size(headers: Headers) -> int:
    size = 0
    for name, content in headers:  # for every record: a generator or a list would take twice as long
        size += len(name) + len(content)
    return size
