"""Two readings of the same facts agree: the simulator takes what Relevo builds, and Relevo reads what it says.

Neither side uses the other's code; here alone they meet.
"""

from typing import Any

import pytest

from sandbox.chattigo import envelope, flat, messages
from sandbox.chattigo.cloud_body import check
from sandbox.chattigo.config import Line
from sandbox.chattigo.server import Chattigo
from schemas import content as c
from schemas import session as s
from schemas.chattigo import cloud_send, flat_send, webhook
from schemas.outbound import OutboundMessage

PERSON = "56911111111"
LINE = Line("56912345678")
SENDABLE: list[Any] = [
    s.Text(body="hola", preview_url=True),
    s.Image(link="https://x.example/a.jpg", caption="c"),
    s.Document(link="https://x.example/a.pdf", filename="a.pdf", caption="c"),
    s.Video(link="https://x.example/a.mp4"),
    s.Audio(link="https://x.example/a.ogg"),
    s.Sticker(link="https://x.example/a.webp"),
    s.Location(latitude=-34.6, longitude=-58.3, name="n"),
    s.Contacts(contacts=[{"name": {"formatted_name": "Ana P", "first_name": "Ana"}}]),
    s.Reaction(message_id="wamid.1"),
    s.Buttons(body="¿?", buttons=[s.Choice("1", "Sí"), s.Choice("2", "No")], header="h", footer="f"),
    s.ChoiceList(body="¿?", button="Ver", sections=[s.Section([s.Choice("1", "Ventas", "d")])]),
    s.Template(name="t", language="es", body=["a"], header=["https://x.example/a.jpg"], header_kind="image",
               buttons=[s.TemplateButton(0, "x")]),
]  # fmt: skip


def outbound(content: Any, did: str = LINE.did) -> OutboundMessage:
    return OutboundMessage(id="m1", tenant="acme", did=did, contact=PERSON, to=PERSON, content=content)


@pytest.mark.parametrize("content", SENDABLE, ids=lambda one: type(one).__name__)
def test_what_relevo_builds_whatsapp_takes(content: Any) -> None:
    assert check(cloud_send.session_body(outbound(content)))


@pytest.mark.parametrize("content", SENDABLE[:6] + SENDABLE[9:11], ids=lambda one: type(one).__name__)
async def test_what_relevo_builds_the_bot_service_takes(client: Any, dids: Any, content: Any) -> None:
    status, answer = await client.bot(flat_send.session_body(outbound(content, dids[1])))
    assert (status, answer) == (200, b'{"success":true}')


@pytest.mark.parametrize("action", ["transfer", "group", "close", "timeout"])
async def test_controls(client: Any, chattigo: Chattigo, dids: Any, action: Any) -> None:
    control = s.Control(action=action, group="G1", id_campaign="501")
    assert (await client.bot(flat_send.session_body(outbound(control, dids[1]))))[0] == 200


KINDS = {
    "text": c.Text, "ad": c.Text, "product": c.Text, "image": c.Image, "video": c.Video, "audio": c.Audio,
    "document": c.Document, "sticker": c.Sticker, "location": c.Location, "contacts": c.Contacts,
    "button_reply": c.ButtonReply, "list_reply": c.ListReply, "nfm_reply": c.FlowReply, "button": c.TemplateButton,
    "reaction": c.Reaction, "unreaction": c.Reaction, "order": c.Order, "number_change": c.NumberChanged,
    "request_welcome": c.RequestWelcome, "unsupported": c.Unsupported, "unsupported_newer": c.Unsupported,
    "unknown": c.Unknown,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(messages.SAMPLES))
def test_what_customers_say_relevo_reads(name: str) -> None:
    body = messages.stamp(messages.SAMPLES[name]("w"), sender=PERSON, message_id="wamid.1", at_s=1700000000)
    (arrival,) = webhook.arrivals(envelope.wrap(LINE, [(body, None)]))
    assert (arrival.id, arrival.did, arrival.contact, arrival.at_ms) == (
        "wamid.1",
        LINE.did,
        PERSON,
        1700000000000,
    )
    assert type(arrival.content) is KINDS[name]


@pytest.mark.parametrize("name", ["text", "image", "audio", "document", "location", "list_reply", "button"])
def test_flat_events_are_read(name: str) -> None:
    chat = flat.Chat(123456789, LINE.did, PERSON, "Ana", 71, 501, "AGENT")
    (arrival,) = webhook.arrivals(flat.said(chat, 100000001, messages.SAMPLES[name]("w")))
    assert (arrival.id, arrival.did, arrival.contact) == ("100000001", LINE.did, PERSON)
    assert (arrival.kind, arrival.owner, arrival.id_chat) == ("message", "human", "123456789")


def test_human_events_are_read() -> None:
    chat = flat.Chat(123456789, LINE.did, PERSON, "Ana", 71, 501, "AGENT")
    (said,) = webhook.arrivals(flat.human_says(chat, 1, "Hola"))
    (back,) = webhook.arrivals(flat.given_back(chat, 2))
    assert (said.kind, back.kind, back.owner) == ("echo", "control", "bot")


@pytest.mark.parametrize("state", ["sent", "delivered", "read", "failed"])
def test_receipts_of_both_forms_are_read(state: str) -> None:
    error = {"code": 131026, "title": "t", "message": "m"} if state == "failed" else None
    status = envelope.status("wamid.1", state, PERSON, 1700000000, error=error)
    notice = flat.notification(state, LINE.did, PERSON, "wamid.1", error)
    for body in (envelope.wrap(LINE, [], [status]), notice, [notice]):
        (receipt,) = webhook.receipts(body)
        assert (receipt.id, receipt.did, receipt.contact, receipt.state) == ("wamid.1", LINE.did, PERSON, state)
