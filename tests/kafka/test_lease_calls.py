"""Tokens and calls the whole way: real clients over real HTTP, the lease as a process, a genuine Kafka between."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from itertools import pairwise

from tests.builders.egress import until
from tests.builders.lease import DID, Caller, LeaseWorld, LoginServer

CLIENTS = 100
WAIT_S = 90  # for processes that start on a loaded machine


async def asked(world: LeaseWorld) -> Counter[int]:
    """How many requests saw which generation refused."""
    return Counter(json.loads(value)["generation"] for value in await world.records(world.names.requests) if value)


async def test_a_hundred_calls_refused_at_the_same_moment_are_one_login_and_all_accepted(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        await world.worker()
        callers = await world.callers(CLIENTS)
        first = await asyncio.gather(*(caller.call() for caller in callers))
        assert {result.kind for result in first} == {"accepted"}
        assert server.logins == 1

        server.dead, server.refuse_together = {"login-1"}, CLIENTS
        server.login_gate.clear()
        calls = asyncio.gather(*(caller.call() for caller in callers))

        async def all_asked() -> bool:
            return (await asked(world))[1] == CLIENTS

        await until(all_asked, "each of the hundred has asked for a newer token", WAIT_S)
        server.login_gate.set()
        assert Counter(result.kind for result in await calls) == {"accepted": CLIENTS}
        assert server.refused == CLIENTS
        assert Counter(token for _, token in server.accepted) == {"login-1": CLIENTS, "login-2": CLIENTS}
        # All that was asked has been read once the request after it is answered.
        await callers[0].feed.tokens.renew(world.account, 2, WAIT_S)
        assert server.logins == 3, "one for the hundred, one for the last request"
        assert [generation for generation, _, _ in await world.tokens()] == [1, 2, 3]


async def test_calls_go_on_while_the_leader_is_killed_in_a_login(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        leader = await world.worker("0")
        callers = await world.callers(4)
        assert {(await caller.call(timeout_s=WAIT_S)).kind for caller in callers} == {"accepted"}
        await world.worker("1")
        server.accepted.clear()
        steady = [asyncio.create_task(calling(caller, server)) for caller in callers]
        steady.append(asyncio.create_task(controlling(callers[0], server)))
        server.login_gate.clear()
        await world.request(1)
        await until(lambda: server.logins == 2, "the leader logs in", WAIT_S)
        leader.kill()
        killed = time.monotonic()
        assert await leader.ended() == -signal.SIGKILL
        server.login_gate.set()
        await until(lambda: server.accepted[-1][1] == "login-3", "calls carry the token of the standby", WAIT_S)
        for task in steady:
            task.cancel()
        kinds = [kind for kinds in await asyncio.gather(*steady, return_exceptions=True) for kind in outcomes(kinds)]
        assert kinds == [], "a call that was not accepted"
        assert server.logins == 3, "one extra login, of the leader that died"
        assert {token for at, token in server.accepted if at < server.login_at[2]} == {"login-1"}
        # The machine's own stalls show in calls that need no token.
        gap, stall = largest([at for at, _ in server.accepted]), largest(server.control)
        took = server.accepted[-1][0] - killed
        print(f"{len(server.accepted)} calls, largest gap {gap:.2f} s ({stall:.2f} s without), {took:.1f} s after")
        assert gap - stall < 2.0
        assert [generation for generation, _, _ in await world.tokens()] == [1, 2]


async def calling(caller: Caller, server: LoginServer) -> None:
    """Calls without a pause worth the name; raises at the first that is not accepted."""
    while True:
        result = await caller.call(timeout_s=10)
        assert result.kind == "accepted", result
        await asyncio.sleep(0.05)


async def controlling(caller: Caller, server: LoginServer) -> None:
    """The same without a token."""
    while True:
        await caller.wire.post(f"{server.base}/control", b"{}", {}, timeout_s=30, fresh=False)
        await asyncio.sleep(0.05)


def outcomes(ended: BaseException | None) -> list[str]:
    return [] if isinstance(ended, asyncio.CancelledError) else [repr(ended)]


def largest(times: list[float]) -> float:
    return max(after - before for before, after in pairwise(times))


async def test_calls_for_a_line_of_another_account_cause_no_login_however_long_they_go_on(broker: str) -> None:
    foreign, young_s, callers = "56922222222", 1.0, 8
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        await world.worker()
        clients = await world.callers(callers, young_s)
        assert {(await client.call(timeout_s=WAIT_S)).kind for client in clients} == {"accepted"}
        server.foreign = {foreign}
        begin, codes = time.monotonic(), Counter[str]()
        while time.monotonic() < begin + 5 * young_s:
            results = await asyncio.gather(*(client.call(did) for client in clients for did in (DID, foreign)))
            assert all(result.kind == "accepted" for result in results[::2])
            codes.update(result.code for result in results[1::2])
            await asyncio.sleep(0.02)
        took = time.monotonic() - begin
        print(f"{codes} in {took:.1f} s, {server.refused} reached the server, {server.logins} login")
        assert set(codes) == {"not_your_line"}
        assert server.refused <= callers * (took / young_s + 2) < codes.total(), "the breaker keeps calls back"
        assert server.refused >= 2 * callers, "and looks again"
        assert server.logins == 1
        assert (await asked(world))[1] == 0

        server.foreign.clear()

        async def ours() -> bool:
            return {(await client.call(foreign)).kind for client in clients} == {"accepted"}

        await until(ours, "the line is ours now and the breaker closes", WAIT_S)
        assert server.logins == 1
