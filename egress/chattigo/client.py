"""The client: one call to Chattigo with the account's token, and what became of it.

Promises: `post` never raises for the network, the server or a missing token, and takes no longer than its time-out,
waits for tokens and the second try included; a 401 asks for one coordinated renewal and is tried once more, unless it
means "not your line". Leaves to the caller: deadlines before the call, what follows from the result, a 500's policy. A
cancelled call is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from egress.chattigo.answers import HttpAnswer, classify
from egress.chattigo.breaker import LineBreaker
from egress.chattigo.failures import classify_failure
from egress.chattigo.paths import url
from egress.chattigo.result import CallResult
from egress.chattigo.tokens import HeldToken, NoToken
from egress.chattigo.wire import Wire
from runtime import logs
from runtime.clock import Deadline, boot_s
from runtime.clock import now_ms as wall_ms
from schemas.tenant import Account

# Parts of a call's time: at most so long for a token, and not less than so much for a second try.
TOKEN_SHARE = 0.5
LEAST_SHARE = 0.25

_log = logs.get(__name__)


class TokenSource(Protocol):
    """What the client needs of `egress.chattigo.tokens.Tokens`."""

    async def get(self, account: Account, within_s: float) -> HeldToken: ...
    async def renew(self, account: Account, generation: int, within_s: float) -> HeldToken: ...


class Client:
    """Calls for many accounts and lines. Seconds in settings and arguments."""

    def __init__(
        self, tokens: TokenSource, wire: Wire, *, young_token_s: float, now_ms: Callable[[], int] = wall_ms
    ) -> None:
        self._tokens = tokens
        self._wire = wire
        self._breaker = LineBreaker(int(young_token_s * 1000))
        self._now_ms = now_ms

    async def start(self) -> None:
        await self._wire.start()

    async def stop(self) -> None:
        """Calls under way fail, in doubt."""
        await self._wire.stop()

    async def post(
        self, account: Account, url_path: str, body: bytes, *, timeout_s: float, fresh_connection: bool, did: str
    ) -> CallResult:
        """POSTs a JSON body for a line. `fresh_connection` for whatever costs money."""
        call = _Call(account, url(account, url_path), body, fresh_connection, did, timeout_s)
        try:
            token = await self._tokens.get(account, timeout_s * TOKEN_SHARE)
        except NoToken as missing:
            return CallResult(kind="not_sent", code="no_token", reason=str(missing))
        shut_s = self._breaker.closed_for_s(account.key, did, token.generation, self._now_ms())
        if shut_s:
            return _not_your_line(shut_s, status=0)
        result = await self._try(call, token)
        return await self._after_401(call, token, result) if result.kind == "unauthorized" else result

    async def _after_401(self, call: _Call, token: HeldToken, first: CallResult) -> CallResult:
        key, did = call.account.key, call.did
        if self._breaker.refused(key, did, token.seen, self._now_ms()) == "not_your_line":
            _log.warning("401 with a token that is alive: not this account's line", account=key, did=did)
            shut_s = self._breaker.closed_for_s(key, did, token.generation, self._now_ms())
            return _not_your_line(shut_s, status=first.status)
        try:
            least_s = call.timeout_s * LEAST_SHARE
            newer = await self._tokens.renew(call.account, token.generation, call.left_s() - least_s)
        except NoToken as missing:
            return replace(first, reason=str(missing))
        second = await self._try(call, newer)
        if second.kind == "unauthorized":
            self._breaker.refused(key, did, newer.seen, self._now_ms())
        return second

    async def _try(self, call: _Call, token: HeldToken) -> CallResult:
        left_s = call.left_s()
        if left_s <= 0:
            return CallResult(kind="not_sent", code="too_late", reason="the time was over before the request")
        headers = {"Authorization": token.text if call.account.auth == "raw" else f"Bearer {token.text}"}
        answer = await self._wire.post(call.url, call.body, headers, timeout_s=left_s, fresh=call.fresh)
        if not isinstance(answer, HttpAnswer):
            return classify_failure(answer)
        now_ms = self._now_ms()
        result = classify(answer, now_ms)
        if result.kind == "accepted" or result.status == 400:
            self._breaker.worked(call.account.key, call.did, token.generation, now_ms)
        return result


class _Call:
    """One call and its time."""

    def __init__(self, account: Account, address: str, body: bytes, fresh: bool, did: str, timeout_s: float) -> None:
        self.account, self.url, self.body = account, address, body
        self.fresh, self.did, self.timeout_s = fresh, did, timeout_s
        self._deadline = Deadline.after(timeout_s)

    def left_s(self) -> float:
        """By the clock that leaves less: a process that slept must not send late."""
        return self._deadline.left_s(wall_ms(), boot_s())


def _not_your_line(shut_s: float, status: int) -> CallResult:
    return CallResult(
        kind="unauthorized",
        status=status,
        code="not_your_line",
        reason="401 with a token that never worked on this line: does the number belong to this account?",
        retry_after_s=shut_s,
    )
