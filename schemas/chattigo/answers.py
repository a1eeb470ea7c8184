"""What the body of an answer to a send says, as far as anything is known of it.

A success may be Meta's object, `{"success": true}`, an empty body or text (Chattigo's facts, 3.4 and 4.1); an error
may be Meta's `error` object, a bare message, or nothing. A "no" must not be missed because of how it is written: in
Latin-1, behind a byte order mark, with half an emoji in it, as text. Nothing here raises.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from schemas.chattigo.results import CODE_MAX, RecipientResult, read_results
from schemas.chattigo.values import obj, objs, text
from schemas.record import Frozen


class Answer(Frozen):
    """`ok` is None where the body says nothing either way; `provider_ids` are wamids, in order; `recipients` is what a
    success says of single recipients."""

    ok: bool | None
    provider_ids: list[str] = []
    code: str = ""
    title: str = ""
    recipients: list[RecipientResult] = []


def read_answer(status: int, body: bytes) -> Answer:
    """The body of an answer with this status."""
    parsed = _json(body)
    said, recipients = obj(parsed), read_results(parsed) if 200 <= status < 300 else []
    error = obj(said.get("error")) or (objs(said.get("errors")) or [{}])[0]
    if said.get("error") or said.get("errors") or status >= 400:
        told = (error.get("message"), error.get("title"), said.get("message"), said.get("error"))
        return Answer(
            ok=False,
            code=_clean(error.get("code"))[:CODE_MAX],
            title=next(filter(None, map(_clean, told)), ""),
            recipients=recipients,
        )
    if _denied(said.get("success")):
        return Answer(ok=False, title=_clean(said.get("message")), recipients=recipients)
    ids = [_clean(message.get("id")) for message in objs(said.get("messages"))]
    ok = True if ids or said.get("success") is True else None
    return Answer(ok=ok, provider_ids=[i for i in ids if i], recipients=recipients)


def _denied(success: Any) -> bool:
    """false, 0, or `"false"` in any case."""
    return success == 0 or (isinstance(success, str) and success.strip().lower() == "false")


def _clean(value: Any) -> str:
    """As text that can be written as UTF-8."""
    return text(value).encode("utf-8", "replace").decode()


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _leniently(body)


def _leniently(body: bytes) -> Any:
    """What is not quite JSON: other bytes than UTF-8, a byte order mark, half a surrogate pair, NaN."""
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
