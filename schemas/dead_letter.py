"""How bytes that could not be processed are kept: the original record, and why, in its headers.

`<topic>.dlq` keeps key, value and headers of the source record; `inbound.rejected` keeps a request's body. The
value is untouched, so that a dead letter can be put back where it came from.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.record import Decoder, Frozen, RecordError, encode

_REASON, _ERROR, _SOURCE, _AT, _BY = "dlq_reason", "dlq_error", "dlq_source", "dlq_at", "dlq_by"
ATTEMPTS = "dlq_attempts"
HEADERS = frozenset((_REASON, _ERROR, _SOURCE, _AT, _BY, ATTEMPTS))
_ERROR_MAX = 2000  # bytes
ATTEMPTS_KEPT = 50


class Attempt(Frozen):
    """One call that was made for a message: its plan, when, what became of it; `run` had put the message back."""

    plan: str
    at_ms: int
    result: str = ""
    status: int = 0
    code: str = ""
    run: str = ""


_DECODER = Decoder.of(list[Attempt])


class Cause(Frozen):
    """`reason` is one of a few words (a metric's label), `error` the whole story without personal data.

    `source` is `topic-partition-offset` of the record; `by` the component that gave up; `attempts` the calls that were
    made for it, oldest first, as JSON in a header.
    """

    reason: str
    error: str
    source: str
    at_ms: int
    by: str = ""
    attempts: list[Attempt] = []

    def headers(self, original: Iterable[tuple[str, bytes | None]] | None) -> list[tuple[str, bytes]]:
        """The original headers and the cause; an earlier cause is replaced."""
        kept = [(name, value or b"") for name, value in original or () if name not in HEADERS]
        fields = (
            (_REASON, self.reason),
            (_ERROR, self.error.encode()[:_ERROR_MAX].decode("utf-8", "ignore")),
            (_SOURCE, self.source),
            (_AT, str(self.at_ms)),
            (_BY, self.by),
        )
        told = [(ATTEMPTS, encode(self.attempts))] if self.attempts else []
        return kept + [(name, value.encode()) for name, value in fields] + told

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]] | None) -> Cause:
        """The cause that a dead letter carries; missing fields are empty, as are attempts that cannot be read."""
        pairs = list(headers or ())
        found = {name: (value or b"").decode("utf-8", "replace") for name, value in pairs}
        at = found.get(_AT, "")
        return cls(
            reason=found.get(_REASON, ""),
            error=found.get(_ERROR, ""),
            source=found.get(_SOURCE, ""),
            at_ms=int(at) if at.isdigit() else 0,
            by=found.get(_BY, ""),
            attempts=_attempts(dict(pairs).get(ATTEMPTS)),
        )


def _attempts(value: bytes | None) -> list[Attempt]:
    try:
        found: list[Attempt] = _DECODER.decode(value) if value else []
    except RecordError:
        return []  # the header itself stays with the letter, where whoever asks for it sees it
    return found


def source(topic: str, partition: int, offset: int) -> str:
    """Where a record stands: `topic-partition-offset`."""
    return f"{topic}-{partition}-{offset}"
