"""The lease: who logs in, when, and what must be written with it. A state machine over explicit time. Pure.

Promises: at most one login of an account is under way, from its start until what became of it was written or given
up; what holds if nobody hears of a login is written before it is made; a request for a generation that was renewed
already changes nothing; any number of requests for one generation are answered by one login; the offset of a
request is not committed before a newer token is. Leaves to `egress.lease.renewal`: carrying out the logins; to
`egress.lease.service`: the clock, Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from egress.lease.account import Account
from egress.lease.breaker import Breaker, Failure, Pace
from schemas import keys
from schemas.token import LoginAttempt, Token

RequestOutcome = Literal["login", "coalesced", "renewed_already", "unknown_account", "misplaced"]


class Login(NamedTuple):
    """Action: log this account in, as it is declared now; the token will have this generation."""

    account: str
    generation: int
    declared: str


class Write(NamedTuple):
    """Action: write the token together with the offset up to which its partition's requests are then answered."""

    partition: int
    token: Token
    offset: int


class Note(NamedTuple):
    """Action: write what is to be known of a login without a token (yet); the offset fences it."""

    partition: int
    account: str
    attempt: LoginAttempt
    offset: int


@dataclass
class Part:
    """An owned partition of `tokens.requests`; `position` is the offset of the next request."""

    position: int
    recovered: bool = False


