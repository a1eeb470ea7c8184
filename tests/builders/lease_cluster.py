"""A cluster of leases without Kafka and without time: the group and its fence, what `tokens` holds, the logins.

Every rule that the lease promises to keep is checked where it could be broken: when a login is made, and when
something is written. A member may be frozen, deposed without knowing it, or die at any step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from egress.lease.breaker import Breaker, Failure, FailureKind, Pace
from egress.lease.state import Lease, Login, Note
from schemas import keys
from schemas.token import LoginAttempt, Token

COUNT = 2
KEYS = ("isv|a@x", "hsm|a@x", "bot|b@y")
START_MS, TIMEOUT_MS, WRITE_MS = 5_000, 10_000, 15_000
LIFE_MS = 28_800_000
Phase = Literal["due", "noted", "posting", "won", "failed"]


def part(key: str) -> int:
    return keys.partition(key, COUNT)


@dataclass
class Post:
    """A login as the server saw it; `over_ms` is when it can be under way no longer, `told` what became of it on
    record: nothing, a failure of this kind, or a token. `forgotten`: an attempt with another password or address took
    its place on record."""

    key: str
    declared: str
    began_ms: int
    at_ms: int
    over_ms: int
    told: FailureKind | Literal["", "token"] = ""
    forgotten: bool = False


@dataclass
class Flight:
    """A login that a member carries out, and how far it is."""

    login: Login
    phase: Phase = "due"
    began_ms: int = 0
    answered_ms: int = 0
    breaker: Breaker | None = None
    post: Post | None = None
    token: Token | None = None


@dataclass
class Member:
    """A process; `epoch` is the generation of the group that it knows; `unmade` are logins on record that it did not
    make, since too much time had passed, by when they were to begin."""

    lease: Lease
    epoch: int = 0
    frozen: bool = False
    read: dict[int, int] = field(default_factory=dict)
    flights: list[Flight] = field(default_factory=list)
    unmade: dict[str, int] = field(default_factory=dict)


class Cluster:
    """Times are milliseconds since 1970."""

    def __init__(self, pace: Pace, members: int) -> None:
        self.pace = pace
        self.now = 1_700_000_000_000
        self.declared = dict.fromkeys(KEYS, "first")
        self.members = [self._fresh() for _ in range(members)]
        self.epoch = 0
        self.owner = dict.fromkeys(range(COUNT), 0)
        self.tokens: dict[str, Token] = {}
        self.attempts: dict[str, LoginAttempt] = {}
        self.requests: dict[int, list[tuple[str, int]]] = {p: [] for p in range(COUNT)}
        self.committed = dict.fromkeys(range(COUNT), 0)
        self.posts: list[Post] = []

    def _fresh(self) -> Member:
        lease = Lease(COUNT, self.pace)
        lease.declare(self.declared)
        return Member(lease)

    def generation(self, key: str) -> int:
        return self.tokens[key].generation if key in self.tokens else 0

    # the group

    def rebalance(self, owners: tuple[int, ...]) -> None:
        """A new generation; whoever is frozen learns of it later."""
        self.epoch += 1
        self.owner = dict(enumerate(owners))
        for member in self.members:
            if not member.frozen:
                self.learn(member)

    def learn(self, member: Member) -> None:
        """The member hears of the present generation: it lets go and recovers what is its own."""
        if member.epoch == self.epoch:
            return
        member.epoch = self.epoch
        member.lease.revoked(member.lease.owned())
        for partition, owner in self.owner.items():
            if self.members[owner] is member:
                self._recover(member, partition)

    def _recover(self, member: Member, partition: int) -> None:
        member.lease.assigned(partition, self.committed[partition])
        member.read[partition] = self.committed[partition]
        for key in (key for key in KEYS if part(key) == partition):
            if key in self.tokens:
                member.lease.token_seen(key, self.tokens[key])
            if key in self.attempts:
                member.lease.attempt_seen(key, self.attempts[key])
        member.lease.recovered(partition)

    def restart(self, member: Member) -> None:
        """kill -9, and a new process that is the same static member."""
        for flight in member.flights:
            if flight.post:
                flight.post.over_ms = min(flight.post.over_ms, self.now)
        fresh = self._fresh()
        self.members[self.members.index(member)] = fresh
        self.learn(fresh)

    # requests

    def ask(self, key: str, back: int) -> None:
        self.requests[part(key)].append((key, max(self.generation(key) - back, 0)))

    def read(self, member: Member) -> None:
        """What the member believes to own is read to its end."""
        for partition in member.lease.owned():
            for offset in range(member.read[partition], len(self.requests[partition])):
                member.lease.request(partition, offset, *self.requests[partition][offset])
            member.read[partition] = len(self.requests[partition])

    def unanswered(self, partition: int) -> list[int]:
        """Offsets of requests that no newer token answers."""
        asked = enumerate(self.requests[partition])
        return [offset for offset, (key, generation) in asked if generation >= self.generation(key)]

    # logins

    def start(self, member: Member) -> None:
        member.flights += [Flight(login) for login in member.lease.due(self.now)]

    def step(self, member: Member, flight: Flight, fate: FailureKind | Literal["ok"]) -> None:
        """The next step of a login."""
        if flight.phase == "due":
            self._note(member, flight)
        elif flight.phase == "noted":
            self._post(member, flight)
        elif flight.phase == "posting":
            self._answer(member, flight, fate)
        else:
            self._settle(member, flight)

    def _over(self, member: Member, flight: Flight) -> None:
        member.lease.over(flight.login.account)
        member.flights.remove(flight)

    def _note(self, member: Member, flight: Flight) -> None:
        key, declared = flight.login.account, flight.login.declared
        before, token = self.attempts.get(key), self.tokens.get(key)
        note = member.lease.begun(flight.login, self.now)
        if note is None or not self._write_attempt(member, note):
            self._over(member, flight)
            return
        if before and before.declared == declared and before.at_ms != member.unmade.get(key):
            assert self.now >= before.until_ms, "an account was not left alone"
        if token:
            assert self.now >= token.obtained_ms + self.pace.interval_ms, "a young token was renewed"
        flight.phase, flight.began_ms = "noted", self.now

    def _post(self, member: Member, flight: Flight) -> None:
        if self.now > flight.began_ms + START_MS:
            member.unmade[flight.login.account] = flight.began_ms
            self._over(member, flight)
            return
        login = flight.login
        alike = [p for p in self.posts if (p.key, p.declared) == (login.account, login.declared) and not p.forgotten]
        for post in alike:
            assert self.now >= post.over_ms, "two logins of an account under way"
        if alike:
            assert self.now >= alike[-1].began_ms + self._least_ms(alike[-1]), "logins came too soon"
        over_ms = self.now + TIMEOUT_MS
        flight.post = Post(login.account, login.declared, flight.began_ms, self.now, over_ms)
        on_record = self.attempts.get(login.account)
        flight.post.forgotten = on_record is None or on_record.declared != login.declared
        flight.phase = "posting"
        self.posts.append(flight.post)

    def _least_ms(self, post: Post) -> int:
        """Between the beginnings of this login and the next one, by what is on record of it."""
        if post.told == "credentials":
            return self.pace.longest_ms
        if post.told in ("failed", "unreachable"):
            return self.pace.backoff_ms
        return self.pace.interval_ms if post.told else max(self.pace.interval_ms, self.pace.login_ms)

    def _answer(self, member: Member, flight: Flight, fate: FailureKind | Literal["ok"]) -> None:
        assert flight.post is not None
        if self.now > flight.post.at_ms + TIMEOUT_MS:
            fate = "unclear"
        flight.post.over_ms = min(flight.post.over_ms, self.now)
        flight.answered_ms = self.now
        if fate == "ok":
            flight.phase, flight.token = "won", _token(flight.login, flight.post.at_ms)
            return
        breaker = member.lease.login_failed(flight.login, Failure(fate, "x"), self.now)
        if breaker is None:
            self._over(member, flight)
            return
        assert breaker.until_ms > self.now
        flight.phase, flight.breaker = "failed", breaker

    def _settle(self, member: Member, flight: Flight) -> None:
        """One try to write what became of it; it is tried again for a while, unless there is no hope."""
        assert flight.post is not None
        key = flight.login.account
        if flight.token is not None:
            hopeless = member.lease.overtaken(flight.token)
            told = "token" if not hopeless and self._write_token(member, flight.token) else ""
        else:
            assert flight.breaker is not None
            hopeless = member.lease.outdated(key, flight.breaker)
            note = member.lease.note(key, flight.breaker.attempt(flight.answered_ms, under_way=False))
            told = note.attempt.kind if note and not hopeless and self._write_attempt(member, note) else ""
        flight.post.told = told  # type: ignore[assignment]
        if told or hopeless or self.now > flight.answered_ms + WRITE_MS:
            self._over(member, flight)

    # the fence

    def _write_attempt(self, member: Member, note: Note | None) -> bool:
        if note is None or member.epoch != self.epoch:
            return False
        assert self.members[self.owner[note.partition]] is member, "not the owner's word"
        self.attempts[note.account] = note.attempt
        for post in self.posts:
            if post.key == note.account and post.declared != note.attempt.declared:
                post.forgotten = True
        self._commit(note.partition, note.offset)
        return True

    def _write_token(self, member: Member, token: Token) -> bool:
        write = member.lease.write(token)
        if write is None or member.epoch != self.epoch:
            return False
        assert self.members[self.owner[write.partition]] is member, "a deposed owner's token"
        assert token.generation > self.generation(token.account), "a generation did not grow"
        self.tokens[token.account] = token
        self.attempts.pop(token.account, None)
        self._commit(write.partition, write.offset)
        member.lease.written(token)
        return True

    def _commit(self, partition: int, offset: int) -> None:
        assert offset >= self.committed[partition], "offsets went back"
        assert all(waiting >= offset for waiting in self.unanswered(partition)), "an unanswered request is committed"
        self.committed[partition] = offset

    def commit_offsets(self, member: Member) -> None:
        """What a member commits between logins."""
        if member.epoch == self.epoch:
            for partition in member.lease.owned():
                self._commit(partition, member.lease.committable(partition))


def _token(login: Login, at_ms: int) -> Token:
    return Token(
        account=login.account,
        generation=login.generation,
        token="sealed",
        obtained_ms=at_ms,
        refresh_ms=at_ms + LIFE_MS * 9 // 10,
        dies_ms=at_ms + LIFE_MS,
    )
