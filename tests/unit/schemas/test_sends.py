"""What leaves for Chattigo has exactly the documented shape."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import session as s
from schemas.chattigo import answers, cloud_send, flat_send, hsm, login
from schemas.chattigo.cloud_send import NotOnThisRoute
from schemas.outbound import OutboundMessage
from schemas.tenant import Account

LINK = "https://files.example/x"


def message(content: s.AnySendable, **fields: Any) -> OutboundMessage:
    base = {"id": "m1", "tenant": "acme", "did": "569111", "contact": "569222", "to": "569222"}
    return OutboundMessage(**(base | fields), content=content)


CLOUD: list[tuple[s.AnySendable, str, Any]] = [
    (s.Text(body="hola"), "text", {"body": "hola"}),
    (s.Text(body="hola", preview_url=True), "text", {"body": "hola", "preview_url": True}),
    (s.Image(link=LINK, caption="c"), "image", {"link": LINK, "caption": "c"}),
    (s.Video(link=LINK), "video", {"link": LINK}),
    (s.Document(link=LINK, filename="f.pdf"), "document", {"link": LINK, "filename": "f.pdf"}),
    (s.Audio(link=LINK), "audio", {"link": LINK}),
    (s.Sticker(link=LINK), "sticker", {"link": LINK}),
    (s.Location(latitude=1.5, longitude=2.5, name="n"), "location", {"latitude": 1.5, "longitude": 2.5, "name": "n"}),
    (s.Contacts(contacts=[{"name": {}}]), "contacts", [{"name": {}}]),
    (s.Reaction(message_id="w"), "reaction", {"message_id": "w", "emoji": ""}),
    (
        s.Buttons(body="b", buttons=[s.Choice(id="1", title="Uno")], footer="f"),
        "interactive",
        {
            "type": "button",
            "body": {"text": "b"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Uno"}}]},
            "footer": {"text": "f"},
        },
    ),
    (
        s.ChoiceList(
            body="b",
            button="Ver",
            sections=[s.Section(rows=[s.Choice(id="1", title="Uno", description="d")], title="t")],
            header="h",
        ),
        "interactive",
        {
            "type": "list",
            "body": {"text": "b"},
            "action": {
                "button": "Ver",
                "sections": [{"rows": [{"id": "1", "title": "Uno", "description": "d"}], "title": "t"}],
            },
            "header": {"type": "text", "text": "h"},
        },
    ),
    (s.Interactive(interactive={"type": "cta_url"}), "interactive", {"type": "cta_url"}),
    (
        s.Template(
            name="t", language="es", body=["a"], header=[LINK], header_kind="image", buttons=[s.TemplateButton(0, "x")]
        ),
        "template",
        {
            "name": "t",
            "language": {"code": "es"},
            "components": [
                {"type": "header", "parameters": [{"type": "image", "image": {"link": LINK}}]},
                {"type": "body", "parameters": [{"type": "text", "text": "a"}]},
                {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "x"}]},
            ],
        },
    ),
]


@pytest.mark.parametrize(("content", "kind", "payload"), CLOUD, ids=[f"{i}-{row[1]}" for i, row in enumerate(CLOUD)])
def test_each_session_type_has_its_cloud_form(content: s.AnySendable, kind: str, payload: Any) -> None:
    body = cloud_send.session_body(message(content))
    assert body == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "569222",
        "type": kind,
        kind: payload,
    }


def test_a_quoted_reply_names_the_message_but_a_reaction_does_not() -> None:
    assert cloud_send.session_body(message(s.Text(body="x"), reply_to_id="w"))["context"] == {"message_id": "w"}
    reaction = s.Reaction(message_id="w", emoji="👍")
    assert "context" not in cloud_send.session_body(message(reaction, reply_to_id="w"))


def test_what_a_service_cannot_say_is_refused_before_the_call() -> None:
    with pytest.raises(NotOnThisRoute):
        cloud_send.session_body(message(s.Control(action="transfer")))
    with pytest.raises(NotOnThisRoute):
        flat_send.session_body(message(s.Template(name="t", language="es")))


def test_flat_texts_media_and_lists() -> None:
    text = flat_send.session_body(message(s.Text(body="hola")))
    assert (text["type"], text["content"], text["isAttachment"], text["attachment"]) == ("text", "hola", False, None)
    image = flat_send.session_body(message(s.Image(link=LINK, caption="c")))
    assert image["attachment"] == {"mediaUrl": LINK, "mimeType": "image/jpeg"}
    assert (image["type"], image["content"], image["isAttachment"]) == ("image", "c", True)
    choices = flat_send.session_body(message(s.Buttons(body="b", buttons=[s.Choice(id="1", title="Uno")])))
    assert choices["interactiveMsg"]["choices"] == [{"id": "1", "text": "Uno"}]


def test_a_chat_is_given_to_a_group_with_the_providers_context() -> None:
    control = s.Control(action="group", group="SALES", id_campaign="9", id_chat="5", channel_id="7")
    body = flat_send.session_body(message(control))
    assert (body["type"], body["content"]) == ("group", "SALES")
    assert (body["idCampaign"], body["idChat"], body["channelId"]) == ("9", "5", "7")


ACCOUNT = Account(service="hsm", base="https://x/message", username="u@c", password="")
TEMPLATE = s.Template(name="order", language="es", body=["Ana"], buttons=[s.TemplateButton(0, "AB1")], header=["h"])


def test_a_batch_is_nested_by_default_and_at_the_root_on_request() -> None:
    key = hsm.batch_key("hsm|u@c", "569111", TEMPLATE)
    recipients = [hsm.recipient("m1", "569222", TEMPLATE)]
    nested = msgspec.to_builtins(hsm.batch_body(ACCOUNT, key, recipients, 42))
    destination = {
        "destination": "569222",
        "parameters": ["Ana"],
        "buttonsParameters": ["AB1"],
        "headerParameters": ["h"],
    }
    shared = {"namespace": "", "template": "order", "languageCode": "es", "botAttention": True}
    shared |= {"component": {"buttons": [{"index": 0}]}}
    head = {"id": 42, "did": "569111", "type": "HSM", "channel": "WHATSAPP"}
    assert nested == head | {"hsm": shared | {"destinations": [destination]}}
    root = msgspec.to_builtins(hsm.batch_body(msgspec.structs.replace(ACCOUNT, hsm_form="root"), key, recipients, 42))
    assert root == head | {"hsm": shared, "destinations": [destination]}
    with_ids = hsm.batch_body(msgspec.structs.replace(ACCOUNT, destination_ids=True), key, recipients, 42)
    assert msgspec.to_builtins(with_ids)["hsm"]["destinations"] == [destination | {"id": "m1"}]


def test_recipients_share_a_batch_exactly_when_everything_but_their_parameters_is_the_same() -> None:
    key = hsm.batch_key("a", "d", TEMPLATE)
    other_parameters = msgspec.structs.replace(TEMPLATE, body=["Eva"], buttons=[s.TemplateButton(0, "ZZ9")])
    assert hsm.batch_key("a", "d", other_parameters) == key
    for change in ({"name": "x"}, {"language": "en"}, {"bot_attention": False}, {"buttons": []}, {"namespace": "n"}):
        assert hsm.batch_key("a", "d", msgspec.structs.replace(TEMPLATE, **change)) != key


def test_a_login_gives_a_token_or_says_whether_trying_again_can_help() -> None:
    assert login.login_body("u", "p") == {"username": "u", "password": "p"}
    assert login.read_token(200, b'{"access_token": "J.W.T", "access": true}') == "J.W.T"
    for status, body, wrong in (
        (401, b"", True),
        (400, b"", True),
        (500, b"", False),
        (200, b"", False),
        (200, b"{}", False),
    ):
        with pytest.raises(login.LoginRefused) as refused:
            login.read_token(status, body)
        assert refused.value.wrong_credentials is wrong


@pytest.mark.parametrize(
    ("status", "body", "ok", "ids", "code"),
    [
        (200, b'{"messages": [{"id": "wamid.1"}]}', True, ["wamid.1"], ""),
        (200, b"", None, [], ""),
        (200, b'{"success": true}', True, [], ""),
        (200, b'{"success": false, "message": "no"}', False, [], ""),
        (400, b'{"error": {"message": "m", "code": 131009}}', False, [], "131009"),
        (502, b"<html>", False, [], ""),
        (200, b"OK", None, [], ""),
    ],
)
def test_answers_are_read_as_far_as_they_speak(
    status: int, body: bytes, ok: bool | None, ids: list[str], code: str
) -> None:
    answer = answers.read_answer(status, body)
    assert (answer.ok, answer.provider_ids, answer.code) == (ok, ids, code)


@given(st.integers(100, 599), st.binary(max_size=60))
def test_no_answer_makes_the_reader_raise(status: int, body: bytes) -> None:
    assert answers.read_answer(status, body).ok in (True, False, None)
