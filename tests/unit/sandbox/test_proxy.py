"""A proxy makes the network as bad as it is told, counts what it did, and harms nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.proxy.link import HOST, Address, Link
from sandbox.proxy.pace import Pace
from sandbox.proxy.server import Proxies
from sandbox.proxy.traps import Armed, Frames, Trap, Watch
from sandbox.proxy.weather import Weather

SOON_S = 10.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """Says back each line that it hears, and remembers it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.heard.append(line)
                writer.write(line)
        except ConnectionError:
            self.heard.append(b"reset")
        finally:
            writer.close()


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[Link, Echo]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, HOST, 0)
    async with Link("echo", Address(HOST, server.sockets[0].getsockname()[1])) as link:
        yield link, echo
    server.close()


async def call(link: Link) -> Streams:
    return await asyncio.open_connection(HOST, link.port)


async def says(streams: Streams, words: bytes) -> bytes:
    """What comes back; empty when the other side has ended. Raises ConnectionError when it was reset."""
    streams[1].write(words + b"\n")
    async with asyncio.timeout(SOON_S):
        return (await streams[0].readline()).strip()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110  counts change without an event
            await asyncio.sleep(0.01)


async def test_in_fair_weather_all_arrives_in_order_and_an_end_is_told() -> None:
    async with linked() as (link, echo):
        reader, writer = await call(link)
        lines = [b"%d %s\n" % (n, b"x" * 3000) for n in range(200)]
        writer.writelines(lines)
        writer.write_eof()
        assert b"".join(lines) == await asyncio.wait_for(reader.read(-1), SOON_S)
        assert echo.heard == lines
        await until(lambda: link.counts.open == 0)
        assert link.counts.bytes_up == link.counts.bytes_down == len(b"".join(lines))
        assert (link.counts.accepted, link.counts.late, link.counts.swallowed_up) == (1, 0, 0)
        writer.close()


async def test_latency_holds_back_both_ways_and_pieces_travel_together() -> None:
    async with linked() as (link, _):
        streams = await call(link)
        await says(streams, b"warm")
        await link.turn(latency_s=0.2)
        clock = asyncio.get_running_loop().time
        began = clock()
        for number in range(5):
            streams[1].write(b"%d\n" % number)
            await streams[1].drain()
        answers = [await asyncio.wait_for(streams[0].readline(), SOON_S) for _ in range(5)]
        took = clock() - began
        assert answers == [b"%d\n" % number for number in range(5)]
        assert 0.4 <= took < 0.4 * 5, "one round trip, not five"
        assert link.counts.late > 0
        streams[1].close()


async def test_bandwidth_is_shared_by_all_connections() -> None:
    async with linked() as (link, _):
        first, second = await call(link), await call(link)
        await link.turn(bytes_per_s=100_000)
        clock = asyncio.get_running_loop().time
        began = clock()
        await asyncio.gather(says(first, b"a" * 20_000), says(second, b"b" * 20_000))
        assert clock() - began >= 0.4
        for streams in (first, second):
            streams[1].close()


async def test_what_is_swallowed_one_way_never_arrives_and_nobody_is_told() -> None:
    async with linked() as (link, echo):
        reader, writer = await call(link)
        await says((reader, writer), b"one")
        await link.turn(swallow="down")
        writer.write(b"two\n")
        await until(lambda: echo.heard[-1] == b"two\n")
        await until(lambda: link.counts.swallowed_down == 4)
        await link.turn(swallow="")
        assert await says((reader, writer), b"three") == b"three", "the connection still stands"
        await link.turn(swallow="up")
        writer.write(b"four\n")
        await until(lambda: link.counts.swallowed_up == 5)
        assert echo.heard[-1] == b"three\n"
        writer.close()


async def test_who_calls_while_it_refuses_meets_nobody_and_the_port_stays_the_same() -> None:
    async with linked() as (link, _):
        port = link.port
        standing = await call(link)
        await link.turn(refuse=True)
        with pytest.raises(ConnectionRefusedError):
            await call(link)
        assert await says(standing, b"still here") == b"still here"
        await link.turn(refuse=False)
        assert link.port == port
        again = await call(link)
        assert await says(again, b"hello") == b"hello"
        for streams in (standing, again):
            streams[1].close()


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_cut_ends_every_connection_on_both_sides(how: Any) -> None:
    async with linked() as (link, echo):
        streams = [await call(link) for _ in range(3)]
        for one in streams:
            await says(one, b"hello")
        assert link.cut(how) == 3
        for reader, _ in streams:
            if how == "reset":
                with pytest.raises(ConnectionResetError):
                    await asyncio.wait_for(reader.readline(), SOON_S)
            else:
                assert await asyncio.wait_for(reader.readline(), SOON_S) == b""
        await until(lambda: link.counts.open == 0)
        assert link.counts.cut == 3
        if how == "reset":
            await until(lambda: echo.heard.count(b"reset") == 3)
        last = await call(link)
        assert await says(last, b"again") == b"again"
        for _, writer in (*streams, last):
            writer.close()


async def test_a_trap_at_the_answer_lets_the_request_through_and_the_answer_not() -> None:
    async with linked() as (link, echo):
        link.arm(Trap(words="pay", nth=2))
        streams = await call(link)
        assert await says(streams, b"pay 1") == b"pay 1"
        with pytest.raises(ConnectionResetError):
            await says(streams, b"pay 2")
        assert b"pay 2\n" in echo.heard
        third = await call(link)
        assert await says(third, b"pay 3") == b"pay 3", "it hits one"
        assert (link.counts.sprung, link.traps[0].hits, link.traps[0].seen) == (1, 1, 2)
        third[1].close()


