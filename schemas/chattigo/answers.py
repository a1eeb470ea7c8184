"""What the body of an answer to a send says, as far as anything is known of it.

A success may be Meta's object, `{"success": true}`, an empty body or text (Chattigo's facts, 3.4 and 4.1); an error
may be Meta's `error` object, a bare message, or nothing. Nothing here raises.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.chattigo.values import obj, objs, text
from schemas.record import Frozen


class Answer(Frozen):
    """`ok` is None where the body says nothing either way; `provider_ids` are wamids, in order."""

    ok: bool | None
    provider_ids: list[str] = []
    code: str = ""
    title: str = ""


def read_answer(status: int, body: bytes) -> Answer:
    """The body of an answer with this status."""
    said = _json(body)
    error = obj(said.get("error")) or (objs(said.get("errors")) or [{}])[0]
    if error or status >= 400:
        title = text(error.get("message")) or text(error.get("title")) or text(said.get("message"))
        return Answer(ok=False, code=text(error.get("code")), title=title)
    if said.get("success") is False:
        return Answer(ok=False, title=text(said.get("message")))
    ids = [text(message.get("id")) for message in objs(said.get("messages"))]
    return Answer(ok=True if ids or said.get("success") is True else None, provider_ids=[i for i in ids if i])


def _json(body: bytes) -> dict[str, Any]:
    try:
        return obj(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError):
        return {}
