"""One login, carried out: what holds if it gets lost is put on record, then the POST, then what became of it.

Promises: no login is made that is not on record, nor one whose record is older than `START_S`, so that an owner that
was frozen or deposed meanwhile does not log in late; its token or its failure is written as long as the account can
still be ours, for `WRITE_S`. A transaction of which nobody knows what became, or one refused for good, raises. What is
not written stays as the record says: nobody heard of this login. Leaves to `state.Lease`: whether and when.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from egress.chattigo.tokens import token_context
from egress.lease import report
from egress.lease.breaker import Breaker, Failure
from egress.lease.life import Times, dated, refresh_s, token_life_s
from egress.lease.login import LoggedIn, LoginCaller
from egress.lease.state import Lease, Login, Note
from egress.lease.writer import Writer
from runtime import points
from runtime.clock import Deadline, now_ms
from runtime.kafka.consumer import ConsumerFailed
from runtime.kafka.transactions import TransactionFailed
from runtime.secrets import DecryptionError, KeyRing
from runtime.tenants import Login as Declared
from schemas.tenant import Account
from schemas.token import LoginAttempt, Token

START_S = 5.0
WRITE_S = 15.0
RETRY_S = 0.2


class Renewal:
    """Runs any number of logins side by side; the lease sees to it that an account has one at a time."""

    def __init__(self, lease: Lease, caller: LoginCaller, writer: Writer, ring: KeyRing, times: Times) -> None:
        self._lease, self._caller, self._writer = lease, caller, writer
        self._ring, self._times = ring, times

    async def run(self, login: Login, declared: Declared) -> None:
        """From the intent to the record of what became of it."""
        try:
            if await self._begun(login):
                points.reach("lease_login")
                result = await self._caller.login(declared)
                points.reach("lease_logged_in")
                await self._ended(login, declared, result)
            else:
                report.abandoned(login.account)
        finally:
            self._lease.over(login.account)

    def opens(self, token: Token, account: Account) -> bool:
        """Whether the token can be opened and belongs to the account's address."""
        try:
            self._ring.decrypt(token.token, token_context(account))
        except DecryptionError as error:
            report.closed(token, str(error))
            return False
        return True

    def unsealed(self, account: str, attempt: LoginAttempt) -> LoginAttempt:
        """An attempt from its record; one whose digest does not open is of no declaration that is known."""
        try:
            declared = self._ring.decrypt(attempt.declared, _context(account))
        except DecryptionError:
            declared = ""
        return replace(attempt, declared=declared)

    async def _begun(self, login: Login) -> bool:
        """Whether the login may be made now: it is on record, and has been for a moment only."""
        start = Deadline.after(START_S)

        def write() -> Awaitable[None] | None:
            return self._attempt(self._lease.begun(login, now_ms()))

        def hopeless() -> bool:
            return start.passed() or self._lease.stale(login, now_ms())

        return await self._tried(login.account, write, hopeless) and not start.passed()

    async def _ended(self, login: Login, declared: Declared, result: LoggedIn | Failure) -> None:
        if isinstance(result, Failure):
            await self._failed(login, result)
            return
        token = self._sealed(login, declared, result)
        if await self._written(token):
            self._lease.written(token)
            self._lease.token_seen(token.account, token, usable=self.opens(token, declared.account))
            report.renewed(token)
        else:
            report.lost(token)

    async def _failed(self, login: Login, failure: Failure) -> None:
        at_ms = now_ms()
        breaker = self._lease.login_failed(login, failure, at_ms)
        report.failed(login.account, failure, breaker, at_ms)
        if breaker is None or not await self._noted(login.account, breaker, at_ms):
            report.unrecorded(login.account)

    def _sealed(self, login: Login, declared: Declared, result: LoggedIn) -> Token:
        life_s = token_life_s(result.token, result.body, self._times.life_s)
        renew_s = refresh_s(life_s, self._times, random.random())
        sealed = self._ring.encrypt(result.token, token_context(declared.account))
        return dated(login.account, login.generation, sealed, result.began_ms, life_s, renew_s)

    async def _noted(self, account: str, breaker: Breaker, at_ms: int) -> bool:
        """Whether a failed login is on its topic."""

        def write() -> Awaitable[None] | None:
            return self._attempt(self._lease.note(account, breaker.attempt(at_ms, under_way=False)))

        return await self._tried(account, write, lambda: self._lease.outdated(account, breaker))

    def _attempt(self, note: Note | None) -> Awaitable[None] | None:
        """The write of an attempt, its digest encrypted."""
        if note is None:
            return None
        declared = self._ring.encrypt(note.attempt.declared, _context(note.account))
        return self._writer.attempt(note._replace(attempt=replace(note.attempt, declared=declared)))

    async def _written(self, token: Token) -> bool:
        """Whether the token is on its topic."""

        def write() -> Awaitable[None] | None:
            write = self._lease.write(token)
            return None if write is None else self._writer.token(write)

        return await self._tried(token.account, write, lambda: self._lease.overtaken(token))

    async def _tried(
        self, account: str, write: Callable[[], Awaitable[None] | None], hopeless: Callable[[], bool]
    ) -> bool:
        """Tries to write as long as the account may be, or become again, ours; whether it is written."""
        end = asyncio.get_running_loop().time() + WRITE_S
        while asyncio.get_running_loop().time() < end and not hopeless():
            try:
                if (writing := write()) is not None:
                    await writing
                    return True
            except ConsumerFailed:
                report.unwritten(account, "there is no generation of the group")
            except TransactionFailed as failed:
                if self._writer.fatal:
                    raise
                report.unwritten(account, str(failed))
            await asyncio.sleep(RETRY_S)
        return False


def _context(account: str) -> str:
    """What an encrypted digest is bound to."""
    return f"logins/{account}"
