"""The token lease on a genuine Kafka: renewal in time, a fence that holds, requests that cannot be read."""

from __future__ import annotations

import asyncio

from runtime.kafka.record import Record
from tests.builders.egress import until
from tests.builders.lease import LeaseWorld, LoginServer

WAIT_S = 90  # for processes that start on a loaded machine


async def test_a_token_is_renewed_at_90_percent_of_its_life(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        server.expires_in_s = 5
        await world.worker()

        async def renewed() -> bool:
            return len(await world.tokens()) >= 2

        await until(renewed, "the token is renewed unasked", WAIT_S)
        (_, _, one), (_, text, two), *_ = await world.tokens()
        assert text == "login-2"
        assert one.refresh_ms == one.obtained_ms + 4500
        assert one.refresh_ms <= two.obtained_ms < one.dies_ms
        assert await world.records(world.names.requests) == []


async def test_a_deposed_leader_cannot_write(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        leader = await world.worker("0", points="lease_logged_in=stop:2")
        (client,) = await world.clients(1)
        await client.get(world.account, WAIT_S)
        await world.worker("1")
        renewal = asyncio.create_task(client.renew(world.account, 1, WAIT_S))
        await until(lambda: leader.frozen, "the leader is frozen between its login and its write", WAIT_S)
        assert (await renewal).text == "login-3"
        leader.resume()
        await until(lambda: "a token was not written" in leader.log, "the leader gives its token up", WAIT_S)
        assert [(generation, text) for generation, text, _ in await world.tokens()] == [(1, "login-1"), (2, "login-3")]
        assert server.logins == 3


async def test_a_request_that_cannot_be_read_is_kept_and_holds_nothing_up(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        await world.producer.send(_garbage(world))
        await world.worker()
        (client,) = await world.clients(1)
        assert (await client.get(world.account, WAIT_S)).text == "login-1"

        async def buried() -> bool:
            return await world.records(world.names.dead_letters) == [b"garbage"]

        await until(buried, "the bytes are with the dead letters", WAIT_S)
        assert (await client.renew(world.account, 1, WAIT_S)).text == "login-2"


def _garbage(world: LeaseWorld) -> Record:
    return Record(world.names.requests, b"garbage", b"isv|acme@acme")
