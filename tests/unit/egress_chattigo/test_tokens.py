"""Whoever needs a token waits for it, and one process asks once."""

from __future__ import annotations

import asyncio

import pytest

from egress.chattigo.tokens import AGAIN_S, NoToken, Tokens
from runtime.kafka.record import Backpressure
from schemas.token import TokenRequest
from tests.builders.tokens import RING, Message, account, message, token

NOW = 1_700_000_000_000
ISV = account()


class Office:
    """The lease's side: what was asked, and a clock to turn."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.now = NOW
        self.fails = 0
        self.tokens = Tokens(RING, self.ask, now_ms=lambda: self.now)

    async def ask(self, request: TokenRequest) -> None:
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise Backpressure("full")
        self.asked.append((request.account, request.generation))

    def write(self, generation: int, **rest: int) -> None:
        self.tokens.apply([message(token(ISV, generation, obtained_ms=self.now, **rest))])


async def test_a_token_that_is_there_is_given_at_once_and_nobody_is_asked() -> None:
    office = Office()
    office.write(3)
    held = await office.tokens.get(ISV, 1)
    assert (held.text, held.generation, office.asked) == ("t3", 3, [])


async def test_a_hundred_callers_without_a_token_ask_once_and_all_get_it() -> None:
    office = Office()
    callers = [asyncio.create_task(office.tokens.get(ISV, 5)) for _ in range(100)]
    await asyncio.sleep(0.01)
    office.write(1)
    assert {held.text for held in await asyncio.gather(*callers)} == {"t1"}
    assert office.asked == [(ISV.key, 0)]


async def test_a_hundred_refused_callers_ask_once_for_the_generation_that_was_refused() -> None:
    office = Office()
    office.write(7)
    callers = [asyncio.create_task(office.tokens.renew(ISV, 7, 5)) for _ in range(100)]
    await asyncio.sleep(0.01)
    assert (await office.tokens.get(ISV, 1)).generation == 7, "the old token stays in use"
    office.write(8)
    assert {held.generation for held in await asyncio.gather(*callers)} == {8}
    assert office.asked == [(ISV.key, 7)]


async def test_a_token_that_was_renewed_meanwhile_needs_no_request() -> None:
    office = Office()
    office.write(8)
    assert (await office.tokens.renew(ISV, 7, 1)).generation == 8
    assert office.asked == []


async def test_no_token_in_time_is_said() -> None:
    office = Office()
    with pytest.raises(NoToken, match=r"isv\|acme@acme"):
        await office.tokens.get(ISV, 0.02)
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.02)
    assert len(office.asked) == 1
    office.now += int(AGAIN_S * 1000)
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.02)
    assert len(office.asked) == 2, "without any answer it asks again"


async def test_a_request_that_nobody_answered_is_written_again_also_when_the_clock_was_set_back() -> None:
    office = Office()
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.02)
    office.now -= 3_600_000
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.02)
    assert len(office.asked) == 2


async def test_a_request_that_was_not_written_is_written_again() -> None:
    office = Office()
    office.fails = 1
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.01)
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.01)
    assert office.asked == [(ISV.key, 0)]


async def test_a_dead_token_is_not_given_out() -> None:
    office = Office()
    office.write(2, life_ms=1000)
    office.now += 1000
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.01)
    assert office.asked == [(ISV.key, 2)]


async def test_a_token_opens_only_for_the_address_that_gave_it() -> None:
    office = Office()
    office.write(1)
    with pytest.raises(NoToken):
        await office.tokens.get(account(base="http://127.0.0.1:2"), 0.01)
    assert (await office.tokens.get(account(base=ISV.base + "/"), 0.01)).text == "t1"


async def test_garbage_on_the_topic_leaves_the_token_in_use_and_a_tombstone_takes_it_away() -> None:
    office = Office()
    office.write(1)
    office.tokens.apply([Message(ISV.key.encode(), b"garbage")])
    assert (await office.tokens.get(ISV, 0.01)).generation == 1
    office.tokens.apply([Message(ISV.key.encode(), None)])
    with pytest.raises(NoToken):
        await office.tokens.get(ISV, 0.01)


async def test_a_token_that_does_not_open_here_costs_no_login() -> None:
    """Another tenant's address, or a key ring that lags behind: renewing the token would only disturb its owner."""
    office = Office()
    office.write(4)
    stranger = account(base="http://127.0.0.1:2")
    for _ in range(3):
        with pytest.raises(NoToken):
            await office.tokens.get(stranger, 0.01)
        with pytest.raises(NoToken):
            await office.tokens.renew(stranger, 3, 0.01)
        office.now += int(AGAIN_S * 1000)
    assert {generation for _, generation in office.asked} <= {0, 3}, "the lease has renewed these already"
