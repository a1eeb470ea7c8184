"""A holder of the lease that was frozen beyond its session comes back by itself, or ends and takes nothing with it; and
no two of its grants count."""

from __future__ import annotations

import re
import signal

from tests.builders.egress import until
from tests.builders.lease import LeaseWorker, LeaseWorld, LoginServer

WAIT_S = 90  # for processes that start on a loaded machine
LOST = 73


async def test_a_frozen_holder_comes_back_or_ends_and_a_standby_serves_meanwhile(broker: str) -> None:
    async with LoginServer() as server, LeaseWorld(broker, server) as world:
        first = await world.worker("0", points="transaction_open=stop:3")
        (client,) = await world.clients(1)
        assert (await client.get(world.account, WAIT_S)).generation == 1
        standbys = [await world.worker(name) for name in ("1", "2")]
        await world.request(1)
        await until(lambda: first.frozen, "the holder is frozen while it puts its login on record", WAIT_S)
        assert (await client.renew(world.account, 1, WAIT_S)).generation == 2, "a standby has taken over"
        first.resume()
        assert await first.ended(WAIT_S) == LOST, "its producer is fenced for good"
        assert _assigned(first) == 1, "it did not join again, to take the accounts to its grave"

        holder, other = sorted(standbys, key=_generation, reverse=True)
        holder.process.send_signal(signal.SIGSTOP)
        assert (await client.renew(world.account, 2, WAIT_S)).generation == 3, "the other one has taken over"
        holder.resume()
        other.kill()
        assert await other.ended() == -signal.SIGKILL
        assert (await client.renew(world.account, 3, WAIT_S)).generation == 4, "who was frozen serves again"
        assert holder.process.returncode is None, "without a new start"
        assert [generation for generation, _, _ in await world.tokens()] == [1, 2, 3, 4], "each was granted once"
        assert server.logins == 4


def _assigned(worker: LeaseWorker) -> int:
    """How often it was given the accounts."""
    return len(re.findall(r"partitions \[0\] assigned", worker.log))


def _generation(worker: LeaseWorker) -> int:
    """The last token that it wrote."""
    found = re.findall(r"token renewed.*?generation\W+(\d+)", worker.log)
    return int(found[-1]) if found else 0
