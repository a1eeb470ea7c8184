"""`relevo token`: the token of each account as it stands, without the token, and its renewal by hand."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec
import typer
from confluent_kafka import Message

from egress.chattigo.feed import request_record
from relevo.audit.scan import scan
from relevo.cli.console import err, fail, say
from relevo.cli.span import span
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.kafka.follower import Follower, FollowerFailed
from runtime.kafka.producer import Producer
from runtime.settings import KafkaSettings, LeaseSettings, load
from schemas import topics
from schemas.record import Frozen, RecordError, decode
from schemas.tenant import Tenant
from schemas.token import LoginAttempt, Token, TokenRequest, attempt_of

T = TypeVar("T")

app = typer.Typer(help="The tokens of the accounts; never their text.", no_args_is_help=True)

WHY = "asked for by a person"
CAUGHT_UP_S = 30.0
_NO_LEASE = (
    "Does the lease run (relevo serve lease, or relevo all)? Its log says why a login fails (a wrong password, 429), "
    "and relevo doctor --login tries one. The request stands and is answered when a lease reads it within a day."
)


class Held(NamedTuple):
    """What stands on `tokens`, by account: tokens, and the last login where it brought none (yet)."""

    tokens: dict[str, Token]
    attempts: dict[str, LoginAttempt]

    def take(self, message: Message) -> None:
        """The next record, or tombstone. RecordError when it cannot be read."""
        key = (_bytes(message.key()) or b"").decode("utf-8", "replace")
        value = _bytes(message.value())
        record = None if value is None else decode(value, Token)
        account = attempt_of(key)
        if account is not None:
            _put(self.attempts, account, record.attempt if record else None)
        else:
            _put(self.tokens, key, record)


def _put(where: dict[str, T], key: str, value: T | None) -> None:
    if value is None:
        where.pop(key, None)
    else:
        where[key] = value


class Standing(Frozen):
    """An account as it stands. `state` of a token: `none`, `alive`, `overdue` (should be renewed by now), `dead`.

    `waiting` are requests that no newer token answers yet; `failures` are logins in a row without a token, `failure`
    the kind of the last one, and until `login_from_ms` the lease makes no other, unless the password is changed.
    Times are milliseconds since 1970, 0 where there is none.
    """

    account: str
    tenants: list[str]
    active: bool
    state: Literal["none", "alive", "overdue", "dead"]
    generation: int
    obtained_ms: int
    refresh_ms: int
    dies_ms: int
    waiting: int
    oldest_request_ms: int
    failures: int = 0
    failure: str = ""
    login_under_way: bool = False
    login_from_ms: int = 0


def standings(tenants: Iterable[Tenant], held: Held, requests: Iterable[TokenRequest], at_ms: int) -> list[Standing]:
    """Each account that a tenant names, by key. Pure."""
    named: dict[str, list[Tenant]] = defaultdict(list)
    for tenant in tenants:
        for key in dict.fromkeys(account.key for account in tenant.accounts.values()):
            named[key].append(tenant)
    asked: dict[str, list[int]] = defaultdict(list)
    for request in requests:
        token = held.tokens.get(request.account)
        if request.generation >= (token.generation if token else 0):
            asked[request.account].append(request.at_ms)
    return [_standing(key, named[key], held, asked[key], at_ms) for key in sorted(named)]


def _standing(key: str, tenants: list[Tenant], held: Held, asked: list[int], at_ms: int) -> Standing:
    token, attempt = held.tokens.get(key), held.attempts.get(key)
    return Standing(
        account=key,
        tenants=sorted(tenant.tenant for tenant in tenants),
        active=any(tenant.active for tenant in tenants),
        state=_state(token, at_ms),
        generation=token.generation if token else 0,
        obtained_ms=token.obtained_ms if token else 0,
        refresh_ms=token.refresh_ms if token else 0,
        dies_ms=token.dies_ms if token else 0,
        waiting=len(asked),
        oldest_request_ms=min(asked, default=0),
        failures=attempt.failures if attempt else 0,
        failure=attempt.kind if attempt else "",
        login_under_way=attempt.under_way if attempt else False,
        login_from_ms=attempt.until_ms if attempt else 0,
    )


def _state(token: Token | None, at_ms: int) -> Literal["none", "alive", "overdue", "dead"]:
    if token is None:
        return "none"
    if token.dies_ms <= at_ms:
        return "dead"
    return "overdue" if token.refresh_ms <= at_ms else "alive"


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False) -> None:
    """Of each account of all tenants: its token's generation and times, and how many requests wait."""
    settings, at_ms = load(KafkaSettings), now_ms()
    found = standings(read_tenants(settings).values(), *_held_and_requests(settings), at_ms)
    if as_json:
        shown = [{name: getattr(one, name) for name in one.__struct_fields__} for one in found]
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
        return
    for one in found:
        say(told(one, at_ms))
    if not found:
        say("no tenant has an account; see: relevo tenants apply")


def told(one: Standing, at_ms: int) -> str:
    """The account in one line."""
    off = "" if one.active else " (switched off)"
    waits = f"; {one.waiting} requests wait, for {span(at_ms - one.oldest_request_ms)}" if one.waiting else ""
    told = f"{_token_told(one, at_ms)}{_logins_told(one, at_ms)}{waits}"
    return f"{one.account}  {', '.join(one.tenants)}{off}  {told}"


