"""The holder: carries out what `state.Lease` decides, for the partitions that the group gives it.

Promises: logins run side by side, one an account; a login's token is written as long as its account can still be
ours, for `WRITE_S`; before partitions are let go, logins under way get `REVOKE_S` to be written by this owner. A
transaction of which nobody knows what became, or one refused for good, raises from `drive` and ends the process.
Leaves to `service`: the parts it is given, and their life.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import NamedTuple

from egress.chattigo.tokens import token_context
from egress.lease import report
from egress.lease.accounts import Book
from egress.lease.breaker import Failure
from egress.lease.life import Times, dated, refresh_s, token_life_s
from egress.lease.login import LoggedIn, LoginCaller
from egress.lease.state import Lease, Login
from egress.lease.writer import Writer
from runtime import logs, points
from runtime.clock import now_ms
from runtime.kafka.consumer import Batch, ConsumerFailed
from runtime.kafka.transactions import TransactionFailed
from runtime.secrets import DecryptionError, KeyRing
from runtime.tenants import Login as Declared
from runtime.tenants import Snapshot
from schemas.record import RecordError, decode
from schemas.token import Token, TokenRequest

TICK_S = 1.0
WRITE_S = 15.0
RETRY_S = 0.2
REVOKE_S = 12.0

_log = logs.get(__name__)


class Recovered(NamedTuple):
    """A partition as a new owner finds it: where its requests are read on, and its tokens."""

    partition: int
    position: int
    tokens: dict[str, Token | None]


class Holder:
    """Call it on one event loop."""

    def __init__(self, lease: Lease, caller: LoginCaller, writer: Writer, ring: KeyRing, times: Times) -> None:
        self._lease, self._caller, self._writer = lease, caller, writer
        self._ring, self._times = ring, times
        self._book = Book({}, ())
        self._logins: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._news = asyncio.Event()

    def declare(self, snapshot: Snapshot) -> None:
        """The tenants as they are now."""
        book = Book.of(snapshot)
        report.disputed(set(book.conflicts) - set(self._book.conflicts))
        self._book = book
        self._lease.declare(book.digests())
        for account in self._lease.accounts():
            self._lease.token_seen(account.key, account.token, usable=self._opens(account.key, account.token))
        self._news.set()

    def assigned(self, found: list[Recovered]) -> None:
        """These partitions are ours, and this is what stands in them."""
        for partition, position, tokens in found:
            self._lease.assigned(partition, position)
            self._writer.assigned(partition, position)
            for key, token in tokens.items():
                self._lease.token_seen(key, token, usable=self._opens(key, token))
            self._lease.recovered(partition)
        self._news.set()

    async def revoked(self, partitions: list[int]) -> None:
        """The partitions will be another's; what is under way may still be written."""
        under_way = {task for task in self._logins if not task.done()}
        if under_way:
            await asyncio.wait(under_way, timeout=REVOKE_S)
        await self.lost(partitions)

    async def lost(self, partitions: list[int]) -> None:
        """The partitions are another's."""
        report.forget(account for account in self._lease.accounts() if account.partition in partitions)
        self._lease.revoked(partitions)

    def take(self, batch: Batch) -> None:
        """Requests, in the order of their partitions."""
        for message in batch.messages:
            partition, offset = message.partition() or 0, message.offset() or 0
            if partition not in self._lease.owned():
                continue
            value = message.value()
            try:
                request = decode(value.encode() if isinstance(value, str) else value, TokenRequest)
            except RecordError as error:
                self._lease.skip(partition, offset)
                self._writer.bury(message, str(error))
                report.request("undecodable", "")
                continue
            outcome = self._lease.request(partition, offset, request.account, request.generation)
            report.request(outcome, request.account)
        self._news.set()

    async def drive(self, stopping: asyncio.Event) -> None:
        """Starts logins when they are due and commits offsets, until told to stop. Raises what broke."""
        while not stopping.is_set():
            self._news.clear()
            for login in self._lease.due(now_ms()):
                self._start(login)
            await self._commit_offsets()
            report.state(self._lease.accounts(), now_ms())
            self._check()
            await self._rest()
        self._check()

    def positions(self) -> dict[int, int]:
        """The offset up to which the requests of each owned partition are answered."""
        return {partition: self._lease.committable(partition) for partition in self._lease.owned()}

    async def _rest(self) -> None:
        due_ms = self._lease.next_due_ms()
        wait_s = TICK_S if due_ms is None else min(TICK_S, max(0.0, (due_ms - now_ms()) / 1000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._news.wait()

    async def _commit_offsets(self) -> None:
        try:
            await self._writer.offsets(self.positions())
        except ConsumerFailed:
            return  # no generation at the moment: the next owner reads these requests again
        except TransactionFailed as failed:
            if self._writer.fatal:
                raise
            _log.warning("offsets of requests are not committed yet", problem=str(failed))

    def _start(self, login: Login) -> None:
        declared = self._book.logins[login.account]
        task = asyncio.create_task(self._log_in(login, declared), name=f"login {login.account}")
        self._logins.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._logins.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
        self._news.set()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _log_in(self, login: Login, declared: Declared) -> None:
        points.reach("lease_login")
        result = await self._caller.login(declared)
        points.reach("lease_logged_in")
        if isinstance(result, Failure):
            breaker = self._lease.login_failed(login.account, result, now_ms())
            report.failed(login.account, result, breaker, now_ms())
            return
        token = self._sealed(login, declared, result)
        if await self._written(token):
            self._lease.written(token)
            self._lease.token_seen(token.account, token, usable=self._opens(token.account, token))
            report.renewed(token)
        else:
            self._lease.write_lost(token)
            report.lost(token)

    def _sealed(self, login: Login, declared: Declared, result: LoggedIn) -> Token:
        life_s = token_life_s(result.token, result.body, self._times.life_s)
        renew_s = refresh_s(life_s, self._times, random.random())
        sealed = self._ring.encrypt(result.token, token_context(declared.account))
        return dated(login.account, login.generation, sealed, result.began_ms, life_s, renew_s)

    async def _written(self, token: Token) -> bool:
        """Whether the token is on its topic; tried as long as the account may be, or become again, ours."""
        end = asyncio.get_running_loop().time() + WRITE_S
        while asyncio.get_running_loop().time() < end and not self._lease.overtaken(token):
            write = self._lease.write(token)
            try:
                if write is not None:
                    await self._writer.token(write)
                    return True
            except ConsumerFailed:
                _log.info("a token waits for a generation of the group", account=token.account)
            except TransactionFailed as failed:
                if self._writer.fatal:
                    raise
                _log.warning("a token is not written yet", account=token.account, problem=str(failed))
            await asyncio.sleep(RETRY_S)
        return False

    def _opens(self, key: str, token: Token | None) -> bool:
        declared = self._book.logins.get(key)
        if token is None or declared is None:
            return False
        try:
            self._ring.decrypt(token.token, token_context(declared.account))
        except DecryptionError as error:
            _log.warning("a token does not open here, a new one is needed", account=key, problem=str(error))
            return False
        return True
