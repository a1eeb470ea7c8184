"""How often an account is logged in does not depend on how often the lease's process changes: on a genuine Kafka."""

from __future__ import annotations

import signal
from itertools import pairwise

from tests.builders.egress import until
from tests.builders.lease import LeaseWorld, LoginServer

WAIT_S = 90


async def test_a_wrong_password_is_not_tried_again_by_a_new_process_until_it_is_changed(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        await world.declare("wrong")
        first = await world.worker("0")
        await until(lambda: "login failed" in first.log, "the login failed", WAIT_S)
        await first.end()
        (before,) = [attempt for attempt in await world.attempts() if not attempt.under_way]
        assert (before.kind, before.failures, before.status) == ("credentials", 1, 401)
        assert before.until_ms - before.at_ms == 300_000
        assert "wrong" not in first.log + str(await world.records(world.names.tokens))

        second = await world.worker("1")
        await until(lambda: "an account is left alone" in second.log, "the new process knows", WAIT_S)
        await world.declare("wrong")  # the same once more, encrypted anew
        await world.request(0)
        await until(lambda: "token request" in second.log, "the request was read", WAIT_S)
        assert server.logins == 1

        await world.declare("secret")

        async def renewed() -> bool:
            return [text for _, text, _ in await world.tokens()] == ["login-2"]

        await until(renewed, "the new password is tried at once", WAIT_S)
        await second.end()
        assert server.logins == 2
        assert (await world.records(world.names.tokens))[-1] is None, "the token takes the failure off the record"


async def test_a_process_that_dies_in_each_login_leaves_the_account_alone_in_between(broker: str) -> None:
    interval_s = 9.0
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        points = "lease_logged_in=kill"
        first = await world.worker("0", points, min_login_interval_s=interval_s)
        assert await first.ended() == -signal.SIGKILL
        assert server.logins == 1
        # Again and again, as an impatient supervisor would.
        for _ in range(3):
            again = await world.worker("0", points, min_login_interval_s=interval_s)
            await until(lambda worker=again: "an account is left alone" in worker.log, "it finds the login", WAIT_S)
            again.kill()
            await again.ended()
            if server.logins > 1:
                break  # it took so long that the next one was due
        last = await world.worker("0", min_login_interval_s=interval_s)

        async def renewed() -> bool:
            return len(await world.tokens()) == 1

        await until(renewed, "an account that was left alone for long enough is logged in", WAIT_S)
        await last.end()
        assert len(server.login_at) == server.logins <= 3
        assert all(after - before >= interval_s - 1 for before, after in pairwise(server.login_at)), server.login_at