def _logins_told(one: Standing, at_ms: int) -> str:
    """The last login, if it brought no token."""
    if not one.failures:
        return ""
    rest = span(one.login_from_ms - at_ms)
    if one.login_under_way:
        return f"; a login is under way, or its owner died: another one in {rest} at the earliest"
    times = "failed" if one.failures == 1 else f"failed {one.failures} times"
    return f"; login {times} ({one.failure}), tried again in {rest}, or at once with another password"


def _token_told(one: Standing, at_ms: int) -> str:
    if one.state == "none":
        return "no token; a lease that runs gets one by itself: relevo serve lease"
    age = f"generation {one.generation}, {span(at_ms - one.obtained_ms)} old"
    if one.state == "dead":
        return f"{age}, died {span(at_ms - one.dies_ms)} ago; does the lease run?"
    if one.state == "overdue":
        return f"{age}, was to be renewed {span(at_ms - one.refresh_ms)} ago, dies in {span(one.dies_ms - at_ms)}"
    return f"{age}, renewed in {span(one.refresh_ms - at_ms)}, dies in {span(one.dies_ms - at_ms)}"


def _held_and_requests(settings: KafkaSettings) -> tuple[Held, list[TokenRequest]]:
    held = Held({}, {})
    requests: list[TokenRequest] = []
    for message in scan(settings, (topics.TOKENS.name, topics.TOKENS_REQUESTS.name)):
        if message.topic() == topics.TOKENS.name:
            held.take(message)
            continue
        try:
            requests.append(decode(_bytes(message.value()), TokenRequest))
        except RecordError as wrong:  # the lease makes it a dead letter
            err.print(f"a request cannot be read: {wrong}; see: relevo dlq ls", markup=False, soft_wrap=True)
    return held, requests


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


@app.command()
def renew(
    account: Annotated[str, typer.Argument(help="As `status` shows it (quote the |), or TENANT/ACCOUNT.")],
    within: Annotated[float, typer.Option(min=1, help="How long to wait for the new token, s.")] = 90,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Ask the lease for a new token and wait until it stands. Costs a login, which may end the token in use."""
    settings = load(KafkaSettings)
    key = account_key(read_tenants(settings), account)
    if not yes and not sys.stdin.isatty():
        fail(f"{key} would be logged in anew, which may end the token in use; nothing was done. Say --yes")
    if not yes and not typer.confirm(f"log {key} in anew? It may end the token in use", err=True):
        fail("nothing was done")
    try:
        token = asyncio.run(_renewed(settings, key, within))
    except (FollowerFailed, TimeoutError) as failed:
        fail(f"{failed}")
    at_ms = now_ms()
    times = f"is renewed in {span(token.refresh_ms - at_ms)}, dies in {span(token.dies_ms - at_ms)}"
    say(f"{key}: generation {token.generation} stands, {times}")


def account_key(tenants: dict[str, Tenant], wanted: str) -> str:
    """The key of an account that an active tenant has; ends the command when there is none."""
    named = {
        name: (one.key, tenant)
        for tenant in tenants.values()
        for own, one in tenant.accounts.items()
        for name in (one.key, f"{tenant.tenant}/{own}")
    }
    if wanted not in named:
        listed = ", ".join(sorted({key for key, _ in named.values()}))
        fail(f"no account {wanted!r}; there are {listed or 'none'}; see: relevo token status")
    key = named[wanted][0]
    if not any(tenant.active for found, tenant in named.values() if found == key):
        fail(f"{key}: its tenants are switched off, so no lease logs it in; switch one on first")
    return key


async def _renewed(settings: KafkaSettings, key: str, within_s: float) -> Token:
    """The first token newer than the one that stands. Raises TimeoutError with what to do."""
    held = Held({}, {})
    tokens = held.tokens
    news = asyncio.Event()

    def apply(messages: list[Message]) -> None:
        for message in messages:
            held.take(message)
        news.set()

    follower, producer = Follower(settings, topics.TOKENS.name, apply), Producer(settings)
    await follower.start()
    await producer.start()
    try:
        await follower.caught_up(CAUGHT_UP_S)
        before = tokens.get(key)
        generation = before.generation if before else 0
        request = TokenRequest(account=key, generation=generation, why=WHY, at_ms=now_ms())
        await producer.send(request_record(request))
        async with asyncio.timeout(within_s):
            while key not in tokens or tokens[key].generation <= generation:
                news.clear()
                await news.wait()
    except TimeoutError as late:
        raise TimeoutError(str(late) or _late(key, held, within_s)) from late
    finally:
        await producer.stop()
        await follower.stop()
    return tokens[key]


def _late(key: str, held: Held, within_s: float) -> str:
    token, attempt = held.tokens.get(key), held.attempts.get(key)
    stands = f"generation {token.generation} still stands" if token else "there still is no token"
    interval_s = load(LeaseSettings).min_login_interval_s
    young = token is not None and now_ms() - token.obtained_ms < interval_s * 1000
    wait = f" A token younger than {interval_s:g} s is not renewed before it is so old." if young else ""
    if attempt is not None and attempt.until_ms > now_ms():
        rest = span(attempt.until_ms - now_ms())
        wait += f" The last login brought no token ({attempt.kind}: {attempt.why}); the next one is in {rest}."
    return f"{key}: no new token within {within_s:g} s, {stands}.{wait} {_NO_LEASE}"
