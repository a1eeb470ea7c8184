"""The gate that every call to the simulated services passes: fault, authorization, service, ledger, answer, in
this order.

Promises: the call and all that it caused are in the ledger, in one write, before anything of the answer leaves;
so the ledger tells whether a call was accepted also when its caller saw a reset. Calls to unknown paths are
recorded as well.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import orjson
from aiohttp import web

from sandbox.chattigo import ledger, wire
from sandbox.chattigo.answers import Verdict, unauthorized
from sandbox.chattigo.faults import Fault
from sandbox.chattigo.knobs import Scheme
from sandbox.chattigo.limits import TOO_FAST
from sandbox.chattigo.numbers import person
from sandbox.chattigo.tokens import Holder
from sandbox.chattigo.world import World

_EARLY_S = 0.1  # how much longer than the first receipt the answer takes when the receipt comes first
Rule = Literal["isv_send", "isv_register", "isv_inbound", "hsm", "bot", "channel"]


class Call(NamedTuple):
    """A call as a service sees it. `body`: parsed JSON, None when it is none; `did`: from the path or the body;
    `digest`: of the raw body; `doom`: what its messages meet although it is answered 200, 0 for nothing.
    """

    number: int
    method: str
    path: str
    raw: bytes
    body: Any
    authorization: str
    did: str
    username: str
    at_ms: int
    digest: str = ""
    doom: int = 0


class Route(NamedTuple):
    """A route of a service; `rule` names the knob of its authorization, None for a login."""

    name: str
    service: str
    method: str
    path: str
    rule: Rule | None
    handle: Callable[[World, Call], Verdict]


def handler(world: World, route: Route) -> Callable[[web.Request], Any]:
    """The aiohttp handler of a route."""

    async def answer(request: web.Request) -> web.StreamResponse:
        call = await _open(world, request)
        fault = _fault(world, route, call)
        pause = world.dice.between(world.knobs.latency_s, "latency", call.number) + fault.delay_before_s
        if pause > 0:
            await asyncio.sleep(pause)
        verdict = Verdict(0, reason="fault", auth="none") if fault.refuses else _judge(world, route, call)
        _record(world, route, call, verdict, fault)
        if verdict.then is not None:
            verdict.then()
        if verdict.recipients and world.dice.chance(world.knobs.receipts.before_answer, "early", call.number):
            await asyncio.sleep(world.knobs.receipts.sent_s[1] + _EARLY_S)
        return await wire.answer(request, verdict, fault)

    return answer


def _fault(world: World, route: Route, call: Call) -> Fault:
    """What hits the call: a fault that was armed, else one by chance."""
    roll = world.dice.roll("fault", call.number)
    armed = world.faults.take(route.name, route.service, call.did, call.username, roll)
    if armed is not None or not route.service:
        return armed or Fault()
    return world.chances.fault(route.name, route.service, call.digest, world.clock()) or Fault()


async def _open(world: World, request: web.Request) -> Call:
    world.calls += 1
    number, now = world.calls, world.now_ms()
    raw = await _read(request)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    authorization = request.headers.get("Authorization", "")
    fields = body if isinstance(body, dict) else {}
    did = request.match_info.get("did") or fields.get("did") or fields.get("waId") or ""
    holder = world.tokens.peek(_bare(authorization))
    username = holder.username if holder else str(fields.get("username", ""))
    digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
    return Call(number, request.method, request.path, raw, body, authorization, str(did), username, now, digest)


async def _read(request: web.Request) -> bytes:
    """The body; what came of it when the caller went away, so that the call is recorded all the same."""
    try:
        return await request.read()
    except (web.RequestPayloadError, OSError):
        return b""


def _bare(authorization: str) -> str:
    return authorization.removeprefix("Bearer ").strip()


def _to(body: Any) -> str:
    """Whom a call with one recipient is for, in whichever form it says so; empty for a batch."""
    to = (body.get("to") or body.get("msisdn")) if isinstance(body, dict) else None
    return to if isinstance(to, str) else ""


def _judge(world: World, route: Route, call: Call) -> Verdict:
    if route.rule is not None:
        refusal = _authorize(world, route.service, getattr(world.knobs.auth, route.rule), call.authorization)
        if refusal:
            return unauthorized(refusal, world.knobs.unauthorized)
        now_s = world.clock()
        wait_s = world.limiter.call(route.service, call.username, now_s, did=call.did, route=route.name)
        if wait_s and world.knobs.limits.calls_status != 200:
            headers = world.limiter.retry_after(wait_s, now_s)
            return Verdict(world.knobs.limits.calls_status, reason="over the account's calls", headers=headers)
        call = call._replace(doom=TOO_FAST if wait_s else 0)
    return route.handle(world, call)


def _authorize(world: World, service: str, scheme: Scheme, authorization: str) -> str:
    """Empty when the token opens the route, else why not."""
    if not authorization:
        return "missing"
    bearer = authorization.startswith("Bearer ")
    if (scheme == "raw" and bearer) or (scheme == "bearer" and not bearer):
        return "scheme"
    early_ms = int(world.knobs.token_early_s * 1000)
    holder = world.tokens.check(_bare(authorization), service, world.now_ms() + early_ms)
    return "" if isinstance(holder, Holder) else holder


def _record(world: World, route: Route, call: Call, verdict: Verdict, fault: Fault) -> None:
    hit = fault.label != "none"
    entry = ledger.Call(
        call=call.number,
        method=call.method,
        path=call.path,
        route=route.name,
        service=route.service,
        account=call.username,
        did=call.did,
        auth=verdict.auth if route.rule else "none",
        status=0 if fault.reset else fault.status or verdict.status,
        accepted=verdict.accepted,
        reason=verdict.reason,
        fault=fault.label if hit else "",
        recipients=verdict.recipients,
        digest=call.digest,
        bytes=len(call.raw),
        came_ms=call.at_ms,
        to=person(_to(call.body)),
        took_ms=world.now_ms() - call.at_ms,
    )
    world.ledger.write(*verdict.entries, entry)
