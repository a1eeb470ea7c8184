"""What was said in a conversation lately, as far as one agent's topic tells: the lines that a hand-off carries.

The customer's messages, the agent's own words, and what notes of conversations say of others (echoes, messages that
came while a human owned the conversation). Pure. Promises: at most so many lines and bytes, of which the newest stay;
a line is one short text, media are named (`[image]`). It is text of people: in values of records alone, never in a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from schemas import content as c
from schemas import session as s
from schemas.inbound import InboundEvent, Overheard, Said

LINE_MAX = 500  # characters of one line
_CHARACTER_BYTES = 4  # at most
_LINE_BYTES = 24  # of a line besides its text, about

Who = Literal["customer", "bot", "human"]
_APP_ECHO = "wamid."
_SPOKEN = frozenset(("message", "opted_out", "opted_in"))  # with the word that the person said


class Line(msgspec.Struct, array_like=True, frozen=True):
    """A line as it is kept."""

    who: Who
    text: str
    at_ms: int
    told: bool = False  # by a notice: it was sent through us, so an echo may repeat it


class Keep(NamedTuple):
    """How much is kept: lines (0: nothing is) and bytes of them all."""

    lines: int = 20
    size: int = 8192

    def added(self, lines: Sequence[Line], who: Who, text: str, at_ms: int, *, told: bool = False) -> list[Line]:
        """The lines with one more; nothing said adds none."""
        if not self.lines:
            return []
        text = shortened(text)
        return self._newest([*lines, Line(who, text, at_ms, told)] if text else list(lines))

    def joined(self, lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
        """The lines of two conversations that turned out to be one, in the order of time."""
        return self._newest(sorted([*others, *lines], key=lambda line: line.at_ms)) if self.lines else []

    def _newest(self, lines: list[Line]) -> list[Line]:
        kept = lines[-self.lines :]
        if sum([len(line.text) for line in kept]) * _CHARACTER_BYTES + len(kept) * _LINE_BYTES <= self.size:
            return kept  # however its letters are written, which need not be counted then
        while kept and sum(map(_size, kept)) > self.size:
            del kept[0]
        return kept

    def heard(self, lines: Sequence[Line], event: InboundEvent, *, again: bool = False) -> list[Line]:
        """The lines with what the person said, if the event is that. One that was put back (`again`) may stand there:
        it was held when it failed."""
        said = heard(event.content) if event.kind in _SPOKEN and event.content else ""
        if again and Line("customer", shortened(said), event.at_ms) in lines:
            return list(lines)
        return self.added(lines, "customer", said, event.at_ms)

    def noted(self, lines: Sequence[Line], said: Overheard) -> list[Line]:
        """The lines with what a notice tells of others."""
        if said.echo and any(_repeats(said.text, line) for line in lines):
            return list(lines)
        return self.added(lines, said.who, said.text, said.at_ms, told=not said.echo)

    def overheard(self, lines: Sequence[Line], event: InboundEvent, reason: str) -> list[Line]:
        """The lines with what a note tells: `human_owns` of the person, `echo` of what others wrote to the person."""
        if reason == "human_owns":
            return self.heard(lines, event)
        text = shortened(heard(event.content)) if reason == "echo" and event.content else ""
        if any(_repeats(text, line) for line in lines):
            return list(lines)
        return self.added(lines, _writer(event), text, event.at_ms)


def _repeats(echo: str, line: Line) -> bool:
    """Whether an echo is our own line come back; of buttons and lists only their text does."""
    return (line.who == "bot" or line.told) and (line.text == echo or line.text.startswith(f"{echo} ["))


def _writer(event: InboundEvent) -> Who:
    """Who wrote what an echo repeats. The Cloud API echoes only what a person wrote in the WhatsApp Business app."""
    return "human" if event.facts.owner == "human" or event.id.startswith(_APP_ECHO) else "bot"


def _size(line: Line) -> int:
    return len(line.text.encode("utf-8", "replace")) + _LINE_BYTES


def shortened(text: str) -> str:
    """The text as a line has it."""
    text = text.strip()
    return text if len(text) <= LINE_MAX else text[: LINE_MAX - 1] + "…"


def told(lines: Sequence[Line]) -> list[Said]:
    """The lines as a hand-off carries them."""
    return [Said(who=line.who, text=line.text, at_ms=line.at_ms) for line in lines]


def heard(content: c.AnyContent) -> str:
    """What a person sent, in one line; empty for what is no utterance."""
    match content:
        case c.Text(body=text):
            return text
        case c.ButtonReply(id=chosen, title=title) | c.ListReply(id=chosen, title=title):
            return title or chosen
        case c.TemplateButton(payload=payload, text=title):
            return title or payload
        case c.Location(latitude=latitude, longitude=longitude, name=name, address=address):
            return _location(latitude, longitude, name, address)
        case c.Contacts(contacts=cards):
            return _named("contacts", ", ".join(filter(None, map(_name, cards))))
        case c.FlowReply(body=text):
            return _named("flow", text)
        case c.Reaction(emoji=emoji):
            return f"[reaction {emoji}]" if emoji else "[reaction taken back]"
        case c.Order(product_items=items, text=text):
            return _named(f"order of {len(items)}", text)
        case c.Unsupported(kind=kind) | c.Unknown(kind=kind):
            return f"[{kind or 'unsupported'}]"
        case c.RequestWelcome() | c.SessionControl() | c.NumberChanged():
            return ""
        case _:
            return _media(content)


def said(content: s.AnySendable) -> str:
    """What is sent to a person, in one line. Of a template its name alone: its parameters may be a password."""
    match content:
        case s.Text(body=text):
            return text
        case s.Buttons(body=text, buttons=choices):
            return _offered(text, choices)
        case s.ChoiceList(body=text, sections=sections):
            return _offered(text, [row for section in sections for row in section.rows])
        case s.Location(latitude=latitude, longitude=longitude, name=name, address=address):
            return _location(latitude, longitude, name, address)
        case s.Contacts(contacts=cards):
            return _named("contacts", ", ".join(filter(None, map(_name, cards))))
        case s.Reaction(emoji=emoji):
            return f"[reaction {emoji}]" if emoji else "[reaction taken back]"
        case s.Template(name=name):
            return f"[template {name}]"
        case s.Interactive(interactive=inner):
            return _named("interactive", _text(_obj(inner.get("body")).get("text")))
        case s.Control(text=text):
            return text
        case _:
            return _media(content)


def _media(content: c.Media | s.Media) -> str:
    kind = str(type(content).__struct_config__.tag)
    return _named(f"{kind} {content.filename}" if content.filename else kind, content.caption)


def _named(kind: str, text: str) -> str:
    return f"[{kind}] {text}" if text else f"[{kind}]"


def _offered(text: str, choices: Sequence[s.Choice]) -> str:
    return " ".join([text, *(f"[{choice.title}]" for choice in choices)])


def _location(latitude: float | None, longitude: float | None, name: str, address: str) -> str:
    place = ", ".join(filter(None, (name, address)))
    return _named("location", place or (f"{latitude},{longitude}" if latitude is not None else ""))


def _name(card: dict[str, Any]) -> str:
    return _text(_obj(card.get("name")).get("formatted_name"))


def _obj(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
