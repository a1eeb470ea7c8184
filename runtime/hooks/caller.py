"""The caller: one attempt of a call, and what became of it.

Promises: `call` takes no longer than its time-out and never raises for what the network or the other side does; it
connects only to addresses that the guard lets pass, follows no redirect, and reads no more than the limit; a service
that failed in a row is not asked for a while; every call is counted by its outcome. Neither path, headers, body nor
secret gets into a log. Leaves to its users: whether to try again, and when.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp
from yarl import URL

from runtime import logs, metrics
from runtime.clock import now_ms
from runtime.hooks.breaker import Breaker, sign_of
from runtime.hooks.call import Answer, Call, Outcome, host_of
from runtime.hooks.headers import FRAMING
from runtime.hooks.signing import SecretError, signed
from runtime.http import AddressRefused, AnswerTooLarge, Guard, check_url, read_limited
from runtime.http.retry_after import retry_after_s

ANSWER_MAX = 262_144
_AGAIN_4XX = frozenset((408, 425))

_log = logs.get(__name__)


class Caller:
    """`session` has the same guard (`runtime.http.client_session`); `use` names the calls in metrics.

    `clock` gives milliseconds since 1970, for signatures; `monotonic` seconds, for circuits.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        guard: Guard,
        breaker: Breaker,
        *,
        use: str,
        answer_max: int = ANSWER_MAX,
        clock: Callable[[], int] = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._guard = guard
        self._breaker = breaker
        self._use = use
        self._answer_max = answer_max
        self._clock = clock
        self._monotonic = monotonic

    async def call(self, call: Call) -> Answer:
        """The answer, whatever becomes of it."""
        started = self._monotonic()
        answer = await self._call(call)
        names = {"use": self._use, "tenant": call.tenant, "outcome": answer.outcome}
        metrics.counter(metrics.HOOK_CALLS).labels(**names).inc()
        if answer.outcome not in ("open", "forbidden", "unsendable"):
            metrics.histogram(metrics.HOOK_SECONDS).labels(use=self._use).observe(self._monotonic() - started)
        return answer

    async def _call(self, call: Call) -> Answer:
        try:
            url = check_url(call.url, self._guard)
        except AddressRefused as error:
            return Answer(outcome="forbidden", why=str(error))
        host = host_of(call.url)
        ticket = self._breaker.begin(call.tenant, host, self._monotonic())
        if isinstance(ticket, float):
            return Answer(outcome="open", retry_after_s=ticket, why=f"{host} failed in a row and is left alone")
        answer: Answer | None = None
        try:
            answer = await self._attempt(call, url)
            return answer
        finally:
            if self._breaker.end(ticket, sign_of(answer), self._monotonic()):
                self._tell(call, host, answer)

    def _tell(self, call: Call, host: str, answer: Answer | None) -> None:
        """The circuit opened or closed by this answer."""
        metrics.gauge(metrics.HOOK_CIRCUITS).labels(use=self._use).set(self._breaker.open)
        outcome, why = (answer.outcome, answer.why) if answer else ("cancelled", "")
        _log.warning("a hook's circuit changed", tenant=call.tenant, host=host, outcome=outcome, why=why)

    async def _attempt(self, call: Call, url: URL) -> Answer:
        if framing := next((name for name in call.headers if name.lower() in FRAMING), ""):
            return Answer(outcome="unsendable", why=f"the header {framing} is set by Relevo")
        try:
            headers = dict(call.headers)
            if call.id:
                headers |= signed(call.secrets, call.id, self._clock() // 1000, call.body)
            async with asyncio.timeout(call.timeout_s):
                return await self._exchange(call, url, headers)
        except TimeoutError:
            return Answer(outcome="timeout", why=f"no whole answer within {call.timeout_s:g} s")
        except AnswerTooLarge as error:
            return Answer(outcome="too_large", why=f"the answer has {error}")
        except AddressRefused as error:
            return Answer(outcome="forbidden", why=str(error))
        except (aiohttp.ClientError, OSError) as error:
            return Answer(outcome="unreachable", why=_story(error))
        except SecretError as error:
            return Answer(outcome="unsendable", why=str(error))
        except ValueError as error:  # UnicodeError is one
            return Answer(outcome="unsendable", why=type(error).__name__)

    async def _exchange(self, call: Call, url: URL, headers: dict[str, str]) -> Answer:
        async with self._session.request(
            call.method,
            url,
            data=call.body or None,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            body = await read_limited(response, self._answer_max)
            return answered(response.status, body, response.headers.get("Retry-After", ""), self._clock())


def answered(status: int, body: bytes, retry_after: str, now_ms: int) -> Answer:
    """What a whole answer means. Pure."""
    wait_s = retry_after_s(retry_after, now_ms) if retry_after else None
    return Answer(
        outcome=_outcome(status, wait_s),
        status=status,
        body=body,
        retry_after_s=wait_s,
        why="" if 200 <= status < 300 else f"answered {status}" + (", a redirect" if 300 <= status < 400 else ""),
    )


def _outcome(status: int, wait_s: float | None) -> Outcome:
    if 200 <= status < 300:
        return "ok"
    if status == 429 or (status == 503 and wait_s is not None):
        return "busy"
    return "error" if status >= 500 or status in _AGAIN_4XX else "refused"


def _story(error: BaseException) -> str:
    """The kind of the failure, and the system's own words where it has some; never the address's path."""
    detail = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {detail}" if detail else type(error).__name__
