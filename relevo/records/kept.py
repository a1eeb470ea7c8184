"""What outlives a version: every record of every topic, states and memories on changelogs, and what headers say.

Each thing has a type, what writes it, and what reads it, as the services do. A thing of a topic begins with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import orjson

from processors.agents import memory
from processors.agents.builtin.menu.place import Place
from processors.agents.deliveries import Delivery
from processors.conversations import state
from relevo.records import bodies
from relevo.records.example import Wire
from schemas import inbound, topics
from schemas.chattigo import webhook
from schemas.chattigo.inbound import Arrival, Receipt
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.parked import Done, Parked
from schemas.record import Decoder, encode

AGENT = "menu"
"""Agents of all types share their records' types; this one stands for them."""

DEAD_LETTER, OWN_HEADERS = "dead letters", "headers"


class Kept(NamedTuple):
    """`decode` reads a value as a given type, where values are no more than that. `fixed` are fields of the examples
    that have more to be than of their type; `bodies` stand for what others write."""

    kind: Any
    write: Callable[[Any], Wire]
    read: Callable[[Wire], Any]
    decode: Callable[[bytes, Any], Any] | None = None
    fixed: Mapping[str, Any] = {}
    bodies: Mapping[str, bytes] = {}


def _json(kind: Any, **fixed: Any) -> Kept:
    return Kept(
        kind, lambda record: Wire(encode(record)), lambda wire: Decoder.of(kind).decode(wire.value), _text, fixed
    )


def _text(value: bytes, kind: Any) -> Any:
    return msgspec.json.decode(value, type=kind)


def _packed(value: bytes, kind: Any) -> Any:
    return msgspec.msgpack.decode(value, type=kind)


def _said(kind: Any) -> Kept:
    """Part of what an agent remembers: it stands there as MessagePack knows it."""
    return Kept(
        kind,
        lambda value: Wire(msgspec.msgpack.encode(value)),
        lambda wire: msgspec.convert(msgspec.msgpack.decode(wire.value or b""), kind),
        _packed,
    )


def _headers(
    kind: Any, write: Callable[[Any], list[tuple[str, bytes]]], read: Callable[[Any], Any], **fixed: Any
) -> Kept:
    return Kept(kind, lambda told: Wire(None, write(told)), lambda wire: read(wire.headers), None, fixed)


def _came(kind: Any, read: Callable[[bytes], Any], examples: Mapping[str, bytes]) -> Kept:
    return Kept(kind, lambda _: Wire(None), lambda wire: read(wire.value or b""), bodies=examples)


_STATE = Kept(
    state.State,
    lambda value: Wire(state.encode(value)),
    lambda wire: state.decode(wire.value),
    _packed,
    {"ring": "", "alias": "", "ids": "AAECAwQF"},
)
_ALIAS = Kept(
    state.State,
    _STATE.write,
    _STATE.read,
    None,
    {one.name: msgspec.to_builtins(one.default) for one in msgspec.structs.fields(state.State)}
    | {
        "offset": 7,
        "touched_ms": 1_764_150_000_000,
        "tenant": "acme",
        "alias": "56922222222",
        "reply_to": "56922222222",
    }
    | {"epoch": 3, "ids": "AAECAwQF"},
)
_MEMORY = Kept(
    memory.Memory,
    lambda value: Wire(memory.encode(value)),
    lambda wire: memory.decode(wire.value),
    _packed,
    {"ring": "AAECAwQFBgc="},
)

BESIDE: Mapping[str, Kept] = {
    "conversations.state": _STATE,
    "conversations.state/alias": _ALIAS,
    f"agents.{AGENT}.state": _MEMORY,
    f"agents.{AGENT}.state/delivery": _said(Delivery),
    f"agents.{AGENT}.state/menu": _said(Place),
    f"agents.{AGENT}/said": _json(inbound.Overheard),
    f"agents.{AGENT}/moved": _json(inbound.MovedTo),
    f"agents.{AGENT}/released": _json(inbound.Released),
    f"agents.{AGENT}/adopt": _json(inbound.Adopt),
    "inbound.conversations/as they came": _came(list[Arrival], webhook.read, bodies.ARRIVALS),
    "inbound.receipts": _came(list[Receipt], lambda body: webhook.receipts(orjson.loads(body)), bodies.RECEIPTS),
    OWN_HEADERS: _headers(Headers, Headers.to_kafka, Headers.from_kafka),
    "outbound.parked/headers": _headers(Parked, lambda told: told.headers([]), Parked.from_headers, key="AAEC"),
    "outbound.parked/done": _headers(Done, lambda told: told.headers(7), Done.from_headers),
    DEAD_LETTER: _headers(Cause, lambda told: told.headers([]), Cause.from_headers),
}
"""What stands beside the values that the catalogue knows."""

AS_IT_CAME = frozenset(("inbound.rejected",))
"""Topics of bodies that nobody reads again but to put them back."""


def things() -> dict[str, Kept]:
    """Everything that is kept, by name."""
    ours = {name: topic for name, topic in topics.catalogue((AGENT,)).items() if topic.value is not None}
    return {name: _json(topic.value) for name, topic in ours.items()} | dict(BESIDE)


def uncovered(names: set[str]) -> list[str]:
    """Topics of the catalogue of which none of these things tells."""
    told = {name.partition("/")[0] for name in names} | AS_IT_CAME
    letters = topics.DEAD_LETTERS if DEAD_LETTER in names else None
    return [
        name for name in topics.catalogue((AGENT,)) if name not in told and not (letters and name.endswith(letters))
    ]
