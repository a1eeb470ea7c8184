"""Captured webhook bodies for the demo: one a file, each with the line that it is delivered to.

Captured messages are old, and a free-form reply to a message older than 24 hours is refused. So when the newest message
is older than that, all times are moved by the same amount, the newest to now; distances stay. Bodies that are no
webhook, and all bodies when nothing has to be moved, stay the bytes that they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from schemas.chattigo import webhook

FRESH_MS = 23 * 3_600_000


class Captured(NamedTuple):
    """One body, and the number of the line whose webhook it goes to."""

    name: str
    did: str
    body: bytes


def read(folder: Path, now_ms: int, usual_did: str, *, retime: bool = True) -> list[Captured]:
    """The folder's files, in the order of their names; a body that names no line goes to `usual_did`.

    ValueError when the folder holds no file.
    """
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    if not files:
        raise ValueError(f"{folder} holds no files")
    values = {name: _json(body) for name, body in files.items()}
    times = [one.at_ms for value in values.values() for one in webhook.arrivals(value)]
    newest = max(times, default=now_ms)
    shift_s = (now_ms - newest) // 1000 if retime and now_ms - newest > FRESH_MS else 0
    return [
        Captured(name, _line(values[name]) or usual_did, _moved(body, values[name], shift_s))
        for name, body in files.items()
    ]


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _line(value: Any) -> str:
    """The first line that a body names and that the simulated Chattigo can have (10 to 15 digits)."""
    return next((piece.did for piece in webhook.pieces(value) if 10 <= len(piece.did) <= 15), "")


def _moved(body: bytes, value: Any, shift_s: int) -> bytes:
    if not shift_s or not webhook.pieces(value):
        return body
    return orjson.dumps(_shifted(value, shift_s))


def _shifted(value: Any, shift_s: int) -> Any:
    """The value with every `timestamp` in seconds moved; texts stay texts."""
    if isinstance(value, list):
        return [_shifted(item, shift_s) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _time(item, shift_s) if name == "timestamp" else _shifted(item, shift_s) for name, item in value.items()
    }


def _time(value: Any, shift_s: int) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 11:
        return str(int(value) + shift_s)
    return value + shift_s if isinstance(value, int) and not isinstance(value, bool) and value < 10**11 else value
