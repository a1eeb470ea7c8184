"""The lease step by step: one login at a time, one login a generation, no request forgotten."""

from __future__ import annotations

from egress.lease.breaker import Failure, Pace
from egress.lease.state import Lease, Login
from schemas import keys
from schemas.token import Token

PACE = Pace(interval_ms=30_000, backoff_ms=1_000, longest_ms=300_000)
LIFE_MS = 28_800_000
COUNT = 2
DECLARED = "digest"
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
    lease.declare(dict.fromkeys(KEYS, DECLARED))
    for partition in range(COUNT):
        lease.assigned(partition, position)
    for each in held:
        lease.token_seen(each.account, each)
    for partition in range(COUNT):
        lease.recovered(partition)
    return lease


def part(key: str) -> int:
    return keys.partition(key, COUNT)


NOW = 1_700_000_000_000


def test_any_number_of_requests_for_one_generation_are_one_login() -> None:
    key = KEYS[0]
    lease = owner(*(token(k, 4, NOW - 3_600_000) for k in KEYS))
    outcomes = [lease.request(part(key), offset, key, 4) for offset in range(100)]
    assert outcomes == ["login"] + ["coalesced"] * 99
    assert lease.due(NOW) == [Login(key, 5, DECLARED)]
    assert lease.due(NOW) == []
    write = lease.write(token(key, 5, NOW))
    assert write is not None
    assert write.offset == 100
    lease.written(write.token)
    lease.over(key)
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


def test_after_the_clock_was_set_back_a_dead_token_is_renewed_and_a_failed_login_tried_again_at_once() -> None:
    ahead = NOW + 3_600_000
    failed, dead = KEYS[0], KEYS[1]
    lease = owner(*(token(k, 1, ahead) for k in KEYS[1:]))
    assert lease.due(ahead) == [Login(failed, 1, DECLARED)]
    lease.login_failed(Login(failed, 1, DECLARED), Failure("unreachable", "refused"), ahead)
    lease.over(failed)
    lease.request(part(dead), 0, dead, 1)
    assert lease.due(ahead) == [], "by the clock that was ahead both wait"
    assert set(lease.due(NOW)) == {Login(failed, 1, DECLARED), Login(dead, 2, DECLARED)}
    assert lease.due(NOW) == [], "each once"


def test_clocks_of_workers_that_differ_a_little_make_no_login_come_sooner() -> None:
    key = KEYS[1]
    lease = owner(*(token(k, 1, NOW) for k in KEYS[1:]))
    for login in lease.due(NOW):
        lease.login_failed(login, Failure("credentials", "401"), NOW)
        lease.over(login.account)
    lease.request(part(key), 0, key, 1)
    assert lease.due(NOW - PACE.interval_ms) == []


def test_a_wrong_password_is_left_alone_until_another_one_is_declared() -> None:
    lease = owner()
    for login in lease.due(NOW):
        lease.login_failed(login, Failure("credentials", "401"), NOW)
        lease.over(login.account)
    assert lease.due(NOW + PACE.longest_ms - 1) == []
    lease.declare({key: "new password" if key == KEYS[1] else DECLARED for key in KEYS})
    assert lease.due(NOW + 1) == [Login(KEYS[1], 1, "new password")]


def test_requests_of_unknown_accounts_and_in_wrong_places_hold_nothing_up() -> None:
    lease = owner(*(token(k, 1, NOW) for k in KEYS))
    stranger = "isv|stranger"
    assert lease.request(part(stranger), 0, stranger, 0) == "unknown_account"
    assert lease.request(1 - part(KEYS[0]), 1, KEYS[0], 1) == "misplaced"
    assert lease.committable(1 - part(KEYS[0])) == 2


def test_a_token_of_another_address_is_no_token() -> None:
    lease = owner()
    lease.token_seen(KEYS[0], token(KEYS[0], 7, NOW - 60_000), usable=False)
    assert Login(KEYS[0], 8, DECLARED) in lease.due(NOW)


def test_an_account_that_no_tenant_has_any_more_is_not_logged_in() -> None:
    lease = owner()
    lease.request(part(KEYS[0]), 0, KEYS[0], 0)
    lease.declare(dict.fromkeys(KEYS[1:], DECLARED))
    assert KEYS[0] not in {login.account for login in lease.due(NOW)}
    assert lease.committable(part(KEYS[0])) == 1


