"""The lease under any order of events: one login at a time, one login a generation, no request forgotten."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from egress.lease.breaker import CREDENTIALS_CEILING, Failure, Pace
from egress.lease.state import Lease, Login, Write
from schemas import keys
from schemas.token import Token

PACE = Pace(interval_ms=30_000, backoff_ms=1_000, longest_ms=300_000)
LIFE_MS = 28_800_000
COUNT = 2
KEYS = ["isv|a@x", "hsm|a@x", "bot|b@y", "isv|c@z"]


def token(key: str, generation: int, at_ms: int) -> Token:
    return Token(
        account=key,
        generation=generation,
        token="sealed",
        obtained_ms=at_ms,
        refresh_ms=at_ms + LIFE_MS * 9 // 10,
        dies_ms=at_ms + LIFE_MS,
    )


def owner(*held: Token, position: int = 0) -> Lease:
    """A lease that owns everything and knows these tokens."""
    lease = Lease(COUNT, PACE)
    lease.declare(dict.fromkeys(KEYS, "digest"))
    for partition in range(COUNT):
        lease.assigned(partition, position)
    for each in held:
        lease.token_seen(each.account, each)
    for partition in range(COUNT):
        lease.recovered(partition)
    return lease


def part(key: str) -> int:
    return keys.partition(key, COUNT)


class LeaseMachine(RuleBasedStateMachine):
    """Drives one lease with any events and keeps the truth about `tokens` beside it."""

    under_way = Bundle("under_way")

    @initialize()
    def start(self) -> None:
        self.now = 1_700_000_000_000
        self.lease = Lease(COUNT, PACE)
        self.lease.declare(dict.fromkeys(KEYS, "digest"))
        self.topic: dict[str, Token] = {}
        self.running: set[str] = set()
        self.offsets = dict.fromkeys(range(COUNT), 0)
        self.committed = dict.fromkeys(range(COUNT), 0)
        self.unanswered: dict[int, list[tuple[int, str, int]]] = {p: [] for p in range(COUNT)}
        self.resting_until: dict[str, int] = {}

    @rule(partition=st.integers(0, COUNT - 1))
    def take(self, partition: int) -> None:
        if partition in self.lease.owned():
            return
        self.lease.assigned(partition, self.committed[partition])
        for key, held in self.topic.items():
            if part(key) == partition:
                self.lease.token_seen(key, held)
        self.lease.recovered(partition)
        for offset, key, generation in self.unanswered[partition]:
            self.lease.request(partition, offset, key, generation)

    @rule(partition=st.integers(0, COUNT - 1))
    def lose(self, partition: int) -> None:
        self.lease.revoked([partition])

    @rule(seconds=st.integers(1, 40_000))
    def wait(self, seconds: int) -> None:
        self.now += seconds * 1000

    @rule(key=st.sampled_from(KEYS), back=st.integers(0, 2))
    def ask(self, key: str, back: int) -> None:
        partition = part(key)
        if partition not in self.lease.owned():
            return
        held = self.topic.get(key)
        generation = max((held.generation if held else 0) - back, 0)
        offset = self.offsets[partition]
        self.offsets[partition] += 1
        outcome = self.lease.request(partition, offset, key, generation)
        assert (outcome == "renewed_already") == (generation < (held.generation if held else 0))
        if outcome != "renewed_already":
            self.unanswered[partition].append((offset, key, generation))

    @rule(target=under_way)
    def start_due(self) -> object:
        logins = self.lease.due(self.now)
        for login in logins:
            assert login.account not in self.running, "two logins of one account at once"
            assert self.now >= self.resting_until.get(login.account, 0) or login.account in self.left_alone_elsewhere
            held = self.topic.get(login.account)
            assert login.generation == (held.generation if held else 0) + 1
            assert held is None or self.now >= held.obtained_ms + PACE.interval_ms
            self.running.add(login.account)
        return logins

    @property
    def left_alone_elsewhere(self) -> set[str]:
        """Failures are known to the owner that saw them; a change of owner forgets them."""
        return {a.key for a in self.lease.accounts() if a.breaker.failures == 0}

    @rule(logins=consumes(under_way), fates=st.lists(st.sampled_from(["ok", "fails", "wrong"]), min_size=4, max_size=4))
    def end(self, logins: list[Login], fates: list[str]) -> None:
        for login, fate in zip(logins, fates, strict=False):
            self.running.discard(login.account)
            if fate == "ok":
                self._succeed(login)
            else:
                kind = "failed" if fate == "fails" else "credentials"
                breaker = self.lease.login_failed(login.account, Failure(kind, "x"), self.now)
                if breaker:
                    self.resting_until[login.account] = breaker.until_ms
                    assert breaker.until_ms > self.now
                    assert fate == "fails" or breaker.until_ms >= self.now + PACE.longest_ms

    def _succeed(self, login: Login) -> None:
        won = token(login.account, login.generation, self.now)
        write = self.lease.write(won)
        if write is None:
            self.lease.write_lost(won)
            return
        self._check_write(write)
        self.topic[login.account] = won
        self.committed[write.partition] = write.offset
        self.lease.written(won)
        self.resting_until.pop(login.account, None)
        self._forget_answered()

    def _check_write(self, write: Write) -> None:
        held = self.topic.get(write.token.account)
        assert write.token.generation == (held.generation if held else 0) + 1
        waiting = [
            offset
            for offset, key, generation in self.unanswered[write.partition]
            if key != write.token.account or generation >= write.token.generation
        ]
        assert all(offset >= write.offset for offset in waiting), "an unanswered request would be committed"

    def _forget_answered(self) -> None:
        for partition, asked in self.unanswered.items():
            self.unanswered[partition] = [
                entry
                for entry in asked
                if entry[2] >= (self.topic[entry[1]].generation if entry[1] in self.topic else 0)
            ]

    @invariant()
    def no_unanswered_request_is_committed(self) -> None:
        if not hasattr(self, "lease"):
            return
        for partition in self.lease.owned():
            waiting = [offset for offset, _, _ in self.unanswered[partition]]
            assert all(offset >= self.lease.committable(partition) for offset in waiting)

    @invariant()
    def what_runs_is_marked(self) -> None:
        if hasattr(self, "lease"):
            assert self.lease.under_way() == self.running

    @precondition(lambda self: self.lease.owned())
    @rule()
    def nothing_wanted_is_forgotten(self) -> None:
        far = self.now + PACE.longest_ms * CREDENTIALS_CEILING + LIFE_MS
        wanted = {a.key for a in self.lease.accounts() if a.declared and a.key not in self.running}
        due = self.lease.next_due_ms()
        assert bool(wanted) == (due is not None)
        assert due is None or due <= far


TestLease = LeaseMachine.TestCase
TestLease.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

NOW = 1_700_000_000_000


def test_any_number_of_requests_for_one_generation_are_one_login() -> None:
    key = KEYS[0]
    lease = owner(*(token(k, 4, NOW - 3_600_000) for k in KEYS))
    outcomes = [lease.request(part(key), offset, key, 4) for offset in range(100)]
    assert outcomes == ["login"] + ["coalesced"] * 99
    assert lease.due(NOW) == [Login(key, 5)]
    assert lease.due(NOW) == []
    write = lease.write(token(key, 5, NOW))
    assert write is not None
    assert write.offset == 100
    lease.written(write.token)
    assert lease.request(part(key), 100, key, 4) == "renewed_already"
    assert lease.due(NOW + 1000) == []


def test_an_account_without_a_token_is_logged_in_unasked() -> None:
    assert {login.account for login in owner().due(NOW)} == set(KEYS)


def test_a_token_is_renewed_when_its_time_has_come_and_not_before() -> None:
    lease = owner(*(token(k, 1, NOW) for k in KEYS))
    refresh_ms = NOW + LIFE_MS * 9 // 10
    assert lease.next_due_ms() == refresh_ms
    assert lease.due(refresh_ms - 1) == []
    assert len(lease.due(refresh_ms)) == len(KEYS)


def test_a_request_for_a_fresh_token_waits_for_the_least_interval() -> None:
    key = KEYS[0]
    lease = owner(*(token(k, 1, NOW) for k in KEYS))
    lease.request(part(key), 0, key, 1)
    assert lease.next_due_ms() == NOW + PACE.interval_ms
    assert lease.committable(part(key)) == 0


def test_a_wrong_password_is_left_alone_until_another_one_is_declared() -> None:
    lease = owner()
    lease.due(NOW)
    for key in KEYS:
        lease.login_failed(key, Failure("credentials", "401"), NOW)
    assert lease.due(NOW + PACE.longest_ms - 1) == []
    lease.declare({key: "new password" if key == KEYS[1] else "digest" for key in KEYS})
    assert lease.due(NOW + 1) == [Login(KEYS[1], 1)]


def test_requests_of_unknown_accounts_and_in_wrong_places_hold_nothing_up() -> None:
    lease = owner(*(token(k, 1, NOW) for k in KEYS))
    stranger = "isv|stranger"
    assert lease.request(part(stranger), 0, stranger, 0) == "unknown_account"
    assert lease.request(1 - part(KEYS[0]), 1, KEYS[0], 1) == "misplaced"
    assert lease.committable(1 - part(KEYS[0])) == 2


def test_a_token_of_another_address_is_no_token() -> None:
    lease = owner()
    lease.token_seen(KEYS[0], token(KEYS[0], 7, NOW - 60_000), usable=False)
    assert Login(KEYS[0], 8) in lease.due(NOW)


def test_an_account_that_no_tenant_has_any_more_is_not_logged_in() -> None:
    lease = owner()
    lease.request(part(KEYS[0]), 0, KEYS[0], 0)
    lease.declare(dict.fromkeys(KEYS[1:], "digest"))
    assert KEYS[0] not in {login.account for login in lease.due(NOW)}
    assert lease.committable(part(KEYS[0])) == 1


def test_nothing_happens_before_all_tokens_were_seen() -> None:
    lease = Lease(COUNT, PACE)
    lease.declare(dict.fromkeys(KEYS, "digest"))
    lease.assigned(0, 0)
    assert lease.due(NOW) == []
    assert lease.next_due_ms() is None


def test_a_login_that_outlives_the_ownership_is_not_written_and_not_doubled() -> None:
    key = KEYS[0]
    lease = owner(*(token(k, 1, NOW - LIFE_MS) for k in KEYS if k != key))
    lease.due(NOW)
    lease.revoked([part(key)])
    assert lease.write(token(key, 1, NOW)) is None
    lease.assigned(part(key), 0)
    lease.recovered(part(key))
    assert lease.due(NOW) == []
    assert lease.write(token(key, 1, NOW)) is not None


def test_a_login_that_another_owner_overtook_is_not_written() -> None:
    key = KEYS[0]
    lease = owner()
    lease.due(NOW)
    assert not lease.overtaken(token(key, 1, NOW))
    lease.token_seen(key, token(key, 1, NOW))
    assert lease.write(token(key, 1, NOW)) is None
    assert lease.overtaken(token(key, 1, NOW))
