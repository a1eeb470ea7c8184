"""Orders by which sending is paused and resumed, as records to be written. Pure.

A pause of everybody or of a tenant is a record of `pauses` that stands until its tombstone; one of a line, and lifting
what WhatsApp stopped, are orders on `lines.commands`. Leaves to its user to write them and to wait until the owners
have acknowledged them in `lines.state` (`docs/egress.md`, "Pauses").
"""

from __future__ import annotations

from typing import Literal

from runtime.kafka.record import Record
from runtime.pauses import tenant_key
from schemas import ids, keys, topics
from schemas.headers import Headers
from schemas.line_command import ControlLine, LineCommand, ResumeTemplate
from schemas.pause import ALL, Pause
from schemas.record import encode


def pause(*, by: str, now_ms: int, tenant: str = "", why: str = "") -> Record:
    """Sending stands still for a tenant, or for everybody."""
    record = Pause(scope="tenant" if tenant else "all", since_ms=now_ms, by=by, tenant=tenant, why=why)
    return _standing(record.key, encode(record), tenant, now_ms)


def resume(*, now_ms: int, tenant: str = "") -> Record:
    """A tenant, or everybody, may send again; pauses of the others, and of lines, stand."""
    return _standing(tenant_key(tenant) if tenant else ALL, None, tenant, now_ms)


def control_line(
    did: str, action: Literal["pause", "resume"], *, partitions: int, by: str, now_ms: int, why: str = ""
) -> Record:
    """A line is paused, or resumed whatever stopped it; templates that WhatsApp stopped on it stay stopped."""
    return _order(ControlLine(id=_id(did, now_ms), did=did, at_ms=now_ms, by=by, action=action, why=why), partitions)


def resume_template(did: str, name: str, language: str, *, partitions: int, by: str, now_ms: int) -> Record:
    """A template that WhatsApp stopped may go again on a line. Its campaigns stay paused until they are resumed."""
    order = ResumeTemplate(id=_id(did, now_ms), did=did, at_ms=now_ms, by=by, name=name, language=language)
    return _order(order, partitions)


def _id(did: str, now_ms: int) -> str:
    return ids.digest("line", did, str(now_ms))


def _order(order: LineCommand, partitions: int) -> Record:
    headers = Headers(id=order.id, type="command", tenant="", at_ms=order.at_ms).to_kafka()
    partition = keys.partition(order.did, partitions)
    return Record(topics.LINES_COMMANDS.name, encode(order), order.did.encode(), headers, partition)


def _standing(key: str, value: bytes | None, tenant: str, now_ms: int) -> Record:
    headers = Headers(id=key, type="pause", tenant=tenant, at_ms=now_ms).to_kafka()
    return Record(topics.PAUSES.name, value, key.encode(), headers, partition=0)
