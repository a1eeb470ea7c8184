"""Logins, authorization, sends and registrations, over HTTP, and what the ledger has of each."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.config import BASES
from sandbox.chattigo.server import Chattigo

PERSON = "56911111111"
SEND = f"{BASES['isv']}/v15.0/56912345678/messages"
TEXT = {"messaging_product": "whatsapp", "to": PERSON, "type": "text", "text": {"body": "hola"}}


async def test_login_answers_as_each_service_does(client: Any, chattigo: Chattigo) -> None:
    for service, extra in (("isv", {"user", "access"}), ("hsm", {"access"}), ("bot", set())):
        body = {"username": "acme@acme", "password": "secret"}
        status, answer = await client.call("POST", f"{BASES[service]}/login", body)
        assert status == 200
        assert set(orjson.loads(answer)) == {"access_token"} | extra
    assert [one.ok for one in chattigo.ledger.of(ledger.Login)] == [True, True, True]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"username": "acme@acme"}, 400),
        ([], 400),
        (b"{", 400),
        ({"username": "acme@acme", "password": 7}, 400),
        ({"username": "acme@acme", "password": "wrong"}, 401),
        ({"username": "nobody", "password": "secret"}, 401),
    ],
)
async def test_a_bad_login_is_refused_and_recorded(client: Any, chattigo: Chattigo, body: Any, expected: int) -> None:
    status, answer = await client.call("POST", "/message/login", body)
    assert status == expected
    assert expected == 400 or answer == b""
    call = chattigo.ledger.of(ledger.Call)[-1]
    assert (call.route, call.status, call.accepted) == ("hsm.login", expected, False)


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [(SEND, "{}", "Bearer {}"), ("/message/inbound", "Bearer {}", "{}"), ("/api-bot/outbound", "Bearer {}", "{}")],
)
async def test_each_route_takes_its_own_authorization_form(client: Any, path: str, good: str, bad: str) -> None:
    service = {"/b": "isv", "/m": "hsm", "/a": "bot"}[path[:2]]
    token = await client.login(service)
    assert (await client.call("POST", path, {}, bad.format(token))) == (401, b"")
    assert (await client.call("POST", path, {}, None)) == (401, b"")
    assert (await client.call("POST", path, {}, good.format(token)))[0] == 400


async def test_the_form_is_a_knob(client: Any, chattigo: Chattigo) -> None:
    token = await client.login("isv")
    chattigo.turn(auth={"isv_send": "both"})
    assert (await client.call("POST", SEND, TEXT, f"Bearer {token}"))[0] == 200
    assert (await client.call("POST", SEND, TEXT, token))[0] == 200


async def test_a_token_of_one_service_opens_no_other(client: Any, chattigo: Chattigo) -> None:
    token = await client.login("hsm")
    assert (await client.call("POST", SEND, TEXT, token)) == (401, b"")
    assert chattigo.ledger.of(ledger.Call)[-1].auth == "bad"


async def test_an_expired_token_is_401_until_the_next_login(client: Any, chattigo: Chattigo) -> None:
    assert (await client.text())[0] == 200
    status, _ = await client.control("POST", "tokens/expire", {"service": "isv", "username": "acme@acme"})
    assert status == 200
    assert (await client.text()) == (401, b"")
    assert chattigo.ledger.of(ledger.Call)[-1].auth == "expired"
    await client.login("isv")
    assert (await client.text())[0] == 200


async def test_a_token_dies_of_age(client: Any, chattigo: Chattigo) -> None:
    chattigo.turn(token_ttl_s=0)
    assert (await client.text()) == (401, b"")


async def test_a_second_login_evicts_the_first_only_by_knob(client: Any, chattigo: Chattigo) -> None:
    first = await client.login("isv")
    await client.login("isv")
    assert (await client.call("POST", SEND, TEXT, first))[0] == 200
    chattigo.turn(single_session=True)
    await client.login("isv")
    assert (await client.call("POST", SEND, TEXT, first))[0] == 401
    assert (await client.text())[0] == 200


@pytest.mark.parametrize(("knob", "status"), [("403", 403), ("401", 401), ("lost", 200)])
async def test_a_foreign_line_is_refused_or_swallowed(
    client: Any, chattigo: Chattigo, dids: tuple[str, str, str], batch: Callable[..., Any], knob: str, status: int
) -> None:
    chattigo.turn(foreign_did=knob)
    assert (await client.text(did=dids[2]))[0] == status
    assert (await client.hsm(batch(did=dids[2])))[0] == status
    bot = {"did": dids[2], "msisdn": PERSON, "type": "text", "content": "hola"}
    assert (await client.bot(bot))[0] == status
    assert not any(call.accepted for call in chattigo.ledger.of(ledger.Call) if "login" not in call.route)


async def test_a_send_answers_a_wamid_that_the_ledger_has(client: Any, chattigo: Chattigo) -> None:
    status, answer = await client.send({**TEXT, "context": {"message_id": "wamid.q"}})
    body = orjson.loads(answer)
    assert (status, body["messaging_product"]) == (200, "whatsapp")
    assert body["contacts"] == [{"input": PERSON, "wa_id": PERSON}]
    (entry,) = chattigo.ledger.of(ledger.Message)
    assert entry.wamid == body["messages"][0]["id"]
    assert entry.wamid.startswith("wamid.")
    assert (entry.to, entry.kind, entry.body, entry.context) == (PERSON, "text", {"body": "hola"}, "wamid.q")


@pytest.mark.parametrize(("knob", "expected"), [("empty", (200, b"")), ("no_content", (204, b""))])
async def test_the_answer_of_a_send_may_be_empty(
    client: Any, chattigo: Chattigo, knob: str, expected: tuple[int, bytes]
) -> None:
    chattigo.turn(send_answer=knob)
    assert await client.text() == expected
    assert chattigo.ledger.of(ledger.Call)[-1].accepted


async def test_argentine_numbers_come_back_in_another_form(client: Any, chattigo: Chattigo) -> None:
    _, answer = await client.text(to="541155550000")
    assert orjson.loads(answer)["contacts"] == [{"input": "541155550000", "wa_id": "5491155550000"}]
    assert chattigo.ledger.of(ledger.Message)[-1].contact == "5491155550000"


async def test_a_bad_send_is_a_graph_error(client: Any, chattigo: Chattigo) -> None:
    status, answer = await client.send({**TEXT, "type": "hologram"})
    error = orjson.loads(answer)["error"]
    assert (status, error["code"]) == (400, 131051)
    assert {"message", "type", "code", "error_data", "fbtrace_id"} <= set(error)
    assert not chattigo.ledger.of(ledger.Message)


async def test_a_closed_window_can_be_refused_at_once(client: Any, chattigo: Chattigo, dids: Any) -> None:
    chattigo.turn(window="sync")
    status, answer = await client.text()
    assert (status, orjson.loads(answer)["error"]["code"]) == (400, 131047)
    chattigo.say(dids[0], PERSON, "hola")
    assert (await client.text())[0] == 200


async def test_a_registration_replaces_the_address(client: Any, chattigo: Chattigo, dids: Any) -> None:
    token = await client.login("isv")
    path = f"{BASES['isv']}/webhooks/inbound"
    body = {"waId": dids[0], "externalWebhook": "https://isv.example/a"}
    status, answer = await client.call("PATCH", path, body, token)
    assert (status, orjson.loads(answer)) == (200, body)
    assert chattigo.world.url(dids[0], "inbound") == "https://isv.example/a"
    (entry,) = chattigo.ledger.of(ledger.Registration)
    assert (entry.did, entry.kind) == (dids[0], "inbound")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"waId": "56912345678", "externalWebhook": "http://isv.example/a"}, 400),
        ({"waId": "56900000000", "externalWebhook": "https://isv.example/a"}, 400),
        ({"waId": "56912345678"}, 400),
        ({"waId": "56912345678", "externalWebhookIsvBot": "https://isv.example/a"}, 400),
    ],
)
async def test_a_bad_registration_changes_nothing(
    client: Any, chattigo: Chattigo, isv: Any, body: Any, status: int
) -> None:
    token = await client.login("isv")
    answer = await client.call("PATCH", f"{BASES['isv']}/webhooks/inbound", body, token)
    assert answer[0] == status
    assert chattigo.world.url("56912345678", "inbound") == isv.url


async def test_the_outbound_registration_and_plain_http_by_knob(client: Any, chattigo: Chattigo, dids: Any) -> None:
    chattigo.turn(allow_http=True, webhooks={"customer_messages": "outbound"})
    token = await client.login("isv")
    body = {"waId": dids[0], "externalWebhookIsvBot": "http://127.0.0.1:1/x"}
    assert (await client.call("PATCH", f"{BASES['isv']}/webhooks/outbound", body, token))[0] == 200
    assert chattigo.world.url(dids[0], "outbound") == "http://127.0.0.1:1/x"
    assert chattigo.world.url(dids[0], "notifications") == "http://127.0.0.1:1/x"


async def test_the_legacy_inbound_answers_and_delivers_nothing(client: Any, chattigo: Chattigo) -> None:
    path, token = f"{BASES['isv']}/webhooks/inbound", await client.login("isv")
    flat = {"id": "1", "did": "56912345678", "msisdn": PERSON, "type": "text", "content": "hola"}
    assert await client.call("POST", path, flat, f"Bearer {token}") == (200, b"")
    assert (await client.call("POST", path, {**flat, "stateAgent": "BOT"}, token))[0] == 502
    assert (await client.call("POST", path, {**flat, "channelProvider": "X"}, token))[0] == 502
    assert not chattigo.ledger.of(ledger.Message)


@pytest.mark.parametrize("path", ["/nothing", f"{BASES['isv']}/v16.0/56912345678/messages", "/_sandbox/none"])
async def test_an_unknown_path_is_404_and_recorded(client: Any, chattigo: Chattigo, path: str) -> None:
    assert (await client.call("POST", path, {}))[0] == 404
    call = chattigo.ledger.of(ledger.Call)[-1]
    assert (call.route, call.path, call.status) == ("none", path, 404)


async def test_a_flat_message_is_accepted_with_few_fields(client: Any, chattigo: Chattigo, dids: Any) -> None:
    body = {
        "id": "17", "name": "Ana", "isAttachment": False, "attachment": None, "did": dids[1],
        "msisdn": PERSON, "type": "text", "channel": "WHATSAPP", "content": "hola",
    }  # fmt: skip
    assert (await client.bot(body))[0] == 200
    (entry,) = chattigo.ledger.of(ledger.Message)
    assert (entry.service, entry.client_id, entry.kind, entry.body) == ("bot", "17", "text", body)


@pytest.mark.parametrize(
    "change",
    [
        {"content": "x" * 3001},
        {"content": ""},
        {"msisdn": "+569"},
        {"did": None},
        {"type": "hologram"},
        {"isAttachment": True},
        {"interactiveMsg": {"interactiveType": "list", "choices": [{}] * 11}},
        {"type": "group", "content": ""},
    ],
)
async def test_a_bad_flat_message_is_400(client: Any, chattigo: Chattigo, change: Any) -> None:
    body = {"did": "5491100000000", "msisdn": PERSON, "type": "text", "content": "hola"}
    assert (await client.bot(body | change))[0] == 400
    assert not chattigo.ledger.of(ledger.Message)


async def test_a_session_text_of_the_massive_service(client: Any, chattigo: Chattigo, dids: Any) -> None:
    token = await client.login("hsm")
    body = {"id": "1", "did": dids[0], "msisdn": PERSON, "type": "text", "content": "hola"}
    assert (await client.call("POST", "/message/inbound/message", body, f"Bearer {token}"))[0] == 200
    assert chattigo.ledger.of(ledger.Message)[-1].service == "hsm"
