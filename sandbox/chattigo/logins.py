"""POST {base}/login of all services (Chattigo's facts, section 1.1)."""

from typing import Any

from sandbox.chattigo import ledger
from sandbox.chattigo.answers import Verdict, flat_error, ok
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.config import BASES, Service
from sandbox.chattigo.world import World


def route(service: Service) -> Route:
    """The login of one service."""

    def handle(world: World, call: Call) -> Verdict:
        return _login(world, call, service)

    return Route(f"{service}.login", service, "POST", f"{BASES[service]}/login", None, handle)


def _login(world: World, call: Call, service: Service) -> Verdict:
    body = call.body if isinstance(call.body, dict) else {}
    username, password = body.get("username"), body.get("password")
    if not isinstance(username, str) or not isinstance(password, str) or not username or not password:
        return flat_error("username and password are mandatory strings")
    wait_s = world.limiter.login(service, username, world.clock())
    if wait_s:
        headers = world.limiter.retry_after(wait_s, world.clock())
        return Verdict(world.knobs.logins.status, reason="too many logins", headers=headers)
    account = world.account(service, username)
    if account is None or account.password != password:
        failed = ledger.Login(call=call.number, service=service, account=username, ok=False)
        return Verdict(401, reason="wrong credentials", entries=(failed,))
    entries: list[ledger.Entry] = []
    if world.knobs.single_session:
        world.tokens.expire(service, username, world.now_ms())
        entries.append(ledger.Expired(service=service, account=username, call=call.number))
    token = world.tokens.issue(service, username, account.id_client, world.now_ms(), world.knobs.token_ttl_s)
    holder = world.tokens.peek(token)
    serial = holder.serial if holder else 0
    entries.append(ledger.Login(call=call.number, service=service, account=username, ok=True, token=serial))
    answer: dict[str, Any] = {"access_token": token} | _extras(service, username)
    if world.knobs.expires_in:
        answer["expires_in"] = int(world.knobs.token_ttl_s)
    return ok(answer, accepted=True, entries=tuple(entries))


def _extras(service: Service, username: str) -> dict[str, Any]:
    extras: dict[Service, dict[str, Any]] = {
        "isv": {"user": username, "access": True},
        "hsm": {"access": True},
        "bot": {},
        "channel": {},
    }
    return extras[service]
