"""The lease under any order of takeovers, freezes, crashes, requests, failures and new passwords.

Never two logins of an account under way with the same declaration, whoever makes them; no account hammered, also not
by processes that die; every request answered or its offset open; generations only grow; a deposed owner's token never
lands. `tests.builders.lease_cluster` asserts each where it could be broken.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, get_args

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from egress.lease.breaker import CREDENTIALS_CEILING, FailureKind, Pace
from tests.builders.lease_cluster import COUNT, KEYS, LIFE_MS, START_MS, TIMEOUT_MS, Cluster, Flight, Member, part

MEMBERS = 3
SLOW = Pace(interval_ms=30_000, backoff_ms=1_000, longest_ms=300_000, login_ms=START_MS + TIMEOUT_MS)
HASTY = SLOW._replace(interval_ms=200)
members = st.integers(0, MEMBERS - 1)
keys = st.sampled_from(KEYS)
fates = st.sampled_from(["ok", "ok", *get_args(FailureKind)])
waits = st.sampled_from([50, 1_000, 4_000, 6_000, 16_000, 31_000, 301_000, 3_700_000, LIFE_MS])


class Takeovers(RuleBasedStateMachine):
    """`pace` is that of the settings' defaults; `Hasty` has next to no least interval."""

    pace = SLOW

    @initialize()
    def found(self) -> None:
        self.cluster = Cluster(self.pace, MEMBERS)
        self.cluster.rebalance((0,) * COUNT)

    def alive(self, number: int) -> Member | None:
        member = self.cluster.members[number]
        return None if member.frozen else member

    @rule(owners=st.tuples(*[members] * COUNT))
    def rebalance(self, owners: tuple[int, ...]) -> None:
        self.cluster.rebalance(owners)

    @rule(number=members)
    def freeze(self, number: int) -> None:
        self.cluster.members[number].frozen = True

    @rule(number=members, hears=st.booleans())
    def thaw(self, number: int, hears: bool) -> None:
        member = self.cluster.members[number]
        member.frozen = False
        if hears:
            self.cluster.learn(member)

    @rule(number=members)
    def crash(self, number: int) -> None:
        self.cluster.restart(self.cluster.members[number])

    @rule(wait=waits)
    def wait(self, wait: int) -> None:
        self.cluster.now += wait

    @rule(key=keys, fate=fates, steps=st.integers(1, 4))
    def renew(self, key: str, fate: FailureKind, steps: int) -> None:
        """All at once what the other rules do one by one: the owner hears a request and gets so far with the login."""
        owner = self.cluster.members[self.cluster.owner[part(key)]]
        self.cluster.ask(key, 0)
        if owner.frozen:
            return
        self.cluster.read(owner)
        self.cluster.start(owner)
        for flight in [flight for flight in owner.flights if flight.login.account == key]:
            self.run(owner, flight, fate, steps)

    @rule(key=keys, back=st.integers(0, 1))
    def ask(self, key: str, back: int) -> None:
        self.cluster.ask(key, back)

    @rule(key=keys, password=st.sampled_from(["first", "second", "third"]))
    def declare(self, key: str, password: str) -> None:
        self.cluster.declared[key] = password

    @rule(number=members)
    def hear(self, number: int) -> None:
        if member := self.alive(number):
            member.lease.declare(self.cluster.declared)

    @rule(number=members)
    def read(self, number: int) -> None:
        if member := self.alive(number):
            self.cluster.read(member)
            self.cluster.commit_offsets(member)

    @rule(number=members)
    def start(self, number: int) -> None:
        if member := self.alive(number):
            self.cluster.start(member)

    @precondition(lambda self: any(m.flights and not m.frozen for m in self.cluster.members))
    @rule(pick=st.integers(0, 1000), fate=fates, steps=st.integers(1, 4))
    def step(self, pick: int, fate: FailureKind, steps: int) -> None:
        found = [(m, flight) for m in self.cluster.members if not m.frozen for flight in m.flights]
        member, flight = found[pick % len(found)]
        self.run(member, flight, fate, steps)

    def run(self, member: Member, flight: Flight, fate: FailureKind | Literal["ok"], steps: int) -> None:
        for _ in range(steps):
            if flight in member.flights:
                self.cluster.step(member, flight, fate)

    @invariant()
    def a_member_has_one_login_of_an_account(self) -> None:
        for member in self.cluster.members if hasattr(self, "cluster") else ():
            accounts = [flight.login.account for flight in member.flights]
            assert sorted(accounts) == sorted(member.lease.under_way())

    @invariant()
    def an_owner_has_a_next_login_for_each_account(self) -> None:
        if not hasattr(self, "cluster"):
            return
        farthest = self.cluster.now + LIFE_MS + self.pace.longest_ms * CREDENTIALS_CEILING
        for member in self.cluster.members:
            idle = [a for a in member.lease.accounts() if a.declared and a.key not in member.lease.under_way()]
            due = member.lease.next_due_ms()
            assert (due is not None) == bool(idle)
            assert due is None or due <= farthest

    def teardown(self) -> None:
        """In peace, every request is answered."""
        if not hasattr(self, "cluster"):
            return
        for member in self.cluster.members:
            member.frozen = False
            member.lease.declare(self.cluster.declared)
            self.cluster.learn(member)
        for _ in range(4):
            for member in self.cluster.members:
                self.in_peace(member)
            self.cluster.now += self.pace.longest_ms * CREDENTIALS_CEILING
        assert self.cluster.committed == {p: len(asked) for p, asked in self.cluster.requests.items()}
        assert {key: self.cluster.generation(key) > 0 for key in KEYS} == dict.fromkeys(KEYS, True)

    def in_peace(self, member: Member) -> None:
        self.cluster.read(member)
        self.cluster.start(member)
        for flight in list(member.flights):
            self.run(member, flight, "ok", 4)
        self.cluster.commit_offsets(member)