def test_nothing_happens_before_all_tokens_were_seen() -> None:
    lease = Lease(COUNT, PACE)
    lease.declare(dict.fromkeys(KEYS, DECLARED))
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


def test_what_holds_if_nobody_hears_of_a_login_is_written_before_it() -> None:
    lease = owner()
    login = next(login for login in lease.due(NOW) if login.account == KEYS[0])
    note = lease.begun(login, NOW)
    assert note is not None
    attempt = note.attempt
    assert (attempt.until_ms, attempt.failures, attempt.under_way) == (NOW + PACE.interval_ms, 1, True)
    heir = Lease(COUNT, PACE)
    heir.declare(dict.fromkeys(KEYS, DECLARED))
    heir.assigned(part(KEYS[0]), 0)
    heir.attempt_seen(KEYS[0], attempt)
    heir.recovered(part(KEYS[0]))
    assert KEYS[0] not in {each.account for each in heir.due(NOW + PACE.interval_ms - 1)}
    assert KEYS[0] in {each.account for each in heir.due(NOW + PACE.interval_ms)}
    second = heir.begun(login, NOW + PACE.interval_ms)
    assert second is not None
    assert second.attempt.failures == 2, "logins that nobody heard of are failures in a row"


def test_the_failure_of_an_older_password_does_not_hold_up_the_new_one() -> None:
    lease = owner()
    login = next(login for login in lease.due(NOW) if login.account == KEYS[0])
    lease.declare(dict.fromkeys(KEYS, "new password"))
    lease.login_failed(login, Failure("credentials", "401"), NOW)
    lease.over(KEYS[0])
    assert lease.due(NOW) == [Login(KEYS[0], 1, "new password")]


def test_a_login_whose_password_was_changed_before_it_began_is_not_made() -> None:
    lease = owner()
    login = lease.due(NOW)[0]
    lease.declare(dict.fromkeys(KEYS, "new password"))
    assert lease.begun(login, NOW) is None


def test_switching_a_tenant_off_and_on_does_not_end_the_wait() -> None:
    lease = owner()
    for login in lease.due(NOW):
        lease.login_failed(login, Failure("credentials", "401"), NOW)
        lease.over(login.account)
    lease.declare({})
    lease.declare(dict.fromkeys(KEYS, DECLARED))
    assert lease.due(NOW + 1) == []


def test_a_token_that_came_after_an_attempt_ends_it() -> None:
    lease = Lease(COUNT, PACE)
    lease.declare(dict.fromkeys(KEYS, DECLARED))
    lease.assigned(part(KEYS[0]), 0)
    note = owner().begun(Login(KEYS[0], 1, DECLARED), NOW)
    assert note is not None
    lease.token_seen(KEYS[0], token(KEYS[0], 1, NOW))
    breaker = lease.attempt_seen(KEYS[0], note.attempt)
    assert breaker is not None
    assert breaker.failures == 0


def test_a_generation_that_was_seen_refused_is_never_given_out_again() -> None:
    """Its record may be lost; who waits for a newer one would wait for many logins."""
    lease = owner(*(token(k, 1, NOW - 3_600_000) for k in KEYS))
    lease.request(part(KEYS[0]), 0, KEYS[0], 6)
    assert lease.due(NOW) == [Login(KEYS[0], 7, DECLARED)]


def test_a_login_that_had_not_begun_when_the_account_went_and_came_back_is_looked_at_anew() -> None:
    key = KEYS[0]
    lease = owner()
    login = next(login for login in lease.due(NOW) if login.account == key)
    other = owner().begun(login, NOW)
    assert other is not None
    lease.revoked([part(key)])
    assert lease.begun(login, NOW) is None
    lease.assigned(part(key), 0)
    lease.attempt_seen(key, other.attempt)
    lease.recovered(part(key))
    assert lease.begun(login, NOW + 1) is None, "another owner logs in at this moment"
    lease.token_seen(key, token(key, 1, NOW))
    assert lease.begun(login, NOW + LIFE_MS) is None, "there is a token of this generation"
