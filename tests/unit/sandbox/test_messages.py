"""The shape of every message, event and notification that the builders make."""

import json
from typing import Any

import pytest

from sandbox.chattigo import envelope, flat, messages
from sandbox.chattigo.config import Line

LINE = Line("56912345678")
CHAT = flat.Chat(123456789, "5491100000000", "5491155550000", "Ana", 71, 501, "BOT")
PAYLOADS: dict[str, set[str]] = {
    "image": {"id", "mime_type", "sha256", "caption"},
    "video": {"id", "mime_type", "sha256"},
    "audio": {"id", "mime_type", "sha256", "voice"},
    "document": {"id", "mime_type", "sha256", "filename"},
    "sticker": {"id", "mime_type", "sha256", "animated"},
    "location": {"latitude", "longitude", "name", "address"},
    "button": {"payload", "text"},
    "reaction": {"message_id", "emoji"},
    "unreaction": {"message_id"},
    "order": {"catalog_id", "text", "product_items"},
    "number_change": {"body", "wa_id", "type"},
}


def sample(name: str) -> dict[str, Any]:
    return messages.SAMPLES[name]("w1")


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_payload_fields(name: str) -> None:
    body = sample(name)
    assert set(body[body["type"]]) == PAYLOADS[name]


def test_every_type_of_the_facts_has_a_sample() -> None:
    types = {sample(name)["type"] for name in messages.SAMPLES}
    assert types == {
        "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive",
        "button", "reaction", "order", "system", "request_welcome", "unsupported", "hologram",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(messages.SAMPLES))
def test_a_stamped_message_has_the_common_fields(name: str) -> None:
    message = messages.stamp(sample(name), sender="5491155550000", message_id="wamid.1", at_s=1700000000)
    assert (message["from"], message["id"], message["timestamp"]) == ("5491155550000", "wamid.1", "1700000000")
    assert json.loads(json.dumps(message)) == message


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("button_reply", {"id", "title"}),
        ("list_reply", {"id", "title", "description"}),
        ("nfm_reply", {"response_json", "body", "name"}),
    ],
)
def test_interactive_answers(name: str, fields: set[str]) -> None:
    interactive = sample(name)["interactive"]
    assert interactive["type"] == name
    assert set(interactive[name]) == fields


def test_a_flow_answers_a_json_text() -> None:
    assert json.loads(sample("nfm_reply")["interactive"]["nfm_reply"]["response_json"])["name"] == "Ana"


def test_answers_name_the_message_they_answer() -> None:
    for body in (
        messages.button_reply("1", "Sí", answers="wamid.q"),
        messages.list_reply("1", "Sí", answers="wamid.q"),
        messages.button("SI", "Sí", answers="wamid.q"),
        messages.nfm_reply({}, answers="wamid.q"),
    ):
        assert body["context"] == {"id": "wamid.q"}


def test_text_from_an_ad_and_about_a_product() -> None:
    assert sample("ad")["referral"]["source_type"] == "ad"
    assert set(sample("product")["context"]["referred_product"]) == {"catalog_id", "product_retailer_id"}


def test_a_shared_contact() -> None:
    (card,) = sample("contacts")["contacts"]
    assert set(card["name"]) == {"formatted_name", "first_name", "last_name"}
    assert card["phones"][0]["wa_id"] == "5491155550000"


def test_unsupported_messages_carry_errors() -> None:
    assert sample("unsupported")["errors"][0]["code"] == 131051
    assert "unsupported" not in sample("unsupported")
    assert sample("unsupported_newer")["unsupported"] == {"type": "poll_creation"}


def test_an_order_has_numbers() -> None:
    (item,) = sample("order")["order"]["product_items"]
    assert item == {"product_retailer_id": "sku-1", "quantity": 2, "item_price": 1500.5, "currency": "ARS"}


FLAT_FIELDS = {
    "id", "idChat", "chatType", "did", "msisdn", "idUser", "type", "channel", "channelId", "channelProvider",
    "content", "name", "idCampaign", "isAttachment", "attachment", "stateAgent", "abiStatus", "message",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(messages.SAMPLES))
def test_every_message_has_a_flat_form(name: str) -> None:
    event = flat.said(CHAT, 100000001, sample(name))
    assert set(event) >= FLAT_FIELDS
    assert isinstance(event["content"], str)
    assert event["isAttachment"] is (event["attachment"] is not None)


def test_flat_media_has_a_link() -> None:
    event = flat.said(CHAT, 1, sample("document"))
    assert set(event["attachment"]) == {"mediaUrl", "mimeType", "fileName"}
    assert event["type"] == "Document"
    assert flat.said(CHAT, 1, sample("image"))["content"] == "mi comprobante"


def test_a_flat_choice() -> None:
    event = flat.said(CHAT, 1, sample("list_reply"))
    assert (event["interactiveChoiceId"], event["interactiveChoiceText"]) == ("2", "Soporte")


def test_human_events() -> None:
    said, back = flat.human_says(CHAT, 1, "Hola"), flat.given_back(CHAT, 2)
    assert (said["chatType"], said["stateAgent"], said["idUser"]) == ("OUTBOUND", "AGENT", 4021)
    assert (back["type"], back["stateAgent"], back["content"]) == ("transfer", "BOT", "")


def test_notifications() -> None:
    names = ("sent", "delivered", "read", "failed", "session")
    kinds = [flat.notification(name, "1", "2", "m1")["type"] for name in names]
    assert kinds == ["SENT", "DELIVERY", "READ", "INVALID", "SESSION"]
    assert "id" not in flat.notification("sent", "1", "2", None)
    failed = flat.notification("failed", "1", "2", 7, {"code": 131026, "title": "t", "message": "m"})
    assert failed["errors"] == [{"code": 131026, "title": "t"}]


def test_statuses() -> None:
    good = envelope.status("wamid.1", "sent", "569", 1700000000, category="utility")
    assert set(good) == {"id", "status", "timestamp", "recipient_id", "conversation", "pricing"}
    assert good["pricing"] == {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}
    bad = envelope.status("wamid.1", "failed", "569", 1700000000, error={"code": 131026})
    assert bad["errors"] == [{"code": 131026}]
    assert "pricing" not in bad


@pytest.mark.parametrize(("layout", "entries", "changes"), [("value", 1, 1), ("changes", 1, 3), ("entries", 3, 3)])
def test_layouts_of_an_envelope(layout: Any, entries: int, changes: int) -> None:
    pairs = [({"id": name}, envelope.card(name, name)) for name in ("a", "b")]
    body = envelope.wrap(LINE, pairs, [{"id": "c", "status": "sent"}], layout)
    assert body["object"] == "whatsapp_business_account"
    found = [change for entry in body["entry"] for change in entry["changes"]]
    assert (len(body["entry"]), len(found)) == (entries, changes)
    assert {change["field"] for change in found} == {"messages"}
    values = [change["value"] for change in found]
    assert [one["id"] for value in values for one in value.get("messages", [])] == ["a", "b"]
    assert [one["id"] for value in values for one in value.get("statuses", [])] == ["c"]
    assert all(value["metadata"]["display_phone_number"] == LINE.did for value in values)
