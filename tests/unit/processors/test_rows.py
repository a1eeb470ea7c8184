"""Every type of message of Chattigo's facts, sections 2.2 and 2.3, arrives at an agent and gets an echo."""

from __future__ import annotations

from typing import Any

import pytest

from processors.agents.builtin.echo import echo
from relevo import Reply
from relevo.testing import Chat
from schemas import content as c
from tests.builders.conversations import Conversations, posted
from tests.builders.webhooks import PERSON, cloud, cloud_value, flat

_MEDIA = {"id": "1", "mime_type": "x/y", "sha256": "s"}
CLOUD: dict[str, tuple[dict[str, Any], type[c.Content]]] = {
    "text": ({"text": {"body": "hola"}}, c.Text),
    "image": ({"image": {**_MEDIA, "caption": "c"}}, c.Image),
    "video": ({"video": _MEDIA}, c.Video),
    "audio": ({"audio": {**_MEDIA, "voice": True}}, c.Audio),
    "document": ({"document": {**_MEDIA, "filename": "f.pdf"}}, c.Document),
    "sticker": ({"sticker": {**_MEDIA, "animated": True}}, c.Sticker),
    "location": ({"location": {"latitude": -33.4, "longitude": -70.6}}, c.Location),
    "contacts": ({"contacts": [{"name": {"formatted_name": "Luz"}}]}, c.Contacts),
    "button_reply": (
        {"interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Sí"}}},
        c.ButtonReply,
    ),
    "list_reply": ({"interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Sí"}}}, c.ListReply),
    "nfm_reply": (
        {"interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{}", "body": "b", "name": "flow"}}},
        c.FlowReply,
    ),
    "button": ({"button": {"payload": "p", "text": "Sí"}}, c.TemplateButton),
    "reaction": ({"reaction": {"message_id": "wamid.0", "emoji": "👍"}}, c.Reaction),
    "reaction taken back": ({"reaction": {"message_id": "wamid.0"}}, c.Reaction),
    "order": ({"order": {"catalog_id": "1", "product_items": []}}, c.Order),
    "system": ({"system": {"body": "b", "wa_id": "56933333333", "type": "user_changed_number"}}, c.NumberChanged),
    "request_welcome": ({}, c.RequestWelcome),
    "unsupported": ({"errors": [{"code": 131051, "title": "x"}]}, c.Unsupported),
    "hologram": ({"hologram": {"x": 1}}, c.Unknown),
}
_NAMES = {"button_reply": "interactive", "list_reply": "interactive", "nfm_reply": "interactive"}
FLAT: dict[str, tuple[dict[str, Any], type[c.Content]]] = {
    "Text": ({}, c.Text),
    **{
        kind: ({"isAttachment": "true", "attachment": {"mediaUrl": "https://x.example/m"}}, content)
        for kind, content in [("Image", c.Image), ("AUDIO", c.Audio), ("video", c.Video), ("Document", c.Document)]
    },
    "media": ({"attachment": {"mediaUrl": "https://x.example/m", "mimeType": "image/png"}}, c.Image),
    "Location": ({"content": "-33.4,-70.6"}, c.Location),
    "choice": ({"interactiveChoiceId": "7", "interactiveChoiceText": "Sí"}, c.ListReply),
    "transfer": ({}, c.SessionControl),
    "close": ({}, c.SessionControl),
    "timeout": ({}, c.SessionControl),
    "Hologram": ({}, c.Unknown),
}


def cloud_row(name: str) -> dict[str, Any]:
    kind = _NAMES.get(name, name.partition(" ")[0])
    message = {"from": PERSON, "id": f"wamid.{name}", "timestamp": "1700000000", "type": kind, **CLOUD[name][0]}
    return cloud(cloud_value(messages=[message], contacts=[]))


def flat_row(name: str) -> dict[str, Any]:
    return flat("Text" if name == "choice" else name, **FLAT[name][0])


ROWS = [(cloud_row(name), CLOUD[name][1]) for name in CLOUD] + [(flat_row(name), FLAT[name][1]) for name in FLAT]


@pytest.mark.parametrize(("body", "content"), ROWS)
def test_every_row_reaches_an_agent_and_is_echoed(body: dict[str, Any], content: type[c.Content]) -> None:
    conversations = Conversations()
    conversations.feed(posted(body))
    (told,) = (one for one in conversations.told("menu") if one.kind == "event")
    assert (told.kind, type(told.event.content)) == ("event", content)
    chat = Chat(echo)
    answered = chat.event(told.event.kind, content=told.event.content)
    assert len(answered) == (told.event.kind == "message")
    assert all(isinstance(action, Reply) for action in answered)
