"""What actions show to the person: their texts, and the buttons and rows that can be pressed."""

from __future__ import annotations

from processors.agents.actions import Action, HandOff, Reply
from schemas import content as c
from schemas import session as s


def text(action: Action) -> str:
    """Of a reply its text, body or caption, of a hand-off its last words; else empty."""
    match action:
        case Reply(content=s.Text(body=body) | s.Buttons(body=body) | s.ChoiceList(body=body)):
            return body
        case Reply(content=s.Image(caption=caption) | s.Video(caption=caption) | s.Document(caption=caption)):
            return caption
        case HandOff(text=last):
            return last
        case _:
            return ""


def pressed(actions: list[Action], wanted: str) -> c.AnyContent:
    """The press on the button or row with this id or title. Raises LookupError, naming what there is."""
    found = [(choice, content) for action in actions for choice, content in _offers(action)]
    for choice, content in found:
        if wanted in (choice.id, choice.title):
            return content
    there = ", ".join(repr(choice.title) for choice, _ in found) or "nothing"
    raise LookupError(f"nothing to press is called {wanted!r}; the latest actions offer {there}")


def _offers(action: Action) -> list[tuple[s.Choice, c.AnyContent]]:
    match action:
        case Reply(content=s.Buttons(buttons=buttons)):
            return [(one, c.ButtonReply(id=one.id, title=one.title)) for one in buttons]
        case Reply(content=s.ChoiceList(sections=sections)):
            rows = [row for section in sections for row in section.rows]
            return [(one, c.ListReply(id=one.id, title=one.title, description=one.description)) for one in rows]
        case _:
            return []
