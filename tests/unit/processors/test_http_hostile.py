"""The agent `http` and a service that is hostile: each event ends in its time, with a cause of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from processors.agents.actions import Action
from processors.agents.agent import Agent, Conversation
from processors.agents.builtin.http.agent import HttpAgent
from processors.agents.limits import AgentFailed, Limits
from processors.agents.play import play
from processors.agents.resources import World, opened
from runtime.clock import now_ms
from runtime.secrets import Secret
from schemas import content as c
from schemas.inbound import Facts, InboundEvent
from tests.builders.hooks import SECRET, calling
from tests.builders.webhooks import LINE
from tests.builders.wire_server import Exchange, WireServer

GOOD = b'{"actions": [{"type": "reply", "text": "hola"}]}'
LIMITS = Limits(timeout_s=3)


async def asked(url: str, contact: str = "56922222222", limits: Limits = LIMITS, **config: object) -> list[Action]:
    """The actions for one message, over a genuine connection."""
    agent = Agent("http", HttpAgent())
    settings = {"url": url, "plain": True, "secret": SECRET, "timeout_s": 0.5, "retries": 0, **config}
    event = InboundEvent(
        id=f"wamid.{contact}",
        tenant="acme",
        did=LINE,
        contact=contact,
        reply_to=contact,
        kind="message",
        at_ms=1,
        content=c.Text(body="hola"),
    )
    conversation = Conversation(
        tenant="acme", did=LINE, contact=contact, facts=Facts(), memory={}, config=settings, now_ms=1, agent="http"
    )
    async with calling(answer_max=4096) as calls, opened(agent, World(calls, now_ms, limits)):
        return await play(agent, conversation, event, limits)


async def page(exchange: Exchange) -> None:
    await exchange.answer(200, b"<html>Service worker</html>", Content_Type="text/html")


async def broken(exchange: Exchange) -> None:
    await exchange.answer(200, GOOD[:-1], Content_Type="application/json")


async def failing(exchange: Exchange) -> None:
    await exchange.answer(500, GOOD)


async def elsewhere(exchange: Exchange) -> None:
    await exchange.answer(302, GOOD, Location="http://169.254.169.254/latest/meta-data/")


async def huge(exchange: Exchange) -> None:
    await exchange.answer(200, GOOD[:-2] + b" " * 10_000 + GOOD[-2:])


async def drips(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD))
    for byte in GOOD:
        await exchange.raw(bytes([byte]))
        await asyncio.sleep(0.05)


async def resets(exchange: Exchange) -> None:
    exchange.reset()


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (page, "bad_answer"),
        (broken, "bad_answer"),
        (failing, "hook_error"),
        (elsewhere, "hook_refused"),
        (huge, "hook_too_large"),
        (drips, "hook_timeout"),
        (resets, "hook_unreachable"),
    ],
)
async def test_each_way_to_fail_has_a_cause_of_its_own(
    script: Callable[[Exchange], Awaitable[None]], cause: str
) -> None:
    started = time.monotonic()
    async with WireServer(script) as server:
        with pytest.raises(AgentFailed) as failed:
            await asked(server.base)
    assert failed.value.reason == cause
    assert time.monotonic() - started < 10


async def test_it_is_asked_again_with_the_same_id_until_it_answers() -> None:
    async def third(exchange: Exchange) -> None:
        if len(server.requests) < 3:
            exchange.reset()
        else:
            await exchange.answer(200, GOOD)

    async with WireServer(third) as server:
        (action,) = await asked(server.base, retries=2, headers={"X-Key": Secret("hunter2")})
        assert action.kind == "reply"
        seen = {
            (one.body, *(line for line in one.head.split("\r\n") if line.startswith("webhook-id")))
            for one in server.requests
        }
        assert len(seen) == 1
        assert len(server.requests) == 3
        assert all("X-Key: hunter2" in one.head for one in server.requests)


async def test_other_conversations_are_answered_while_one_waits() -> None:
    waited = asyncio.Event()

    async def some(exchange: Exchange) -> None:
        if b'"contact":"slow"' in exchange.body:
            await waited.wait()
        await exchange.answer(200, GOOD)

    patient = Limits(timeout_s=60)
    async with WireServer(some) as server:
        slow = asyncio.create_task(asked(server.base, "slow", patient, timeout_s=50))
        fast = (asked(server.base, f"fast{n}", patient, timeout_s=50) for n in range(20))
        assert all(await asyncio.gather(*fast))
        assert not slow.done()
        waited.set()
        assert await slow