async def test_a_trap_at_the_request_keeps_it_from_leaving() -> None:
    async with linked() as (link, echo):
        link.arm(Trap(words="pay", at="request", then="close", count=2))
        for _ in range(2):
            streams = await call(link)
            assert await says(streams, b"pay") == b""
            streams[1].close()
        assert b"pay\n" not in echo.heard
        link.arm(Trap(words="ask", then="swallow"))
        reader, writer = await call(link)
        writer.write(b"ask\n")
        await until(lambda: link.counts.sprung == 3)
        assert link.counts.cut == 2, "the third connection stands, and says nothing more"
        writer.write(b"more\n")
        await until(lambda: link.counts.swallowed_up > 2 * len(b"pay\n"))
        assert not reader.at_eof()
        link.disarm()
        assert link.traps == []
        writer.close()


async def test_where_nobody_listens_behind_it_the_caller_is_reset() -> None:
    with socket.socket() as free:
        free.bind((HOST, 0))
        nobody = free.getsockname()[1]
    async with Link("nobody", Address(HOST, nobody)) as link:
        reader, writer = await call(link)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(reader.read(1), SOON_S)
        assert link.counts.unreached == 1
        writer.close()


async def test_it_is_turned_and_watched_over_http() -> None:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, HOST, 0)
    wanted = {"echo": (Address(HOST, server.sockets[0].getsockname()[1]), 0)}
    async with Proxies(wanted) as proxies, aiohttp.ClientSession() as http:

        async def ask(method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
            async with http.request(method, proxies.url + path, data=msgspec.json.encode(body)) as said:
                return said.status, msgspec.json.decode(await said.read())

        link = proxies.links["echo"]
        streams = await call(link)
        await says(streams, b"hello")
        status, shown = await ask("PATCH", "/echo", {"latency_s": 0.01, "swallow": "up"})
        assert (status, shown["weather"]["latency_s"], shown["weather"]["swallow"]) == (200, 0.01, "up")
        assert (await ask("PATCH", "/echo", {"swallow": "sideways"}))[0] == 400
        assert (await ask("PATCH", "/echo", {"lightning": True}))[0] == 400
        assert link.weather == Weather(latency_s=0.01, swallow="up"), "a bad request changes nothing"
        assert (await ask("PATCH", "/nobody", {}))[0] == 404
        assert (await ask("POST", "/echo/traps", {"name": "both", "words": "a", "kafka": 1}))[0] == 400
        assert (await ask("POST", "/echo/traps", [{"words": "pay"}, {"kafka": 26}]))[0] == 200
        assert [armed.trap.kafka for armed in link.traps] == [None, 26]
        assert (await ask("DELETE", "/echo/traps"))[1]["traps"] == []
        assert (await ask("POST", "/echo/cut", {"how": "close"}))[1] == {"cut": 1}
        (listed,) = (await ask("GET"))[1]["proxies"]
        assert (listed["name"], listed["counts"]["cut"], listed["listens"]) == ("echo", 1, f"{HOST}:{link.port}")
        streams[1].close()
    server.close()


def request(number: int, name: int, body: bytes = b"") -> bytes:
    """A Kafka request, as much of it as matters."""
    inside = number.to_bytes(2, "big") + b"\0\1" + name.to_bytes(4, "big") + body
    return len(inside).to_bytes(4, "big") + inside


def reply(name: int, body: bytes = b"") -> bytes:
    return (len(body) + 4).to_bytes(4, "big") + name.to_bytes(4, "big") + body


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 99), st.binary(max_size=40)), max_size=20), st.data())
def test_kafka_requests_are_known_however_they_are_cut_into_pieces(
    requests: list[tuple[int, int, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(request(*one) for one in requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader = Frames(12)
    found: list[bytes] = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.heads(stream[begin:end])
    assert [(head[5], head[11]) for head in found] == [(number, name) for number, name, _ in requests]


def test_a_trap_for_a_kafka_request_waits_for_the_answer_to_that_one() -> None:
    armed = Armed(Trap(kafka=26))
    watch = Watch([armed])
    assert (watch.up(request(0, 1)), watch.down(reply(1))) == (None, None)
    assert watch.up(request(0, 2) + request(26, 3)) is None
    assert watch.down(reply(2, b"an earlier one")) is None
    assert watch.down(reply(3)[:6]) is None, "not to be told yet whose it is"
    assert watch.down(reply(3)[6:]) == "reset"
    assert (watch.up(request(26, 4)), watch.down(reply(4)), armed.hits) == (None, None, 1)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 10_000)), max_size=20), st.floats(0, 2), st.integers(0, 5000))
def test_pieces_never_overtake_each_other_and_none_is_early(
    came: list[tuple[float, int]], latency: float, rate: int
) -> None:
    pace, weather, now, last = Pace(), Weather(latency_s=latency, bytes_per_s=rate), 0.0, 0.0
    for later, size in came:
        now += later
        due = pace.due(weather, size, now)
        assert due >= max(last, now + latency)
        last = due


@pytest.mark.parametrize("text", ["", "9092", ":9092", "localhost:", "localhost:x"])
def test_an_address_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Address.parse(text)
