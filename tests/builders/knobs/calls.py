"""Probes of the knobs of calls: authorization, tokens, logins, limits, registrations, the wire."""

import asyncio
from typing import Any

import aiohttp
import orjson

from sandbox.chattigo import ledger
from sandbox.chattigo.config import BASES
from tests.builders.knobs.rig import PERSON, Rig, turns
from tests.unit.sandbox.conftest import CLOUD, OTHER

ISV = BASES["isv"]
SEND = f"{ISV}/v15.0/{CLOUD}/messages"


@turns("auth.isv_send", "both")
async def _(rig: Rig) -> Any:
    return await rig.opens("isv", SEND, "Bearer {}")


@turns("auth.isv_register", "bearer")
async def _(rig: Rig) -> Any:
    return await rig.opens("isv", f"{ISV}/webhooks/inbound", "{}", "PATCH")


@turns("auth.isv_inbound", "raw")
async def _(rig: Rig) -> Any:
    return await rig.opens("isv", f"{ISV}/webhooks/inbound", "Bearer {}")


@turns("auth.hsm", "both")
async def _(rig: Rig) -> Any:
    return await rig.opens("hsm", "/message/inbound", "{}")


@turns("auth.bot", "raw")
async def _(rig: Rig) -> Any:
    return await rig.opens("bot", "/api-bot/outbound", "Bearer {}")


@turns("auth.channel", "raw")
async def _(rig: Rig) -> Any:
    return await rig.opens("channel", f"{BASES['channel']}/inbound", "Bearer {}")


async def logs_in(rig: Rig, password: str = "secret") -> int:
    return (await rig.call("POST", f"{ISV}/login", {"username": "acme@acme", "password": password}))[0]


@turns("logins.per_minute", 2)
async def _(rig: Rig) -> Any:
    return [await logs_in(rig) for _ in range(3)]


@turns("logins.status", 503, logins={"per_minute": 1})
async def _(rig: Rig) -> Any:
    return [await logs_in(rig, "wrong"), await logs_in(rig)]


@turns("logins.lock_s", 300, logins={"per_minute": 1})
async def _(rig: Rig) -> Any:
    first = [await logs_in(rig), await logs_in(rig)]
    rig.clock.now_s += 61
    return [*first, await logs_in(rig)]


@turns("token_ttl_s", 10)
async def _(rig: Rig) -> Any:
    await rig.login("isv")
    rig.clock.now_s += 11
    return (await rig.text())[0]


@turns("token_early_s", 5, token_ttl_s=10)
async def _(rig: Rig) -> Any:
    await rig.login("isv")
    rig.clock.now_s += 6
    return (await rig.text())[0]


@turns("expires_in", True)
async def _(rig: Rig) -> Any:
    _, body = await rig.call("POST", f"{ISV}/login", {"username": "acme@acme", "password": "secret"})
    return orjson.loads(body).get("expires_in")


@turns("single_session", True)
async def _(rig: Rig) -> Any:
    first = await rig.login("isv")
    await rig.login("isv")
    return (await rig.call("POST", SEND, {}, first))[0]


@turns("unauthorized", "graph")
async def _(rig: Rig) -> Any:
    return await rig.call("POST", SEND, {}, "nonsense")


@turns("limits.line_per_s", 1, limits={"line_queue_s": 0})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text("56922222222"))[0]]


@turns("limits.line_queue_s", 0, limits={"line_per_s": 100})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text("56922222222"))[0]]


@turns("limits.pair_s", 6, limits={"pair_burst": 1})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text())[0]]


@turns("limits.pair_burst", 1, limits={"pair_s": 6})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text())[0]]


@turns("limits.answer", "receipt", limits={"pair_s": 6, "pair_burst": 1})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text())[0], await rig.codes()]


@turns("limits.error_status", 429, limits={"pair_s": 6, "pair_burst": 1})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text())[0]]


@turns("limits.calls_per_s", 1, limits={"calls_burst": 1})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text())[0]]


@turns("limits.calls_burst", 1, limits={"calls_per_s": 1})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text())[0]]


@turns("limits.calls_by", "line", limits={"calls_per_s": 1, "calls_burst": 1})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text(did=OTHER))[0]]


@turns("limits.calls_status", 200, limits={"calls_per_s": 1, "calls_burst": 1})
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], (await rig.text())[0], await rig.codes()]


@turns("limits.retry_after", "seconds", limits={"calls_per_s": 1, "calls_burst": 1})
async def _(rig: Rig) -> Any:
    token = await rig.token("isv")
    headers = {"Authorization": token}
    for _ in range(2):
        async with rig.session.post(rig.chattigo.base_url + SEND, json={}, headers=headers) as answer:
            found = answer.headers.get("Retry-After")
    return found


@turns("limits.withheld", 1)
async def _(rig: Rig) -> Any:
    await rig.batched(hsm_template="sale")
    return await rig.codes()


