"""Chattigo's own flat objects: events to a bot (Chattigo's facts, section 2.3) and notifications about sends
(section 6.2).

Promises: the fields and the types of the facts (`id`, `idChat`, `channelId` integers; numbers as digits). What a
WhatsApp type without flat counterpart looks like is an assumption: its own name as `type` and an empty `content`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from sandbox.chattigo.messages import Json

MEDIA = ("image", "audio", "video", "document", "sticker")
NOTIFICATIONS = {"sent": "SENT", "delivered": "DELIVERY", "read": "READ", "failed": "INVALID"}


class Chat(NamedTuple):
    """What a flat event says about its conversation."""

    id_chat: int
    did: str
    msisdn: str
    name: str
    channel_id: int
    id_campaign: int
    state: str


def event(chat: Chat, event_id: int, kind: str, content: str, **changes: Any) -> Json:
    """One event; `changes` replaces or adds fields (`chatType`, `idUser`, `attachment`, …)."""
    return {
        "id": event_id,
        "idChat": chat.id_chat,
        "chatType": "INBOUND",
        "did": chat.did,
        "msisdn": chat.msisdn,
        "idUser": 0,
        "type": kind,
        "channel": "WHATSAPP",
        "channelId": chat.channel_id,
        "channelProvider": "APICLOUDBSP",
        "content": content,
        "name": chat.name,
        "idCampaign": chat.id_campaign,
        "isAttachment": False,
        "attachment": None,
        "stateAgent": chat.state,
        "abiStatus": None,
        "message": None,
        **changes,
    }


def _nowhere(media_id: str) -> str:
    return f"https://media.chattigo.example/{media_id}"


def said(chat: Chat, event_id: int, body: Json, url: Callable[[str], str] = _nowhere) -> Json:
    """The flat event of a WhatsApp message object (as the builders of `messages` make it); `url`: where a file of that
    id can be had.
    """
    kind = str(body["type"])
    payload: Any = body.get(kind)
    if kind == "text":
        return event(chat, event_id, "Text", payload["body"])
    if kind in MEDIA:
        return _media(chat, event_id, kind, payload, url(payload["id"]))
    if kind == "location":
        return event(chat, event_id, "Location", f"{payload['latitude']},{payload['longitude']}")
    if kind == "button":
        return event(chat, event_id, "Text", payload["text"])
    if kind == "interactive":
        choice = payload[payload["type"]]
        picked = {
            "interactiveChoiceId": choice.get("id", ""),
            "interactiveChoiceText": choice.get("title", ""),
        }
        return event(chat, event_id, "Text", choice.get("title", ""), **picked)
    return event(chat, event_id, kind.capitalize(), "")


def _media(chat: Chat, event_id: int, kind: str, payload: Json, url: str) -> Json:
    name = payload.get("filename")
    attachment = {
        "mediaUrl": url,
        "mimeType": payload["mime_type"],
    } | ({"fileName": name} if name else {})
    return event(
        chat, event_id, kind.capitalize(), payload.get("caption", ""), isAttachment=True, attachment=attachment
    )


def echo(chat: Chat, event_id: int, content: str) -> Json:
    """What the bot itself said, told back to it (Q36)."""
    return event(chat, event_id, "Text", content, chatType="OUTBOUND")


def human_says(chat: Chat, event_id: int, content: str, user: int = 4021) -> Json:
    """What a human agent (`user`) says while the chat is theirs."""
    return event(chat, event_id, "Text", content, chatType="OUTBOUND", idUser=user, stateAgent="AGENT")


def given_back(chat: Chat, event_id: int) -> Json:
    """The human is done: Chattigo closes the chat and the bot resumes."""
    return event(chat, event_id, "transfer", "", stateAgent="BOT")


def notification(state: str, did: str, msisdn: str, client_id: str | int | None, error: Json | None = None) -> Json:
    """What became of a send; `state` sent, delivered, read, failed, or `session` for an opened window."""
    known: Json = {} if client_id is None else {"id": client_id}
    kind = NOTIFICATIONS.get(state, state.upper())
    extra: Json = {} if error is None else {"errors": [{"code": error["code"], "title": error["title"]}]}
    return {**known, "did": did, "msisdn": msisdn, "type": kind, "channel": "WHATSAPP", **extra}
