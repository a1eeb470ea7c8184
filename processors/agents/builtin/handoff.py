"""`handoff`: gives whoever is routed to it to a human, with the words, the group and the note that the tenant wants.

    agents:
      handoff:
        text: {es: "Te paso con una persona.", pt: "Vou te passar para uma pessoa."}
        group: ventas
        campaign: "77"
        note: "{name}: {said}"
        cases: [{when: {line: ["56911111112"]}, group: cobranzas}]
        hours: office
        closed: {text: "Abrimos a las 9.", then: stay}

The first of `cases` that matches replaces what it names. Outside the hours the person gets the words of `closed`, and
`then` either stays with the bot or waits for a human all the same (`queue`). Leaves to conversations how a chat is
given to a human; to routing who comes here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from processors.agents.actions import Action, HandOff, Reply
from processors.agents.agent import Conversation, text_of
from processors.agents.checks import Problem, own
from processors.agents.reading import read, settled
from processors.routing.conditions import conditions
from processors.routing.hours import Schedule
from processors.routing.subject import Subject
from schemas.content import Reaction
from schemas.inbound import InboundEvent
from schemas.record import Frozen
from schemas.tenant import Hours, When

Texts = str | dict[str, str]
TEXT_MAX = 3000  # of API Bot's `content`
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?")
_VARIABLE = re.compile(r"\{(\w+)\}")
_VARIABLES = ("name", "contact", "line", "language", "said")
_ELSEWHERE = ("kind", "owner", "new_contact", "hours")  # conditions that are for routing alone
_WORDS: dict[str, str] = {
    "es": "Te paso con una persona de nuestro equipo.",
    "en": "A person from our team will take it from here.",
    "pt": "Vou te passar para uma pessoa da nossa equipe.",
}
_CLOSED_WORDS: dict[str, str] = {
    "es": "En este momento no hay nadie que pueda atenderte. Escríbenos en nuestro horario de atención.",
    "en": "Nobody is available right now. Please write to us during our office hours.",
    "pt": "No momento não há ninguém disponível. Escreva para nós no nosso horário de atendimento.",
}


class Case(Frozen, forbid_unknown_fields=True):
    """What a case replaces, when its conditions hold."""

    when: When = When()
    text: Texts = ""
    group: str = ""
    campaign: str = ""
    note: str = ""


class Closed(Frozen, forbid_unknown_fields=True):
    """Outside the hours."""

    text: Texts = ""
    then: Literal["stay", "queue"] = "stay"


class Settings(Frozen, forbid_unknown_fields=True):
    """A tenant's settings of this agent."""

    text: Texts = ""
    group: str = ""
    campaign: str = ""
    note: str = ""
    cases: list[Case] = []
    hours: str = ""
    closed: Closed = Closed()


async def handoff(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Answers messages alone; a reaction asks for nothing."""
    if event.kind != "message" or isinstance(event.content, Reaction):
        return
    settings = _settings(msgspec.json.encode(_known(conversation.config)))
    case = _case(settings, event)
    words = spoken(case.text or settings.text, conversation.facts.language, _WORDS)
    if not _open(settings.hours, conversation.hours, event.at_ms):
        words = spoken(settings.closed.text, conversation.facts.language, _CLOSED_WORDS)
        if settings.closed.then == "stay":
            yield Reply.text(words)
            return
    yield HandOff(
        group=case.group or settings.group,
        id_campaign=case.campaign or settings.campaign,
        note=_filled(case.note or settings.note, conversation, event),
        text=words,
    )


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the settings, each with its place and what to write instead."""
    found, problem = read(own(settings), Settings)
    if found is None:
        yield problem or Problem((), "cannot be read")
        return
    yield from _of_words(("text",), found.text)
    yield from _of_words(("closed", "text"), found.closed.text)
    yield from _of_note(("note",), found.note)
    if found.closed != Closed() and not found.hours:
        yield Problem(
            ("closed",), "says what happens outside the `hours`, but there are none; name one of the tenant's"
        )
    for index, case in enumerate(found.cases):
        yield from _of_case(("cases", index), case, last=index == len(found.cases) - 1)


def unknown_hours(settings: Mapping[str, Any], known: Collection[str]) -> str:
    """The name of hours that the tenant has not; empty if there is nothing to say."""
    name = settings.get("hours", "")
    return str(name) if name and name not in known else ""


def _known(config: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the host reads, and what a newer version may know more."""
    return {name: config[name] for name in config if name in Settings.__struct_fields__}


@lru_cache(maxsize=256)
def _settings(config: bytes) -> Settings:
    """Raises AgentFailed for what `relevo tenants apply` would not have written."""
    return settled("handoff", msgspec.json.decode(config), Settings)


def _case(settings: Settings, event: InboundEvent) -> Case:
    subject = Subject.of(event, new_contact=False)
    for case in settings.cases:
        if all(condition.holds(subject) for condition in conditions(case.when, {})):
            return case
    return Case()


def _open(name: str, hours: Mapping[str, Hours], at_ms: int) -> bool:
    """By the event's own time. Hours that the tenant has no more keep nobody from a human."""
    return name not in hours or Schedule.of(hours[name]).open_at(at_ms)


def spoken(texts: Texts, language: str, usual: Mapping[str, str]) -> str:
    """The words in the conversation's language, else in that of the first that are there."""
    if isinstance(texts, str) and texts:
        return texts
    given = texts if isinstance(texts, dict) and texts else usual
    tag = language.lower().replace("_", "-")
    by_tag = {name.lower().replace("_", "-"): text for name, text in given.items()}
    return by_tag.get(tag) or by_tag.get(tag.partition("-")[0]) or next(iter(given.values()))


def _filled(note: str, conversation: Conversation, event: InboundEvent) -> str:
    values = {
        "name": conversation.name,
        "contact": conversation.contact,
        "line": conversation.did,
        "language": conversation.facts.language,
        "said": text_of(event),
    }
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), note)


def _of_case(path: tuple[str | int, ...], case: Case, *, last: bool) -> Iterator[Problem]:
    yield from _of_words((*path, "text"), case.text)
    yield from _of_note((*path, "note"), case.note)
    if case.when == When() and not last:
        yield Problem((*path, "when"), "matches everything, so the cases after it are never tried")
    for name in _ELSEWHERE:
        if getattr(case.when, name) not in ("", [], None):
            yield Problem(
                (*path, "when", name), "is for routing alone; a case looks at what was said, line and language"
            )
    try:
        conditions(msgspec.structs.replace(case.when, hours=""), {})
    except ValueError as error:
        name, _, what = str(error).partition(": ")
        yield Problem((*path, "when", name), what)


def _of_words(path: tuple[str | int, ...], texts: Texts) -> Iterator[Problem]:
    given = {"": texts} if isinstance(texts, str) else texts
    for language, text in given.items():
        place = (*path, language) if language else path
        if language and not _LANGUAGE.fullmatch(language):
            yield Problem(place, f"a language is a code like es or pt-BR, not {language!r}")
        if language and not text.strip():
            yield Problem(place, "no words; leave the language out, and another is taken")
        if len(text) > TEXT_MAX:
            yield Problem(place, f"{len(text)} characters, at most {TEXT_MAX}")


def _of_note(path: tuple[str | int, ...], note: str) -> Iterator[Problem]:
    for name in _VARIABLE.findall(note):
        if name not in _VARIABLES:
            yield Problem(path, f"no variable {{{name}}}; there are {', '.join(f'{{{one}}}' for one in _VARIABLES)}")
