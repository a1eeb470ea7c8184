"""One login: the POST, and what its answer means. Never raises for the network; nothing secret is in a `Failure`."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.json import encode

from egress.chattigo.answers import HttpAnswer
from egress.chattigo.failures import WireFailure
from egress.chattigo.paths import LOGIN, url
from egress.chattigo.wire import Wire
from egress.lease.breaker import Failure, FailureKind
from runtime.clock import now_ms
from runtime.http.retry_after import retry_after_s
from runtime.secrets import DecryptionError, KeyRing
from runtime.tenants import Login
from schemas.chattigo.login import LoginRefused, login_body, read_token
from schemas.tenant import password_context

THROTTLED = frozenset({423, 429, 503})


class LoggedIn(NamedTuple):
    """A token in clear, the answer that held it, and when the login began (milliseconds since 1970)."""

    token: str
    body: bytes
    began_ms: int


class LoginCaller:
    """Logs in on a connection of its own."""

    def __init__(self, wire: Wire, ring: KeyRing, timeout_s: float) -> None:
        self._wire, self._ring, self._timeout_s = wire, ring, timeout_s

    async def login(self, login: Login) -> LoggedIn | Failure:
        """A token, or why there is none."""
        account = login.account
        try:
            password = self._ring.decrypt(account.password, password_context(login.tenant, login.name))
        except DecryptionError as error:
            return Failure("credentials", f"the stored password does not open: {error}")
        body = encode(login_body(account.username, password))
        began_ms = now_ms()
        answer = await self._wire.post(url(account, LOGIN), body, {}, timeout_s=self._timeout_s, fresh=True)
        if isinstance(answer, HttpAnswer):
            return read(answer, began_ms)
        return failed(answer)


def failed(failure: WireFailure) -> Failure:
    """No whole answer: there may be a token that nobody saw, unless nothing was sent."""
    return Failure("unclear" if failure.sent else "unreachable", f"{failure.code}: {failure.reason}", failure.status)


def read(answer: HttpAnswer, began_ms: int) -> LoggedIn | Failure:
    """What a whole answer means."""
    try:
        token = read_token(answer.status, answer.body)
    except LoginRefused as error:
        wait_s = retry_after_s(answer.retry_after, now_ms())
        return Failure(_kind(answer.status, error), str(error), answer.status, wait_s)
    return LoggedIn(token, answer.body, began_ms)


def _kind(status: int, error: LoginRefused) -> FailureKind:
    if error.wrong_credentials:
        return "credentials"
    if 200 <= status < 300 or status in (502, 504):
        return "unclear"
    return "throttled" if status in THROTTLED else "failed"
