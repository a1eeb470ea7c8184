"""Bodies of `POST /{version}/{did}/messages` on the ISV service: one message in WhatsApp's Cloud API form.

Source: Chattigo's facts, sections 3.5 and 4.1.
"""

from __future__ import annotations

from typing import Any

from schemas import session as s
from schemas.outbound import OutboundMessage


class NotOnThisRoute(ValueError):
    """The service has no form for this content; nothing was sent."""


def session_body(message: OutboundMessage) -> dict[str, Any]:
    """The call's body; NotOnThisRoute for a Control, which this service does not have."""
    kind, payload = _content(message.content)
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.to,
        "type": kind,
        kind: payload,
    }
    if message.reply_to_id and kind != "reaction":
        body["context"] = {"message_id": message.reply_to_id}
    return body


def _content(content: s.AnySendable) -> tuple[str, Any]:
    match content:
        case s.Text():
            return "text", _given(body=content.body, preview_url=content.preview_url)
        case s.Image() | s.Video():
            return _tag(content), _given(link=content.link, caption=content.caption)
        case s.Document():
            return "document", _given(link=content.link, caption=content.caption, filename=content.filename)
        case s.Audio() | s.Sticker():
            return _tag(content), {"link": content.link}
        case s.Location():
            place = {"latitude": content.latitude, "longitude": content.longitude}
            return "location", place | _given(name=content.name, address=content.address)
        case s.Contacts():
            return "contacts", content.contacts
        case s.Reaction():
            return "reaction", {"message_id": content.message_id, "emoji": content.emoji}
        case s.Buttons() | s.ChoiceList() | s.Interactive():
            return "interactive", interactive(content)
        case s.Template():
            return "template", template(content)
        case s.Control():
            raise NotOnThisRoute(f"the ISV service has no {content.action!r}")


def _tag(content: s.Media) -> str:
    return str(content.__struct_config__.tag)


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def interactive(content: s.Buttons | s.ChoiceList | s.Interactive) -> dict[str, Any]:
    """WhatsApp's `interactive` object."""
    match content:
        case s.Interactive():
            return content.interactive
        case s.Buttons():
            kind = "button"
            action: dict[str, Any] = {
                "buttons": [{"type": "reply", "reply": {"id": b.id, "title": b.title}} for b in content.buttons]
            }
        case s.ChoiceList():
            kind = "list"
            action = {"button": content.button, "sections": [_section(section) for section in content.sections]}
    header = {"type": "text", "text": content.header} if content.header else None
    footer = {"text": content.footer} if content.footer else None
    return {"type": kind, "body": {"text": content.body}, "action": action} | _given(header=header, footer=footer)


def _section(section: s.Section) -> dict[str, Any]:
    rows = [{"id": row.id, "title": row.title} | _given(description=row.description) for row in section.rows]
    return {"rows": rows} | _given(title=section.title)


def template(content: s.Template) -> dict[str, Any]:
    """WhatsApp's `template` object with its components."""
    components: list[dict[str, Any]] = []
    if content.header:
        components.append({"type": "header", "parameters": [_header(content)]})
    if content.body:
        components.append({"type": "body", "parameters": [{"type": "text", "text": text} for text in content.body]})
    for button in content.buttons:
        place = {"type": "button", "sub_type": button.kind, "index": str(button.index)}
        components.append(place | {"parameters": [_pressed(button)]})
    language = {"code": content.language}
    return {"name": content.name, "language": language} | _given(namespace=content.namespace, components=components)


def _pressed(button: s.TemplateButton) -> dict[str, Any]:
    """A button's parameter, by what the button does (META)."""
    match button.kind:
        case "url":
            return {"type": "text", "text": button.parameter}
        case "copy_code":
            return {"type": "coupon_code", "coupon_code": button.parameter}
        case "flow":
            return {"type": "action", "action": {"flow_token": button.parameter}}
        case _:
            return {"type": "payload", "payload": button.parameter}


def _header(content: s.Template) -> dict[str, Any]:
    value, kind = content.header[0], content.header_kind
    if kind == "location":
        names = ("latitude", "longitude", "name", "address")
        return {"type": kind, kind: dict(zip(names, content.header, strict=False))}
    return {"type": kind, kind: value if kind == "text" else {"link": value}}
