"""The tokens of the accounts, as the lease writes them, and how a process asks for newer ones.

Promises: whoever needs a token waits for one within a bound; however many callers saw a generation refused, the
process asks for its renewal once (again only after `AGAIN_S` without an answer); the old token stays in use until it
dies. A token opens only for the address that it was obtained from, so that two tenants who name the same user at
different addresses never get each other's. Leaves to `egress.chattigo.feed`: Kafka.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol

from egress.chattigo.breaker import Seen
from runtime import logs, metrics
from runtime.clock import now_ms as wall_ms
from runtime.kafka.record import Backpressure, DeliveryError
from runtime.secrets import DecryptionError, KeyRing
from schemas.record import RecordError, decode
from schemas.tenant import Account
from schemas.token import Token, TokenRequest, attempt_of

AGAIN_S = 15.0
RETRY_S = 1.0

_log = logs.get(__name__)

Ask = Callable[[TokenRequest], Awaitable[None]]


class Message(Protocol):
    """What is read of a record of `tokens`."""

    def key(self) -> bytes | str | None: ...
    def value(self) -> bytes | str | None: ...


class NoToken(Exception):
    """No usable token came in time; the text says for whom and why."""


class HeldToken(NamedTuple):
    """A token in clear; never log it."""

    account: str
    generation: int
    text: str
    obtained_ms: int
    dies_ms: int

    @property
    def seen(self) -> Seen:
        return Seen(self.generation, self.obtained_ms)


def token_context(account: Account) -> str:
    """What an encrypted token is bound to: the account's key and the address that gave it."""
    return f"tokens/{account.key}@{account.base.rstrip('/')}"


class Tokens:
    """Use it on one event loop. `ask` writes a request to `tokens.requests`."""

    def __init__(self, ring: KeyRing, ask: Ask, *, now_ms: Callable[[], int] = wall_ms) -> None:
        self._ring = ring
        self._ask = ask
        self._now_ms = now_ms
        self._tokens: dict[str, Token] = {}
        self._opened: dict[tuple[str, str], HeldToken | None] = {}
        self._asked: dict[str, tuple[int, int]] = {}
        self._changed = asyncio.Event()

    def apply(self, messages: Iterable[Message]) -> None:
        """Takes records in the order of the topic; the last one of an account counts."""
        for message in messages:
            self._take(message)
        self._opened.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    async def get(self, account: Account, within_s: float) -> HeldToken:
        """The account's token, asking for one if there is none that lives. Raises NoToken."""
        return await self._wait(account, 0, "there is no token", within_s)

    async def renew(self, account: Account, generation: int, within_s: float) -> HeldToken:
        """A token newer than this generation, which Chattigo refused. Raises NoToken."""
        return await self._wait(account, generation, "refused with 401", within_s)

    async def _wait(self, account: Account, after: int, why: str, within_s: float) -> HeldToken:
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while True:
            changed = self._changed
            held = self._held(account)
            if held and held.generation > after and held.dies_ms > self._now_ms():
                return held
            left = end - loop.time()
            if left <= 0:
                raise NoToken(f"{account.key}: {why}, and no new one came within {within_s:.1f} s")
            again = await self._request(account.key, max(after, self._dead(account.key)), why)
            await _either(changed, min(left, again))

    def _dead(self, key: str) -> int:
        """The generation of a token that has died; 0 while it lives.

        One that lives but does not open here (another tenant's address, an older key ring) is no reason for a login:
        the lease sees for itself whether it opens there.
        """
        known = self._tokens.get(key)
        return known.generation if known is not None and known.dies_ms <= self._now_ms() else 0

    async def _request(self, key: str, generation: int, why: str) -> float:
        """Asks unless that was done lately; seconds after which to look again."""
        now = self._now_ms()
        asked, at_ms = self._asked.get(key, (-1, 0))
        if asked == generation and 0 <= now - at_ms < AGAIN_S * 1000:  # below 0 our clock was set back
            return AGAIN_S
        self._asked[key] = generation, now
        try:
            await self._ask(TokenRequest(account=key, generation=generation, why=why, at_ms=now))
        except (DeliveryError, Backpressure) as error:
            self._asked.pop(key, None)
            _log.warning("a token request was not written", account=key, problem=str(error))
            return RETRY_S
        return AGAIN_S

    def _held(self, account: Account) -> HeldToken | None:
        token = self._tokens.get(account.key)
        if token is None:
            return None
        age_s = max(0.0, (self._now_ms() - token.obtained_ms) / 1000)
        metrics.gauge(metrics.LEASE_TOKEN_AGE).labels(account=account.key).set(age_s)
        place = account.key, account.base
        if place not in self._opened:
            self._opened[place] = self._open(token, account)
        return self._opened[place]

    def _open(self, token: Token, account: Account) -> HeldToken | None:
        try:
            text = self._ring.decrypt(token.token, token_context(account))
        except DecryptionError as error:
            _log.error("a token does not open", account=account.key, generation=token.generation, problem=str(error))
            return None
        return HeldToken(account.key, token.generation, text, token.obtained_ms, token.dies_ms)

    def _take(self, message: Message) -> None:
        raw_key, value = message.key(), message.value()
        key = raw_key.decode("utf-8", "replace") if isinstance(raw_key, bytes) else raw_key or ""
        if attempt_of(key) is not None:
            return  # a login that brought no token is the lease's own affair
        if value is None:
            self._tokens.pop(key, None)
            return
        try:
            token = decode(value.encode() if isinstance(value, str) else value, Token)
        except RecordError as error:
            _log.error("a record of tokens is unreadable", account=key, problem=str(error))
            return
        self._tokens[key] = token


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Until the event or for so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
