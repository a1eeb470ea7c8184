"""`relevo token status` says why an account is left alone, from what `tokens` holds."""

from __future__ import annotations

from relevo.cli.token import Held, standings, told
from schemas.record import encode
from schemas.tenant import Account, Tenant
from schemas.token import LoginAttempt, Token, attempt_key, attempt_record
from tests.builders.tokens import Message

NOW = 1_700_000_000_000
KEY = "isv|a"
ACME = Tenant(tenant="acme", accounts={"isv": Account(service="isv", base="https://x", username="a", password="")})


def attempt(**changes: object) -> LoginAttempt:
    base = LoginAttempt(at_ms=NOW, until_ms=NOW + 300_000, failures=1, kind="credentials", declared="d", status=401)
    return LoginAttempt(**{name: getattr(base, name) for name in base.__struct_fields__} | changes)


def held(*records: Message) -> Held:
    found = Held({}, {})
    for record in records:
        found.take(record)  # type: ignore[arg-type]
    return found


def of_token(generation: int) -> Message:
    times = {"obtained_ms": NOW - 1000, "refresh_ms": NOW + 3_600_000, "dies_ms": NOW + 7_200_000}
    return Message(KEY.encode(), encode(Token(account=KEY, generation=generation, token="sealed", **times)))


def of_attempt(one: LoginAttempt | None) -> Message:
    return Message(attempt_key(KEY).encode(), encode(attempt_record(KEY, one)) if one else None)


def line(found: Held) -> str:
    [one] = standings([ACME], found, [], NOW)
    return told(one, NOW)


def test_a_login_that_failed_is_told_with_its_wait_beside_the_token() -> None:
    found = held(of_token(3), of_attempt(attempt()))
    [one] = standings([ACME], found, [], NOW)
    assert (one.generation, one.failures, one.failure, one.login_from_ms) == (3, 1, "credentials", NOW + 300_000)
    assert line(found).endswith(
        "generation 3, 1 s old, renewed in 1 h, dies in 2 h; login failed (credentials), tried again in 5 min, or at "
        "once with another password"
    )
    assert "login failed 4 times (failed)" in line(held(of_attempt(attempt(failures=4, kind="failed"))))


def test_a_login_under_way_is_told_as_such() -> None:
    found = held(of_attempt(attempt(under_way=True, kind="unclear", until_ms=NOW + 30_000)))
    assert line(found).endswith("a login is under way, or its owner died: another one in 30 s at the earliest")


def test_a_token_that_came_takes_the_attempt_away() -> None:
    found = held(of_attempt(attempt()), of_token(1), of_attempt(None))
    assert found == Held({KEY: found.tokens[KEY]}, {})
    assert "login" not in line(found)
