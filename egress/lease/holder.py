"""The holder: carries out what `state.Lease` decides, for the partitions that the group gives it.

Promises: logins run side by side, one an account; before partitions are let go, logins under way get `REVOKE_S` to be
written by this owner. A transaction of which nobody knows what became, or one refused for good, raises from `drive`
and ends the process. Leaves to `renewal`: each login; to `service`: the parts it is given, and their life.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

from egress.lease import report
from egress.lease.accounts import Book
from egress.lease.recovery import Found
from egress.lease.renewal import Renewal
from egress.lease.state import Lease, Login
from egress.lease.writer import Writer
from runtime import logs
from runtime.clock import now_ms
from runtime.kafka.consumer import Batch, ConsumerFailed
from runtime.kafka.transactions import TransactionFailed
from runtime.secrets import KeyRing
from runtime.tenants import Snapshot
from schemas.record import RecordError, decode
from schemas.token import Token, TokenRequest

TICK_S = 1.0
REVOKE_S = 12.0

_log = logs.get(__name__)


class Recovered(NamedTuple):
    """A partition as a new owner finds it: where its requests are read on, its tokens and logins without one."""

    partition: int
    position: int
    found: Found


class Holder:
    """Call it on one event loop."""

    def __init__(self, lease: Lease, renewal: Renewal, writer: Writer, ring: KeyRing) -> None:
        self._lease, self._renewal, self._writer, self._ring = lease, renewal, writer, ring
        self._book = Book({}, ())
        self._logins: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._news = asyncio.Event()

    def declare(self, snapshot: Snapshot) -> None:
        """The tenants as they are now."""
        book = Book.of(snapshot)
        report.disputed(set(book.conflicts) - set(self._book.conflicts))
        self._book = book
        self._lease.declare(book.digests(self._ring))
        for account in self._lease.accounts():
            self._lease.token_seen(account.key, account.token, usable=self._opens(account.key, account.token))
        self._news.set()

    def assigned(self, found: list[Recovered]) -> None:
        """These partitions are ours, and this is what stands in them."""
        for partition, position, records in found:
            self._lease.assigned(partition, position)
            self._writer.assigned(partition, position)
            for key, token in records.tokens.items():
                self._lease.token_seen(key, token, usable=self._opens(key, token))
            for key, attempt in records.attempts.items():
                breaker = self._lease.attempt_seen(key, self._renewal.unsealed(key, attempt))
                report.taken_over(key, breaker, now_ms())
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
        task = asyncio.create_task(self._renewal.run(login, declared), name=f"login {login.account}")
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

    def _opens(self, key: str, token: Token | None) -> bool:
        declared = self._book.logins.get(key)
        return token is not None and declared is not None and self._renewal.opens(token, declared.account)
