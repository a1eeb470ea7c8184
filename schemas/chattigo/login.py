"""`POST /login` of all four services (Chattigo's facts, section 1.1)."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.chattigo.values import obj, text


class LoginRefused(Exception):
    """No token came. `wrong_credentials` says that trying again with the same ones cannot help."""

    def __init__(self, status: int, why: str, *, wrong_credentials: bool) -> None:
        super().__init__(f"login answered {status}: {why}")
        self.status = status
        self.wrong_credentials = wrong_credentials


def login_body(username: str, password: str) -> dict[str, Any]:
    """The request's body."""
    return {"username": username, "password": password}


def read_token(status: int, body: bytes) -> str:
    """The JWT of an answer; LoginRefused for everything else, also for a 200 without a token."""
    if status in (400, 401, 403):
        raise LoginRefused(status, "the credentials were refused", wrong_credentials=True)
    if not 200 <= status < 300:
        raise LoginRefused(status, "no token", wrong_credentials=False)
    try:
        token = text(obj(msgspec.json.decode(body)).get("access_token"))
    except (msgspec.DecodeError, ValueError, RecursionError):  # also what is no UTF-8
        token = ""
    if not token:
        raise LoginRefused(status, "the answer holds no access_token", wrong_credentials=False)
    return token