class Hasty(Takeovers):
    """Only what is on record keeps two owners from logging in at once."""

    pace = HASTY


# Without shrinking: it takes longer than a test may, and the row of steps is told all the same.
FEW = settings(max_examples=120, stateful_step_count=60, deadline=None, phases=[Phase.reuse, Phase.generate])
TestTakeovers = Takeovers.TestCase
TestTakeovers.settings = FEW
TestHaste = Hasty.TestCase
TestHaste.settings = FEW


@pytest.mark.parametrize(("pace", "logins"), [(SLOW, 19), (HASTY, 20)])
def test_a_process_that_dies_in_each_login_does_not_hammer_the_account(pace: Pace, logins: int) -> None:
    """The figures of docs/tokens.md: in an hour, started again every second."""
    cluster = Cluster(pace, 1)
    cluster.rebalance((0,) * COUNT)
    begin = cluster.now
    while cluster.now < begin + 3_600_000:
        (member,) = cluster.members
        cluster.start(member)
        for flight in member.flights:
            cluster.step(member, flight, "ok")
            cluster.step(member, flight, "ok")
        cluster.restart(member)
        cluster.now += 1_000
    assert Counter(post.key for post in cluster.posts) == dict.fromkeys(KEYS, logins)


def test_a_wrong_password_keeps_its_pace_over_restarts_and_takeovers_until_it_is_changed() -> None:
    cluster = Cluster(SLOW, 2)
    cluster.rebalance((0,) * COUNT)
    for turn in range(20):
        owner = cluster.members[turn % 2]
        cluster.start(owner)
        for flight in list(owner.flights):
            while flight in owner.flights:
                cluster.step(owner, flight, "credentials")
        cluster.restart(owner)
        cluster.rebalance(((turn + 1) % 2,) * COUNT)
        cluster.now += 10_000
    assert len(cluster.posts) == len(KEYS), "one in 200 s, however often the process changes"
    cluster.declared[KEYS[0]] = "second"
    owner = cluster.members[0]
    owner.lease.declare(cluster.declared)
    cluster.start(owner)
    assert [flight.login.account for flight in owner.flights] == [KEYS[0]]
