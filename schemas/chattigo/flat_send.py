"""Bodies of `POST /outbound` on the API Bot service: one flat object a message or control.

Source: Chattigo's facts, sections 4.2 and 5. Texts hold at most 3000 characters there. What the service has no
form for (locations, contacts, reactions, templates) raises NotOnThisRoute before anything is sent.
"""

from __future__ import annotations

from typing import Any

from schemas import session as s
from schemas.chattigo.cloud_send import NotOnThisRoute
from schemas.outbound import OutboundMessage

_MIME = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg",
    "document": "application/pdf",
    "sticker": "image/webp",
}


def session_body(message: OutboundMessage) -> dict[str, Any]:
    """The call's body. `id` is the message's own id, so that a notification can be matched."""
    content = message.content
    if isinstance(content, s.Control):
        return _control(message, content)
    base = {
        "id": message.id,
        "chatType": "OUTBOUND",
        "did": message.did,
        "msisdn": message.to,
        "channel": "WHATSAPP",
        "channelProvider": "APICLOUDBSP",
        "stateAgent": "BOT",
        "isAttachment": False,
        "attachment": None,
    }
    return base | _content(content)


def _content(content: s.AnySendable) -> dict[str, Any]:
    match content:
        case s.Text():
            return {"type": "text", "content": content.body}
        case s.Image() | s.Video() | s.Audio() | s.Document() | s.Sticker():
            return _media(content)
        case s.Buttons():
            return _choices(content.body, content.header, content.buttons)
        case s.ChoiceList():
            rows = [row for section in content.sections for row in section.rows]
            return _choices(content.body, content.header or content.button, rows)
        case _:
            raise NotOnThisRoute(f"API Bot has no form for {content.__struct_config__.tag}")


def _media(content: s.Media) -> dict[str, Any]:
    kind = str(content.__struct_config__.tag)
    attachment = {"mediaUrl": content.link, "mimeType": content.mime_type or _MIME[kind]}
    if content.filename:
        attachment["fileName"] = content.filename
    return {"type": kind, "content": content.caption, "isAttachment": True, "attachment": attachment}


def _choices(body: str, title: str, choices: list[s.Choice]) -> dict[str, Any]:
    """A list of at most ten choices; quick-reply buttons are not documented on this service."""
    listed = [{"id": choice.id, "text": choice.title} for choice in choices]
    message = {"interactiveType": "list", "body": body, "titleList": title or body[:20], "choices": listed}
    return {"type": "text", "content": body, "botProvider": "CHATTIGO", "interactiveMsg": message}


def _control(message: OutboundMessage, control: s.Control) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": message.id,
        "chatType": "OUTBOUND",
        "did": message.did,
        "msisdn": message.to,
        "type": control.action,
        "channel": "WHATSAPP",
        "content": control.group if control.action == "group" else control.text,
    }
    fields = (("idChat", control.id_chat), ("channelId", control.channel_id), ("idCampaign", control.id_campaign))
    return body | {name: value for name, value in fields if value}
