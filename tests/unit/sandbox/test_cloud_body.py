"""Reading of Cloud API objects: every sendable type is taken, and what WhatsApp refuses is refused with its code."""

from typing import Any

import pytest

from sandbox.chattigo.answers import Invalid
from sandbox.chattigo.cloud_body import check

ACTION = {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Sí"}}]}
ROWS = [{"id": str(number), "title": "fila"} for number in range(10)]
GOOD: dict[str, Any] = {
    "text": {"body": "hola", "preview_url": True},
    "image": {"link": "https://x.example/a.jpg", "caption": "c"},
    "document": {"id": "1", "filename": "a.pdf", "caption": "c"},
    "audio": {"link": "https://x.example/a.ogg"},
    "video": {"link": "https://x.example/a.mp4"},
    "sticker": {"link": "https://x.example/a.webp"},
    "location": {"latitude": -34.6, "longitude": -58, "name": "n", "address": "a"},
    "contacts": [{"name": {"formatted_name": "Ana P", "first_name": "Ana"}}],
    "reaction": {"message_id": "wamid.1", "emoji": ""},
    "interactive": {"type": "button", "body": {"text": "¿?"}, "action": ACTION},
    "template": {"name": "t", "language": {"code": "es"}, "components": [{"type": "body", "parameters": []}]},
}
LIST = {"type": "list", "body": {"text": "x"}, "action": {"button": "Ver", "sections": [{"rows": ROWS}]}}
CTA = {"type": "cta_url", "body": {"text": "x"}, "action": {"name": "cta_url", "parameters": {}}}


def message(kind: str, payload: Any, **more: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": "56911111111", "type": kind, kind: payload, **more}


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_every_type_is_taken(kind: str) -> None:
    assert check(message(kind, GOOD[kind])) == kind


@pytest.mark.parametrize("payload", [LIST, CTA])
def test_lists_and_other_interactive_messages_are_taken(payload: Any) -> None:
    assert check(message("interactive", payload, context={"message_id": "wamid.1"})) == "interactive"


def rows(count: int, **change: Any) -> dict[str, Any]:
    many = [{"id": str(number), "title": "fila", **change} for number in range(count)]
    return LIST | {"action": {"button": "Ver", "sections": [{"rows": many}]}}


def buttons(*titles: str) -> dict[str, Any]:
    made = [{"type": "reply", "reply": {"id": title, "title": title}} for title in titles]
    return GOOD["interactive"] | {"action": {"buttons": made}}


BAD: list[tuple[Any, int]] = [
    ([], 100),
    (message("text", {"body": "x"}) | {"messaging_product": "sms"}, 100),
    (message("text", {"body": "x"}, recipient_type="group"), 100),
    (message("text", {"body": "x"}) | {"to": "+569 1"}, 131009),
    ({"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}}, 131008),
    (message("poll", {}), 131051),
    (message("text", None), 131008),
    (message("text", {"body": ""}), 131009),
    (message("text", {"body": "x" * 4097}), 131009),
    (message("text", {"body": "x", "preview_url": "yes"}), 100),
    (message("text", {"body": "x"}, context={}), 131008),
    (message("image", {}), 100),
    (message("image", {"link": "https://x.example", "id": "1"}), 100),
    (message("image", {"link": "ftp://x.example"}), 131009),
    (message("image", {"id": "1", "caption": "x" * 1025}), 131009),
    (message("audio", {"id": "1", "caption": "x"}), 100),
    (message("location", {"latitude": "1", "longitude": 2}), 131009),
    (message("location", {"latitude": 91, "longitude": 2}), 131009),
    (message("contacts", []), 131009),
    (message("contacts", [{"name": {"formatted_name": "Ana"}}]), 100),
    (message("reaction", {"message_id": "wamid.1"}), 131008),
    (message("reaction", GOOD["reaction"], context={"message_id": "x"}), 100),
    (message("interactive", {"type": "button", "body": {"text": "x"}}), 131008),
    (message("interactive", buttons("a", "b", "c", "d")), 131009),
    (message("interactive", buttons("a", "a")), 100),
    (message("interactive", buttons("x" * 21)), 131009),
    (message("interactive", buttons("a") | {"footer": {"text": "x" * 61}}), 131009),
    (message("interactive", buttons("a") | {"header": {"type": "text", "text": "x" * 61}}), 131009),
    (message("interactive", rows(11)), 131009),
    (message("interactive", rows(2, id="same")), 100),
    (message("interactive", rows(1, title="x" * 25)), 131009),
    (message("interactive", rows(1, description="x" * 73)), 131009),
    (message("template", {"name": "t"}), 131008),
    (message("template", GOOD["template"] | {"components": {}}), 100),
    (message("template", GOOD["template"] | {"components": [{"type": "footer"}]}), 100),
    (message("template", GOOD["template"] | {"components": [{"type": "button", "sub_type": "url"}]}), 131008),
]


@pytest.mark.parametrize(("body", "code"), BAD)
def test_what_whatsapp_refuses_has_its_code(body: Any, code: int) -> None:
    with pytest.raises(Invalid) as refusal:
        check(body)
    assert refusal.value.code == code
    assert refusal.value.reason
