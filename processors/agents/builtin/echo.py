"""`echo`: says back what it got, whatever the type. For a first try, and for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

from processors.agents.actions import Action, Reply
from processors.agents.agent import Conversation, text_of
from schemas import content as c
from schemas import session as s
from schemas.inbound import InboundEvent


async def echo(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """One reply to each message; nothing to any other event."""
    if event.kind == "message" and event.content is not None:
        yield _same(event.content, event)


def _same(content: c.AnyContent, event: InboundEvent) -> Reply:
    """The same again where it can be sent; media come as an id that only the provider can open, so they are named."""
    match content:
        case c.Image(url=link) | c.Video(url=link) | c.Audio(url=link) | c.Document(url=link) | c.Sticker(url=link) if (
            link.startswith("https://")
        ):
            return _media(content)
        case c.Location(latitude=latitude, longitude=longitude) if latitude is not None and longitude is not None:
            return Reply.location(latitude, longitude, content.name, content.address)
        case c.Contacts(contacts=cards) if cards:
            return Reply.contacts(*cards)
        case c.Reaction(message_id=message_id, emoji=emoji) if emoji and message_id:
            return Reply.reaction(emoji, message_id)
        case _:
            return Reply.text(text_of(event) or f"[{_type(content)}]")


def _media(content: c.Media) -> Reply:
    match content:
        case c.Image():
            return Reply.image(content.url, content.caption)
        case c.Video():
            return Reply.video(content.url, content.caption)
        case c.Audio():
            return Reply.audio(content.url)
        case c.Sticker():
            return Reply.sticker(content.url)
        case _:
            return Reply(s.Document(link=content.url, filename=content.filename, caption=content.caption))


def _type(content: c.AnyContent) -> str:
    if isinstance(content, c.Unknown | c.Unsupported):
        return content.kind or "unsupported"
    return str(type(content).__struct_config__.tag)