class Lease:
    """The accounts whose partition this process owns. Times are milliseconds since 1970."""

    def __init__(self, partitions: int, pace: Pace) -> None:
        self._count = partitions
        self._pace = pace
        self._parts: dict[int, Part] = {}
        self._accounts: dict[str, Account] = {}
        self._declared: dict[str, str] = {}
        self._busy: set[str] = set()

    # partitions

    def assigned(self, partition: int, position: int) -> None:
        """The partition is ours; its requests are read from this offset. Nothing is done before `recovered`."""
        self._parts[partition] = Part(position)
        for key, digest in self._declared.items():
            self._place(key, digest)

    def recovered(self, partition: int) -> None:
        """All tokens of the partition were seen."""
        self._parts[partition].recovered = True

    def revoked(self, partitions: Iterable[int]) -> None:
        """The partitions are another's. A login under way keeps its mark until it is over."""
        gone = set(partitions)
        self._parts = {p: part for p, part in self._parts.items() if p not in gone}
        self._accounts = {key: a for key, a in self._accounts.items() if a.partition not in gone}

    def owned(self) -> frozenset[int]:
        return frozenset(self._parts)

    # what is known

    def declare(self, accounts: Mapping[str, str]) -> None:
        """All accounts that tenants have, each with a digest of what a login is made with. A new digest is a new
        chance: no failure of another one counts."""
        for key in self._declared.keys() - accounts.keys():
            if account := self._accounts.get(key):
                account.declared, account.asked = "", None
        self._declared = dict(accounts)
        for key, digest in accounts.items():
            self._place(key, digest)

    def token_seen(self, key: str, token: Token | None, *, usable: bool = True) -> None:
        """The newest record of an account on `tokens`, or its tombstone."""
        if account := self._account(key):
            account.take_token(token, usable=usable)

    def attempt_seen(self, key: str, attempt: LoginAttempt) -> Breaker | None:
        """The login without a token that `tokens` holds, to be told after the token; the account's breaker now."""
        if account := self._account(key):
            account.take_attempt(attempt)
            return account.breaker
        return None

    def request(self, partition: int, offset: int, key: str, generation: int) -> RequestOutcome:
        """A record of `tokens.requests` of an owned partition."""
        self.skip(partition, offset)
        if keys.partition(key, self._count) != partition:
            return "misplaced"
        account = self._accounts.get(key)
        if account is None or not account.declared:
            return "unknown_account"
        if generation < account.generation:
            return "renewed_already"
        coalesced = account.asked is not None or key in self._busy
        account.ask(generation, offset)
        return "coalesced" if coalesced else "login"

    def skip(self, partition: int, offset: int) -> None:
        """The record at this offset was read."""
        self._parts[partition].position = offset + 1

    # logins

    def due(self, now_ms: int) -> list[Login]:
        """Starts every login whose time has come; each lasts until `over`."""
        ready = [a for a in self._accounts.values() if self._may_start(a) and self._due_ms(a, now_ms) <= now_ms]
        self._busy.update(account.key for account in ready)
        return [Login(account.key, account.next_generation, account.declared) for account in ready]

    def next_due_ms(self) -> int | None:
        """When `due` will have something, unless something happens before."""
        waiting = [account for account in self._accounts.values() if self._may_start(account)]
        return min((due for account in waiting if (due := account.due_ms(self._pace)) is not None), default=None)

    def stale(self, login: Login, now_ms: int) -> bool:
        """Whether a login that has not begun is no longer due as it was: the account went, or came back with news."""
        account = self._accounts.get(login.account)
        if account is None or (account.next_generation, account.declared) != (login.generation, login.declared):
            return True
        due_ms = account.due_ms(self._pace, now_ms)
        return due_ms is None or due_ms > now_ms

    def begun(self, login: Login, now_ms: int) -> Note | None:
        """The write that must stand before the login is made: what holds if nobody hears of it. None: not now."""
        account = self._accounts.get(login.account)
        if account is None or self.stale(login, now_ms):
            return None
        return self.note(login.account, account.breaker.unheard(now_ms, self._pace).attempt(now_ms, under_way=True))

    def login_failed(self, login: Login, failure: Failure, now_ms: int) -> Breaker | None:
        """A login without token; the breaker of its declaration, to be put on record, if the account is still ours."""
        account = self._accounts.get(login.account)
        if account is None:
            return None
        before = account.failed if account.failed.declared == login.declared else Breaker(declared=login.declared)
        account.failed = before.after(failure, now_ms, self._pace)
        return account.failed

    def note(self, key: str, attempt: LoginAttempt) -> Note | None:
        """The write of an attempt as things stand now; None when the account's partition is not ours at the moment."""
        account = self._accounts.get(key)
        if account is None or not self._parts[account.partition].recovered:
            return None
        return Note(account.partition, key, attempt, self.committable(account.partition))

    def outdated(self, key: str, breaker: Breaker) -> bool:
        """Whether the account is not ours any more, or is again with what stands on record by now."""
        account = self._accounts.get(key)
        return account is None or account.failed is not breaker

    def write(self, token: Token) -> Write | None:
        """The write of a login's token as things stand now, to be tried again as long as there is hope.

        None: the account's partition is not ours at the moment, or another owner has renewed the token meanwhile.
        """
        account = self._accounts.get(token.account)
        if account is None or not self._parts[account.partition].recovered or account.generation >= token.generation:
            return None
        return Write(account.partition, token, self.committable(account.partition, answered=token))

    def overtaken(self, token: Token) -> bool:
        """Whether the account is ours and has this generation or a later one already."""
        account = self._accounts.get(token.account)
        return account is not None and account.generation >= token.generation

    def written(self, token: Token) -> None:
        """The token stands on `tokens`, and no attempt beside it."""
        if account := self._accounts.get(token.account):
            account.failed = Breaker()
            account.take_token(token, usable=True)

    def over(self, key: str) -> None:
        """The account's login has ended, whatever became of it; the next one may start."""
        self._busy.discard(key)

    # offsets and views

    def committable(self, partition: int, answered: Token | None = None) -> int:
        """The offset up to which all requests are answered, with `answered` counted as written."""
        waiting = [a for a in self._accounts.values() if a.partition == partition and a.asked]
        offsets = [a.asked.first_offset for a in waiting if a.asked and not _answers(answered, a)]
        return min([self._parts[partition].position, *offsets])

    def accounts(self) -> list[Account]:
        """The accounts of owned partitions."""
        return list(self._accounts.values())

    def under_way(self) -> frozenset[str]:
        """Accounts with a login under way."""
        return frozenset(self._busy)

    def _due_ms(self, account: Account, now_ms: int) -> int:
        due = account.due_ms(self._pace, now_ms)
        assert due is not None  # asked only of accounts that may start, and those are declared
        return due

    def _may_start(self, account: Account) -> bool:
        recovered = self._parts[account.partition].recovered
        return bool(account.declared) and recovered and account.key not in self._busy

    def _account(self, key: str) -> Account | None:
        partition = keys.partition(key, self._count)
        if partition not in self._parts:
            return None
        return self._accounts.setdefault(key, Account(key, partition, self._declared.get(key, "")))

    def _place(self, key: str, digest: str) -> None:
        account = self._account(key)
        if account:
            account.declared = digest


def _answers(token: Token | None, account: Account) -> bool:
    asked = account.asked
    return bool(token and asked and token.account == account.key and asked.generation < token.generation)
