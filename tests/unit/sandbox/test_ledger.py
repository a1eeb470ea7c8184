"""The ledger on the disk: complete before an answer, readable after a kill, continued after a restart."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import orjson
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.config import Config
from sandbox.chattigo.faults import Fault
from sandbox.chattigo.ledger import Ledger
from sandbox.chattigo.server import Chattigo


async def test_the_file_says_what_memory_says(client: Any, chattigo: Chattigo, batch: Callable[..., Any]) -> None:
    await client.hsm(batch(3))
    await client.text()
    chattigo.say("56912345678", "56911111111", "hola")
    chattigo.arm(Fault(status=500))
    chattigo.expire("isv", "acme@acme")
    await chattigo.settled()
    on_disk = ledger.read(chattigo.ledger.path)
    assert on_disk == chattigo.ledger.entries
    assert [entry.seq for entry in on_disk] == list(range(1, len(on_disk) + 1))
    assert all(entry.at_ms > 1_600_000_000_000 for entry in on_disk)
    first = orjson.loads(chattigo.ledger.path.read_bytes().splitlines()[0])
    assert (first["type"], first["seq"]) == ("run", 1)


async def test_what_a_call_caused_stands_before_it(client: Any, chattigo: Chattigo, batch: Callable[..., Any]) -> None:
    await client.hsm(batch(2))
    kinds = [type(entry).__name__ for entry in chattigo.ledger.entries]
    assert kinds[:6] == ["Run", "Login", "Call", "Recipient", "Recipient", "Call"]


def write(path: Path, *entries: ledger.Entry) -> None:
    book = Ledger(path)
    book.write(*entries)
    book.close()


CALL = ledger.Call(call=1, method="POST", path="/", route="none")
LOGIN = ledger.Login(call=1, service="isv", account="a", ok=True)


def test_a_torn_end_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    write(path, LOGIN, CALL)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type":"call","se')
    assert len(ledger.read(path)) == 2
    write(path, ledger.Expired(service="isv", account="a"))
    assert [entry.seq for entry in ledger.read(path)] == [1, 2, 3]


def test_what_has_no_call_line_was_not_accepted(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    write(path, LOGIN, CALL)
    write(path, ledger.Login(call=2, service="isv", account="a", ok=True))
    assert len(path.read_bytes().splitlines()) == 3
    assert len(ledger.read(path)) == 2
    assert len(Ledger(path).entries) == 2


def test_a_line_that_is_not_of_the_ledger_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b'{"type":"gossip"}\n')
    with pytest.raises(msgspec.ValidationError):
        Ledger(path)


async def test_waiting_for_an_entry_ends_or_times_out(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger")
    waiting = asyncio.create_task(book.until(lambda: bool(book.of(ledger.Login)), 5))
    await asyncio.sleep(0)
    book.write(LOGIN)
    await waiting
    with pytest.raises(TimeoutError):
        await book.until(lambda: False, 0.01)
    book.close()


async def test_a_restart_knows_tokens_addresses_and_windows(config: Config, tmp_path: Path) -> None:
    body = {"username": "acme@acme", "password": "secret"}
    path = "/bsp-cloud-chattigo-isv"
    config.knobs.allow_http = True
    config.knobs.window = "sync"
    async with aiohttp.ClientSession() as session:
        async with Chattigo(config) as first:
            async with session.post(first.base("isv") + "/login", json=body) as answer:
                token = (await answer.json())["access_token"]
            patch = {"waId": "56912345678", "externalWebhook": "http://127.0.0.1:1/new"}
            url, head = first.base("isv") + "/webhooks/inbound", {"Authorization": token}
            async with session.patch(url, json=patch, headers=head) as answer:
                assert answer.status == 200
            first.turn(webhooks={"retry_s": []})
            first.say("56912345678", "56911111111", "hola")
            await first.settled()
        async with Chattigo(config) as second:
            assert second.world.url("56912345678", "inbound") == "http://127.0.0.1:1/new"
            message = {"messaging_product": "whatsapp", "to": "56911111111", "type": "text", "text": {"body": "x"}}
            url = f"{second.base_url}{path}/v15.0/56912345678/messages"
            async with session.post(url, json=message, headers=head) as answer:
                assert answer.status == 200
            second.expire("isv", "acme@acme")
        async with Chattigo(config) as third:
            url = f"{third.base_url}{path}/v15.0/56912345678/messages"
            async with session.post(url, json=message, headers=head) as answer:
                assert answer.status == 401
            calls = [call.call for call in third.ledger.of(ledger.Call)]
            assert calls == list(range(1, len(calls) + 1))


PROCESS = "import asyncio, sys; from sandbox.chattigo.server import serve; asyncio.run(serve(sys.argv[1]))"


async def start(config: Config, folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """The simulator as a process of its own, and its address."""
    path = folder / "chattigo.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    command = (sys.executable, "-c", PROCESS, str(path))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return process, (await process.stdout.readline()).decode().strip()


async def test_the_ledger_survives_kill_9(config: Config, tmp_path: Path) -> None:
    process, base = await start(config, tmp_path)
    try:
        body = {"username": "acme@acme", "password": "secret"}
        async with aiohttp.ClientSession() as session, session.post(base + "/message/login", json=body) as answer:
            assert answer.status == 200
    finally:
        process.kill()
        await process.wait()
    kinds = [type(entry) for entry in ledger.read(tmp_path / "ledger.ndjson")]
    assert kinds == [ledger.Run, ledger.Login, ledger.Call]


async def test_serve_ends_on_a_signal(config: Config, tmp_path: Path) -> None:
    process, base = await start(config, tmp_path)
    assert base.startswith("http://127.0.0.1:")
    process.terminate()
    async with asyncio.timeout(20):
        assert await process.wait() == 0
