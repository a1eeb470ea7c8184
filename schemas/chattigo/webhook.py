"""Any webhook body: which of the two formats it has, and what it says.

Bodies are decoded JSON, except for `read`. A body of a shape that nobody knows has no pieces; no JSON makes them raise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import orjson

from schemas.chattigo import cloud, flat, usual
from schemas.chattigo.inbound import Arrival, Format, Piece, Receipt


def format_of(body: Any) -> Format | None:
    """`cloud`, `flat`, or None for a shape that nobody knows."""
    if cloud.is_cloud(body):
        return "cloud"
    return "flat" if flat.is_flat(body) else None


def pieces(body: Any) -> list[Piece]:
    """Every message, receipt and notice of a body."""
    match format_of(body):
        case "cloud":
            return list(cloud.pieces(body))
        case "flat":
            return list(flat.pieces(body))
        case _:
            return []


def carver(body: Any) -> Callable[[Sequence[Piece]], Any]:
    """Makes new bodies of the same format that hold some of this body's pieces alone."""
    return cloud.Carver(body) if cloud.is_cloud(body) else partial(flat.carve, body)


def arrivals(body: Any) -> list[Arrival]:
    """What happened in conversations, in order."""
    match format_of(body):
        case "cloud":
            return list(cloud.arrivals(body))
        case "flat":
            return list(flat.arrivals(body))
        case _:
            return []


def read(body: bytes) -> list[Arrival]:
    """The arrivals of a body as it came. Raises orjson.JSONDecodeError."""
    found = usual.read(body)
    return arrivals(orjson.loads(body)) if found is None else [found]


def receipts(body: Any) -> list[Receipt]:
    """What became of messages that were sent, in order."""
    match format_of(body):
        case "cloud":
            return list(cloud.receipts(body))
        case "flat":
            return list(flat.receipts(body))
        case _:
            return []