@turns("limits.opted_out", 1)
async def _(rig: Rig) -> Any:
    await rig.batched(hsm_template="sale")
    return await rig.codes()


@turns("limits.restricted", [CLOUD])
async def _(rig: Rig) -> Any:
    await rig.batched()
    return await rig.codes()


async def _outcome(rig: Rig) -> tuple[int, bool]:
    """What the caller of a send sees (0: a reset), and whether it was accepted."""
    await rig.token("isv")
    try:
        status = (await rig.text())[0]
    except aiohttp.ClientError:
        status = 0
    return status, rig.found(ledger.Call)[-1].accepted


@turns("latency_s", [1, 1])
async def _(rig: Rig) -> Any:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rig.call("POST", "/nowhere", {})
    return loop.time() - began >= 1


async def _with_luck(rig: Rig, **wire: Any) -> tuple[int, bool]:
    """A token first, so that its login meets no misfortune; then the knob as it stands."""
    knobs = rig.chattigo.world.knobs.wire
    kept = {name: getattr(knobs, name) for name in wire}
    for name, calm in wire.items():
        setattr(knobs, name, calm)
    await rig.token("isv")
    for name, value in kept.items():
        setattr(knobs, name, value)
    return await _outcome(rig)


@turns("wire.errors", 1)
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, errors=0)


@turns("wire.statuses", [507], wire={"errors": 1})
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, errors=0)


@turns("wire.after", 1)
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, after=0)


@turns("wire.reset_before", 1)
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, reset_before=0)


@turns("wire.reset_after", 1)
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, reset_after=0)


async def _slowly(rig: Rig) -> bool:
    loop = asyncio.get_running_loop()
    await rig.token("isv")
    began = loop.time()
    await rig.text()
    return loop.time() - began >= 1


@turns("wire.slow", 1, wire={"slow_s": 1})
async def _(rig: Rig) -> Any:
    return await _slowly(rig)


@turns("wire.slow_s", 1, wire={"slow": 1, "slow_s": 0})
async def _(rig: Rig) -> Any:
    return await _slowly(rig)


@turns("wire.burst_each_s", 10, wire={"burst_s": 10})
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, burst_each_s=0)


@turns("wire.burst_s", 10, wire={"burst_each_s": 10, "burst_s": 0})
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, burst_each_s=0)


@turns("wire.burst_status", 500, wire={"burst_each_s": 10, "burst_s": 10})
async def _(rig: Rig) -> Any:
    return await _with_luck(rig, burst_each_s=0)


async def _register(rig: Rig, url: str, did: str = CLOUD, kind: str = "inbound") -> tuple[int, bytes]:
    field = {"inbound": "externalWebhook", "outbound": "externalWebhookIsvBot"}[kind]
    body = {"waId": did, field: url}
    return await rig.call("PATCH", f"{ISV}/webhooks/{kind}", body, await rig.token("isv"))


@turns("registration_answer", "empty")
async def _(rig: Rig) -> Any:
    return await _register(rig, "https://isv.example/x", kind="outbound")


@turns("allow_http", False)
async def _(rig: Rig) -> Any:
    return (await _register(rig, "http://isv.example/x", kind="outbound"))[0]


@turns("unknown_wa_id", 404)
async def _(rig: Rig) -> Any:
    return (await _register(rig, "https://isv.example/x", OTHER))[0]


@turns("registration_s", 60)
async def _(rig: Rig) -> Any:
    await _register(rig, "https://isv.example/x")
    return rig.chattigo.world.url(CLOUD, "inbound")


@turns("registration_taken", "refuse")
async def _(rig: Rig) -> Any:
    return (await _register(rig, "https://isv.example/x"))[0]


@turns("foreign_did", "lost")
async def _(rig: Rig) -> Any:
    return (await rig.text(did=OTHER))[0]


@turns("inbound_unknown", "ignore")
async def _(rig: Rig) -> Any:
    return (await rig.call("POST", f"{ISV}/webhooks/inbound", {"stateAgent": "BOT"}, await rig.token("isv")))[0]


@turns("channel_answer", "empty")
async def _(rig: Rig) -> Any:
    return await rig.brought()


@turns("channel_strict", False)
async def _(rig: Rig) -> Any:
    assert (await rig.brought(id=7))[0] == 200
    return [one.taken for one in rig.found(ledger.Brought)]


@turns("send_answer", "no_content")
async def _(rig: Rig) -> Any:
    return (await rig.text())[0]


@turns("send_refused", 1)
async def _(rig: Rig) -> Any:
    return (await rig.text())[0]


@turns("send_refused_codes", [3], send_refused=1)
async def _(rig: Rig) -> Any:
    return await rig.text()


@turns("send_error", "bare")
async def _(rig: Rig) -> Any:
    return await rig.send({"to": PERSON})
