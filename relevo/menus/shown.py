"""What a person sees of a menu's actions, and what else it does, as lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from processors.agents.actions import Action, Close, HandOff, OptOut, Reply, SendTemplate, UpdateCrm
from schemas import session as s


def lines(actions: Iterable[Action]) -> Iterator[str]:
    """One or more lines for each action; none for what nobody sees."""
    for action in actions:
        yield from _action(action)


def _action(action: Action) -> Iterator[str]:
    match action:
        case Reply(content=content):
            yield from _reply(content)
        case SendTemplate(template=template):
            yield f"[template {template.name} {template.language}: {', '.join(template.body)}]"
        case HandOff(group=group, id_campaign=campaign, note=note, text=text):
            yield from text.splitlines()
            to = " ".join(filter(None, (group, f"campaign {campaign}" if campaign else "")))
            yield f"(hands off{f' to {to}' if to else ''}{f': {note}' if note else ''})"
        case Close():
            yield "(closes the chat)"
        case OptOut(categories=categories):
            yield f"(opts out of {', '.join(categories) or 'everything'})"
        case UpdateCrm(fields=fields):
            yield f"(tells the CRM {', '.join(f'{name}={value}' for name, value in fields.items())})"
        case _:
            return


def _reply(content: object) -> Iterator[str]:
    match content:
        case s.Text(body=body):
            yield from body.splitlines()
        case s.Buttons(body=body, buttons=choices, header=header, footer=footer):
            yield from _framed(header, body, footer)
            yield " ".join(f"[{choice.title}]" for choice in choices)
        case s.ChoiceList(body=body, button=button, sections=sections, header=header, footer=footer):
            yield from _framed(header, body, footer)
            yield f"[{button}]"
            for row in (row for section in sections for row in section.rows):
                yield f"  [{row.title}] {row.description}".rstrip()
        case s.Location(latitude=latitude, longitude=longitude, name=name, address=address):
            yield f"[location {', '.join(filter(None, (name, address, f'{latitude},{longitude}')))}]"
        case s.Media(link=link, caption=caption):
            yield f"[{type(content).__struct_config__.tag} {link}] {caption}".rstrip()


def _framed(header: str, body: str, footer: str) -> Iterator[str]:
    if header:
        yield f"*{header}*"
    yield from body.splitlines()
    if footer:
        yield f"_{footer}_"
