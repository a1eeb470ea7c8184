"""Pausing and resuming everybody, a tenant or a line, and the wait until every line concerned says so. Blocks.

Promises: a pause is acknowledged when it stands on the line's `lines.state`; a line that never had an owner is idle,
and holds from its first moment on. Leaves to egress what is still under way when a pause arrives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from relevo.audit.scan import scan_partitions
from relevo.campaigns.refused import SubmitError
from relevo.lines.commands import order_record, write
from relevo.lines.standing import Lines
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from schemas import ids, topics
from schemas.headers import Headers
from schemas.line_command import ControlLine, LineCommand, ResumeTemplate
from schemas.line_state import LineState
from schemas.pause import Pause
from schemas.record import RecordError, encode
from schemas.tenant import Tenant

Action = Literal["pause", "resume"]
POLL_S = 0.3
_PAUSES = topics.PAUSES
_PARTITION = 0  # the topic's only one; librdkafka's mock cluster has more


class Scope(NamedTuple):
    """Everybody (all empty), a tenant, a line, or a template on a line (`name/language`)."""

    tenant: str = ""
    did: str = ""
    template: str = ""

    @property
    def standing(self) -> bool:
        """Whether it is a record that stands on `pauses`, and no order to a line."""
        return not self.did

    @property
    def key(self) -> str:
        """Of its record on `pauses`, if it stands there."""
        return self.pause("", "", 0).key

    def pause(self, why: str, by: str, now_ms: int) -> Pause:
        return Pause(scope="tenant" if self.tenant else "all", since_ms=now_ms, by=by, tenant=self.tenant, why=why)


class Held(NamedTuple):
    """The lines concerned: those that said so, those that never had an owner, and those that did not answer in time."""

    done: list[str]
    idle: list[str]
    silent: list[str]


def concerned(tenants: Mapping[str, Tenant], scope: Scope) -> dict[str, str]:
    """The tenant of each line that the scope means. Raises SubmitError when it means nothing that is configured."""
    if scope.tenant and scope.tenant not in tenants:
        raise SubmitError(f"no tenant {scope.tenant!r}; see: relevo tenants ls")
    found = {
        line.did: tenant.tenant
        for tenant in tenants.values()
        for line in tenant.lines
        if scope.tenant in ("", tenant.tenant) and scope.did in ("", line.did)
    }
    if scope.did and not found:
        raise SubmitError(f"no tenant has line {scope.did!r}; see: relevo tenants ls")
    return found


def order(
    settings: KafkaSettings, scope: Scope, lines: Mapping[str, str], action: Action, why: str, by: str, now_ms: int
) -> None:
    """Writes it: a standing pause or its end, or an order to the line."""
    write(settings, [record(settings, scope, lines, action, why, by, now_ms)])


def record(
    settings: KafkaSettings, scope: Scope, lines: Mapping[str, str], action: Action, why: str, by: str, now_ms: int
) -> Record:
    """A standing pause or its end, or an order to the line, as it is written."""
    if scope.standing:
        pause = scope.pause(why, by, now_ms)
        headers = Headers(id=pause.key, type="pause", tenant=scope.tenant, at_ms=now_ms).to_kafka()
        value = encode(pause) if action == "pause" else None
        return Record(_PAUSES.name, value, pause.key.encode(), headers, _PARTITION)
    name = ids.digest("line-order", scope.did, action, scope.template, str(now_ms))
    given: LineCommand
    if scope.template:
        called, _, language = scope.template.partition("/")
        given = ResumeTemplate(id=name, did=scope.did, at_ms=now_ms, by=by, name=called, language=language)
    else:
        given = ControlLine(id=name, did=scope.did, at_ms=now_ms, by=by, action=action, why=why)
    return order_record(settings, given, lines[scope.did], "template" if scope.template else "line")


def obeyed(scope: Scope, action: Action) -> Callable[[LineState], bool]:
    """Whether a line's state says that it holds, or goes on."""
    if scope.template:
        return lambda state: not any(stop.what == "template" and stop.name == scope.template for stop in state.stops)
    if scope.did and action == "pause":
        return lambda state: state.paused
    if scope.did:
        return lambda state: not state.paused and not any(stop.what == "line" for stop in state.stops)
    key = scope.key
    return lambda state: (key in state.pauses) == (action == "pause")


def wait(settings: KafkaSettings, lines: Mapping[str, str], met: Callable[[LineState], bool], within_s: float) -> Held:
    """How the lines stand once all have answered, or when the time is over."""
    deadline, states = time.monotonic() + within_s, Lines(settings, lines)
    while True:
        held = sort(lines, states.read(), met)
        if not held.silent or time.monotonic() >= deadline:
            return held
        time.sleep(POLL_S)


def sort(lines: Mapping[str, str], states: Mapping[str, LineState], met: Callable[[LineState], bool]) -> Held:
    """The lines by what their states say."""
    held = Held([], [], [])
    for did in lines:
        state = states.get(did)
        (held.idle if state is None else held.done if met(state) else held.silent).append(did)
    return held


def standing_pauses(settings: KafkaSettings) -> dict[str, Pause]:
    """The pauses of everybody and of tenants that stand now, by key."""
    decoder, found = _PAUSES.decoder(), dict[str, Pause]()
    for message in scan_partitions(settings, [(_PAUSES.name, _PARTITION)]):
        key, value = (message.key() or b"").decode("utf-8", "replace"), message.value()
        if value is None:
            found.pop(key, None)
            continue
        try:
            found[key] = decoder.decode(value)
        except RecordError as error:
            # Whoever is not sure holds: so it is told as what it is, a pause.
            found[key] = Pause(scope="all", since_ms=0, by="?", why=f"its record cannot be read: {error}")
    return found
