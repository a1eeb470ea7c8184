"""Calls to the ISV: formats, acknowledgement, retries, duplicates, batches, order, humans."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.people import Saying
from sandbox.chattigo.server import Chattigo

PERSON = "56911111111"


def posts(chattigo: Chattigo) -> list[ledger.Webhook]:
    return chattigo.ledger.of(ledger.Webhook)


async def test_a_customer_on_a_cloud_line_becomes_an_envelope(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    wamid = chattigo.say(dids[0], PERSON, "hola", name="Ana")
    await chattigo.settled()
    (body,) = isv.bodies
    value = body["entry"][0]["changes"][0]["value"]
    assert value["metadata"]["display_phone_number"] == dids[0]
    assert value["metadata"]["phone_number_id"] != dids[0]
    assert value["contacts"] == [{"profile": {"name": "Ana"}, "wa_id": PERSON}]
    message = value["messages"][0]
    assert (message["id"], message["from"], message["text"]) == (wamid, PERSON, {"body": "hola"})
    assert message["timestamp"].isdigit()
    (event,) = chattigo.ledger.of(ledger.Event)
    assert (event.event, event.format, event.origin) == (wamid, "cloud", "customer")
    assert [(one.events, one.acked, one.attempt) for one in posts(chattigo)] == [([wamid], True, 1)]


async def test_a_customer_on_a_flat_line_becomes_an_object(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.turn(receipts={"session_notice": False})
    known = chattigo.say(dids[1], PERSON, "hola")
    await chattigo.settled()
    (body,) = isv.bodies
    assert (str(body["id"]), body["msisdn"], body["content"], body["type"]) == (known, PERSON, "hola", "Text")
    assert 10**8 <= body["id"] < 10**9
    assert (body["chatType"], body["stateAgent"], body["did"]) == ("INBOUND", "BOT", dids[1])


async def test_an_opened_window_is_notified_on_a_flat_line(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.say(dids[1], PERSON, "hola")
    chattigo.say(dids[1], PERSON, "hola de nuevo")
    await chattigo.settled()
    notices = [body for body in isv.bodies if body["type"] == "SESSION"]
    assert notices == [{"did": dids[1], "msisdn": PERSON, "type": "SESSION", "channel": "WHATSAPP"}]


@pytest.mark.parametrize("status", [201, 204, 302, 404, 500, 503])
async def test_only_200_acknowledges(chattigo: Chattigo, isv: Any, dids: Any, status: int) -> None:
    isv.statuses = [status]
    chattigo.say(dids[0], PERSON, "hola")
    await chattigo.settled()
    assert [(one.status, one.acked, one.last) for one in posts(chattigo)] == [
        (status, False, False),
        (200, True, True),
    ]
    assert isv.raw[0] == isv.raw[1]


async def test_after_three_retries_it_gives_up(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    isv.statuses = [503] * 4
    chattigo.say(dids[0], PERSON, "hola")
    await chattigo.settled()
    assert [one.last for one in posts(chattigo)] == [False, False, False, True]
    assert not any(one.acked for one in posts(chattigo))


async def test_a_silent_isv_times_out(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.turn(webhooks={"timeout_s": 0.05, "retry_s": []})
    isv.hang = asyncio.Event()
    chattigo.say(dids[0], PERSON, "hola")
    await chattigo.settled()
    assert [(one.status, one.error, one.last) for one in posts(chattigo)] == [(0, "timeout", True)]


async def test_a_line_without_address_loses_its_events_on_record(chattigo: Chattigo, dids: Any) -> None:
    chattigo.turn(webhooks={"customer_messages": "outbound", "retry_s": []})
    chattigo.say(dids[0], PERSON, "hola")
    await chattigo.settled()
    assert [one.error for one in posts(chattigo)] == ["no webhook registered"]


async def test_order_of_a_contact_holds_through_retries(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    isv.statuses = [500, 200, 500, 500]
    said = [chattigo.say(dids[0], PERSON, str(number)) for number in range(4)]
    await chattigo.settled()
    assert [one.events[0] for one in posts(chattigo) if one.acked] == said


async def test_duplicates_repeat_what_was_acknowledged(chattigo: Chattigo, dids: Any) -> None:
    chattigo.turn(webhooks={"duplicate": 1.0, "duplicate_s": [0, 0.01]})
    said = [chattigo.say(dids[0], PERSON, str(number)) for number in range(5)]
    await chattigo.settled()
    again = [one.events[0] for one in posts(chattigo) if one.duplicate]
    assert sorted(again) == sorted(said)
    assert len(posts(chattigo)) == 10


async def test_several_customers_in_one_post(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    sayings = [Saying(dids[0], f"5691111111{number}", f"hola {number}") for number in range(4)]
    ids = chattigo.say_together(sayings)
    await chattigo.settled()
    (body,) = isv.bodies
    values = [change["value"] for entry in body["entry"] for change in entry["changes"]]
    assert [message["id"] for value in values for message in value["messages"]] == ids
    assert posts(chattigo)[0].events == ids


async def test_a_backlog_leaves_in_batches_with_receipts_between(
    client: Any, chattigo: Chattigo, isv: Any, dids: Any
) -> None:
    await client.login("isv")
    chattigo.turn(webhooks={"batch": [3, 3], "lanes": 1, "linger_s": 0.25})
    chattigo.say(dids[0], PERSON, "hola")
    await client.text()
    await chattigo.settled()
    sizes = [len(one.events) + len(one.receipts) for one in posts(chattigo)]
    assert (sum(sizes), max(sizes)) == (4, 3)
    assert any(one.events and one.receipts for one in posts(chattigo))


async def test_an_address_without_phone(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.say(dids[0], "AR.abc123", "hola", user_id="AR.abc123", hidden=True)
    await chattigo.settled()
    value = isv.bodies[0]["entry"][0]["changes"][0]["value"]
    assert "from" not in value["messages"][0]
    assert value["messages"][0]["from_user_id"] == "AR.abc123"
    assert value["contacts"] == [{"profile": {"name": "Ana"}, "user_id": "AR.abc123"}]


async def test_a_number_change_has_no_contacts(chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.say(dids[0], PERSON, sample="number_change")
    await chattigo.settled()
    assert "contacts" not in isv.bodies[0]["entry"][0]["changes"][0]["value"]


async def test_the_bots_own_words_come_back(client: Any, chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.turn(receipts={"bot": "none"})
    await client.bot({"did": dids[1], "msisdn": PERSON, "type": "text", "content": "buenas"})
    await chattigo.settled()
    (body,) = isv.bodies
    assert (body["chatType"], body["content"]) == ("OUTBOUND", "buenas")
    assert chattigo.ledger.of(ledger.Event)[0].origin == "echo"


async def test_a_handover_and_the_way_back(client: Any, chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.turn(receipts={"session_notice": False})
    transfer = {"did": dids[1], "msisdn": PERSON, "type": "transfer", "idCampaign": "501", "content": "Un momento"}
    assert (await client.bot(transfer))[0] == 200
    (control,) = chattigo.ledger.of(ledger.Control)
    assert (control.kind, control.id_campaign, control.content) == ("transfer", "501", "Un momento")
    chattigo.say(dids[1], PERSON, "¿hay alguien?")
    where = {"did": dids[1], "contact": PERSON}
    said = await client.control("POST", "humans/say", where | {"text": "Soy Marta"})
    back = await client.control("POST", "humans/return", where)
    chattigo.say(dids[1], PERSON, "gracias")
    await chattigo.settled()
    seen = [(body["type"], body["chatType"], body["stateAgent"]) for body in isv.bodies]
    assert seen == [
        ("Text", "INBOUND", "AGENT"),
        ("Text", "OUTBOUND", "AGENT"),
        ("transfer", "INBOUND", "BOT"),
        ("Text", "INBOUND", "BOT"),
    ]
    assert [str(body["id"]) for body in isv.bodies[1:3]] == [said[1]["id"], back[1]["id"]]
    assert isv.bodies[0]["idChat"] == isv.bodies[2]["idChat"]


async def test_a_human_answers_by_itself_and_gives_back(client: Any, chattigo: Chattigo, isv: Any, dids: Any) -> None:
    chattigo.turn(humans={"auto": True})
    await client.bot({"did": dids[1], "msisdn": PERSON, "type": "transfer"})
    await chattigo.settled()
    assert [body["type"] for body in isv.bodies] == ["Text", "transfer"]
    assert not chattigo.world.human


async def test_a_chat_has_a_new_id_after_it_was_closed(client: Any, chattigo: Chattigo, dids: Any) -> None:
    first = chattigo.world.chat(dids[1], PERSON).id_chat
    assert chattigo.world.chat(dids[1], PERSON).id_chat == first
    await client.bot({"did": dids[1], "msisdn": PERSON, "type": "close"})
    assert chattigo.world.chat(dids[1], PERSON).id_chat != first


CAPTURED: list[tuple[Callable[..., Any], list[str], list[str]]] = [
    (lambda did: {"id": 5, "did": did, "msisdn": PERSON, "type": "Text", "content": "x"}, ["5"], []),
    (lambda did: [{"id": "m1", "did": did, "msisdn": PERSON, "type": "READ"}], [], ["m1:read"]),
    (
        lambda did: {"entry": [{"changes": [{"value": {"messages": [{"id": "w1"}], "statuses": [
            {"id": "w2", "status": "sent"}]}}]}]},
        ["w1"],
        ["w2:sent"],
    ),
    (lambda did: {"what": "ever"}, ["mine"], []),
]  # fmt: skip


@pytest.mark.parametrize(("build", "events", "receipts"), CAPTURED)
async def test_captured_bodies_go_through_untouched(
    client: Any, chattigo: Chattigo, isv: Any, dids: Any, build: Any, events: list[str], receipts: list[str]
) -> None:
    body = orjson.dumps(build(dids[0])) + b"  "
    status, answer = await client.control("POST", f"deliver?did={dids[0]}&id=mine", body)
    assert (status, answer) == (200, {"ids": events})
    await chattigo.settled()
    assert isv.raw == [body]
    assert (posts(chattigo)[0].events, posts(chattigo)[0].receipts) == (events, receipts)
