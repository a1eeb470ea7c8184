"""Faults at each point of a call, and that the ledger tells whether the call was accepted."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.faults import Fault, Script
from sandbox.chattigo.server import Chattigo

LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)


def last(chattigo: Chattigo) -> ledger.Call:
    return chattigo.ledger.of(ledger.Call)[-1]


@pytest.mark.parametrize(("reset", "accepted"), [("before", False), ("after", True)])
async def test_a_reset_before_or_after_acceptance_looks_the_same(
    client: Any, chattigo: Chattigo, batch: Callable[..., Any], reset: Any, accepted: bool
) -> None:
    await client.login("hsm")
    chattigo.arm(Fault(route="hsm.send", reset=reset))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.hsm(batch(2))
    assert (last(chattigo).accepted, last(chattigo).status) == (accepted, 0)
    assert len(chattigo.ledger.of(ledger.Recipient)) == (2 if accepted else 0)
    assert (await client.hsm(batch(1)))[0] == 200


@pytest.mark.parametrize("accepted", [False, True])
async def test_any_status_with_headers_and_body(client: Any, chattigo: Chattigo, accepted: bool) -> None:
    token = await client.login("isv")
    chattigo.arm(Fault(route="isv.send", status=503, headers={"Retry-After": "2"}, body={"slow": 1}, accepted=accepted))
    body = {"messaging_product": "whatsapp", "to": "56911111111", "type": "text", "text": {"body": "x"}}
    url = chattigo.base("isv") + "/v15.0/56912345678/messages"
    async with client.session.post(url, json=body, headers={"Authorization": token}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert await answer.json() == {"slow": 1}
    assert (last(chattigo).status, last(chattigo).accepted) == (503, accepted)
    assert len(chattigo.ledger.of(ledger.Message)) == int(accepted)


async def test_a_delay_after_acceptance_is_in_the_ledger_while_the_caller_waits(
    client: Any, chattigo: Chattigo
) -> None:
    await client.login("isv")
    chattigo.arm(Fault(route="isv.send", delay_after_s=30, name="slow"))
    client.session._timeout = aiohttp.ClientTimeout(total=0.2)
    with pytest.raises(TimeoutError):
        await client.text()
    assert (last(chattigo).accepted, last(chattigo).fault, last(chattigo).status) == (True, "slow", 200)


async def test_a_delay_before_acceptance_accepts_later(client: Any, chattigo: Chattigo) -> None:
    await client.login("isv")
    chattigo.arm(Fault(route="isv.send", delay_before_s=0.05))
    assert (await client.text())[0] == 200
    assert last(chattigo).took_ms >= 50


async def test_a_cut_body_was_accepted(client: Any, chattigo: Chattigo) -> None:
    await client.login("isv")
    chattigo.arm(Fault(route="isv.send", truncate=True))
    with pytest.raises(LOST):
        await client.text()
    assert last(chattigo).accepted


async def test_a_slow_body_arrives_whole(client: Any, chattigo: Chattigo) -> None:
    await client.login("isv")
    chattigo.arm(Fault(route="isv.send", trickle_s=0.05))
    status, answer = await client.text()
    assert (status, answer[:1], answer[-1:]) == (200, b"{", b"}")


async def test_a_login_can_fail_too(client: Any, chattigo: Chattigo) -> None:
    chattigo.arm(Fault(route="*.login", status=500))
    body = {"username": "acme@acme", "password": "secret"}
    assert (await client.call("POST", "/message/login", body))[0] == 500
    assert (await client.call("POST", "/message/login", body))[0] == 200
    assert [one.ok for one in chattigo.ledger.of(ledger.Login)] == [True]


async def test_faults_are_armed_over_http(client: Any, chattigo: Chattigo) -> None:
    status, answer = await client.control("POST", "faults", [{"route": "isv.*", "status": 500}, {"reset": "after"}])
    assert (status, answer) == (200, {"armed": [1, 2]})
    assert (await client.control("POST", "faults", {"nonsense": 1}))[0] == 400
    _, armed = await client.control("GET", "faults")
    assert [one["fault"]["status"] for one in armed["faults"]] == [500, None]
    await client.control("DELETE", "faults")
    assert (await client.text())[0] == 200


async def test_a_caller_who_leaves_in_the_middle_of_a_body_is_recorded(chattigo: Chattigo) -> None:
    host, port = chattigo.base_url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /message/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()
    await chattigo.ledger.until(lambda: bool(chattigo.ledger.of(ledger.Call)), 5)
    assert (last(chattigo).route, last(chattigo).accepted, last(chattigo).bytes) == ("hsm.login", False, 0)


def take(script: Script, **call: Any) -> Fault | None:
    return script.take(**{"route": "isv.send", "service": "isv", "did": "1", "account": "a", "roll": 0.5} | call)


def test_the_nth_call_and_the_next_n() -> None:
    script = Script()
    script.add([Fault(status=500, nth=2, count=2)])
    assert [bool(take(script)) for _ in range(5)] == [False, True, True, False, False]


def test_only_matching_calls_count() -> None:
    script = Script()
    script.add([Fault(route="hsm.*", did="2", account="b", service="hsm", status=500)])
    assert take(script) is None
    assert take(script, route="hsm.send", service="hsm", did="2", account="a") is None
    assert take(script, route="hsm.send", service="hsm", did="2", account="b") is not None


def test_a_fault_without_count_stays_and_chance_decides() -> None:
    script = Script()
    script.add([Fault(status=500, count=0, probability=0.5)])
    assert [bool(take(script, roll=roll)) for roll in (0.1, 0.9, 0.2)] == [True, False, True]


def test_a_fault_says_what_it_is() -> None:
    assert Fault(status=500, accepted=True, delay_after_s=2).label == "status 500 accepted+delay after 2s"
    assert Fault(name="storm", status=500).label == "storm"
    assert Fault(truncate=True, trickle_s=1, reset="before").label == "reset before+trickle+truncate"
