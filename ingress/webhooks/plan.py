"""The plan of a request: which records its body becomes, and what is answered once Kafka has them. Pure.

Promises, for any bytes: it never raises; every piece of a body is in exactly one record; a body that belongs to one
place (one conversation, one line's receipts, or the rejected) goes there with its bytes untouched, any other is
carved into one envelope a place. Leaves to `schemas.chattigo` what a piece is, to `intake` the producing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from ingress.webhooks import json_body, outcomes
from ingress.webhooks.outcomes import Outcome
from runtime.kafka.producer import Record
from runtime.tenants import Grant
from schemas import ids, keys, topics
from schemas.chattigo import webhook
from schemas.chattigo.inbound import Piece
from schemas.headers import Headers

REASON = "reason"
TYPE = "webhook"
KEY_MAX = 256
CARVED_MAX = 64 * 1024 * 1024  # bytes; what stands around the pieces is repeated in each envelope


class Request(NamedTuple):
    """A body that was let in: for whom, when its last byte came, and the trace that it belongs to."""

    body: bytes
    grant: Grant
    at_ms: int
    traceparent: str = ""


class Verdict(NamedTuple):
    """Produce `records` (all or none counts), then answer as `outcome` says.

    `kept` has a reason a rejected record; `fault` is a defect of ours that was met on the way.
    """

    outcome: Outcome
    records: tuple[Record, ...]
    kept: tuple[str, ...] = ()
    fault: Exception | None = None


class _TooWide(Exception):
    """The envelopes of a body would be many times larger than the body."""


class Place(NamedTuple):
    """Where pieces go together. `reason` is set for those that are rejected."""

    topic: str
    key: str = ""
    did: str = ""
    contact: str = ""
    reason: str = ""


def plan_request(request: Request, max_depth: int) -> Verdict:
    """What becomes of a request; `max_depth` is the deepest nesting that is read."""
    try:
        value = json_body.read(request.body, max_depth)
    except json_body.NotJson:
        return keep(request, outcomes.NOT_JSON)
    except json_body.TooDeep:
        return Verdict(outcomes.TOO_DEEP, ())
    if not request.grant.active:
        return keep(request, outcomes.INACTIVE_TENANT)
    try:
        return _plan(request, value)
    except _TooWide:
        return keep(request, outcomes.TOO_WIDE)
    except Exception as fault:  # noqa: BLE001  whatever it is, it must not cost a webhook
        # A retry would meet the same fault, so the bytes are kept for a replay, and the intake tells of it.
        return keep(request, outcomes.PARSER_FAILED)._replace(fault=fault)


def keep(request: Request, outcome: Outcome) -> Verdict:
    """The bytes as they came go to `inbound.rejected`, with the outcome's name as reason."""
    place = Place(topics.INBOUND_REJECTED.name, reason=outcome.name)
    return Verdict(outcome, (_record(request, place, request.body, "", "", ""),), (outcome.name,))


def _plan(request: Request, value: Any) -> Verdict:
    groups: dict[Place, list[Piece]] = {}
    for piece in webhook.pieces(value):
        groups.setdefault(place_of(piece, request.grant.lines), []).append(piece)
    if not groups:
        return keep(request, outcomes.UNKNOWN_SHAPE)
    kept = tuple(place.reason for place in groups if place.reason)
    return Verdict(outcomes.ACCEPTED, tuple(_records(request, value, groups)), kept)


def place_of(piece: Piece, lines: frozenset[str]) -> Place:
    """Where a piece belongs, given the lines that the request's secret stands for."""
    if not piece.did:
        return _rejected("no_line")
    if piece.did not in lines:
        return _rejected("foreign_line")
    try:
        return _keyed(piece)
    except keys.KeyPartError:
        return _rejected("bad_key" if piece.contact else "no_contact")


def _keyed(piece: Piece) -> Place:
    if piece.kind != "message":
        return Place(topics.INBOUND_RECEIPTS.name, keys.join(piece.did), piece.did)
    key = keys.conversation(piece.did, piece.contact)
    if len(key) > KEY_MAX:
        return _rejected("bad_key")
    return Place(topics.INBOUND_CONVERSATIONS.name, key, piece.did, piece.contact)


def _rejected(reason: str) -> Place:
    return Place(topics.INBOUND_REJECTED.name, reason=reason)


def _records(request: Request, value: Any, groups: dict[Place, list[Piece]]) -> Iterable[Record]:
    form = webhook.format_of(value) or ""
    carve = webhook.carver(value)
    count, size = len(groups), 0
    for number, (place, pieces) in enumerate(groups.items(), 1):
        whole = count == 1
        body = request.body if whole else orjson.dumps(carve(pieces))
        size += len(body)
        if size > CARVED_MAX:
            raise _TooWide
        yield _record(request, place, body, pieces[0].id, form, "" if whole else f"{number}/{count}")


def _record(request: Request, place: Place, body: bytes, first_id: str, form: str, part: str) -> Record:
    headers = Headers(
        id=_id(first_id, body),
        type=TYPE,
        tenant=request.grant.tenant,
        at_ms=request.at_ms,
        traceparent=request.traceparent,
        did=place.did,
        contact=place.contact,
        format=form,
        part=part,
    ).to_kafka()
    if place.reason:
        headers.append((REASON, place.reason.encode()))
    return Record(place.topic, body, place.key.encode() or None, tuple(headers))


def _id(first: str, body: bytes) -> str:
    """The provider's id of the first piece; a digest of the body where there is none."""
    return first or ids.digest("body", hashlib.sha256(body).hexdigest())
