"""The token lease on a genuine Kafka: one login for everybody, a standby that takes over, a fence that holds."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter

from runtime.kafka.record import Record
from tests.builders.egress import until
from tests.builders.lease import LeaseWorld, LoginServer

CLIENTS = 100
WAIT_S = 90  # for processes that start on a loaded machine


async def test_a_hundred_clients_refused_at_once_are_one_login(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        await world.worker()
        clients = await world.clients(CLIENTS)
        first = await asyncio.gather(*(client.get(world.account, WAIT_S) for client in clients))
        assert {held.text for held in first} == {"login-1"}
        assert server.logins == 1

        second = await asyncio.gather(*(client.renew(world.account, 1, WAIT_S) for client in clients))
        assert {held.text for held in second} == {"login-2"}
        # everything that was asked has been read once the request after it is answered
        await clients[0].renew(world.account, 2, WAIT_S)
        assert server.logins == 3
        assert [generation for generation, _, _ in await world.tokens()] == [1, 2, 3]
        # Everybody saw the first token refused and asked. Before it was there some may have asked for one; the lease
        # also logs in unasked, so that they may as well have found it.
        asked = Counter(json.loads(value)["generation"] for value in await world.records(world.names.requests))
        assert (asked[1], asked[2]) == (CLIENTS, 1)
        assert asked[0] <= CLIENTS


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


async def test_the_standby_takes_over_from_a_leader_that_dies_in_a_login(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        leader = await world.worker("0", points="lease_logged_in=kill:2")
        (client,) = await world.clients(1)
        assert (await client.get(world.account, WAIT_S)).generation == 1
        await world.worker("1")
        renewal = asyncio.create_task(client.renew(world.account, 1, WAIT_S))
        assert await leader.ended() == -signal.SIGKILL
        assert server.logins == 2
        assert (await client.get(world.account, 1)).text == "login-1", "the old token stays in use"
        assert (await renewal).text == "login-3"
        assert server.logins == 3, "one extra login, of the leader that died"
        assert [generation for generation, _, _ in await world.tokens()] == [1, 2]


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


async def test_a_wrong_password_is_tried_once_and_requests_do_not_change_that(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        server.status = 401
        worker = await world.worker()
        await until(lambda: "login failed" in worker.log, "the login failed", WAIT_S)
        for generation in range(5):
            await world.request(generation)
        await until(lambda: "token request" in worker.log, "the requests were read", WAIT_S)
        assert server.logins == 1
        assert "secret" not in worker.log


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
