"""Error answers of our servers: RFC 9457 problem+json."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web


def problem(
    status: int,
    title: str = "",
    detail: str = "",
    *,
    type_: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> web.Response:
    """An answer that says what happened (`title`), to what and what to do (`detail`); `members` are added as they are.

    Without a title the status' own phrase is used. Never put a secret, a text of people or a phone number into it.
    """
    body = {"type": type_, "title": title or HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    return web.Response(
        status=status,
        body=orjson.dumps({**body, **members}),
        content_type="application/problem+json",
        headers=headers,
    )
