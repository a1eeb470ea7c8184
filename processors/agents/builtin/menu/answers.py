"""What a person answered to a question: whether it fits its type, and how it is remembered. Pure.

Remembered are a number as digits with a point, a date as YYYY-MM-DD, a time as HH:MM, a phone as digits with its
country, `yes` or `no`, media as its address or id. Shown to people are dates, yes and no as they write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

import phonenumbers

from processors.agents.builtin.menu import documents, moments
from processors.agents.builtin.menu.model import ARRIVING, Ask, Value
from processors.agents.builtin.menu.numbers import number, number_bound, plain
from processors.agents.builtin.menu.texts import base, means, own, texts_of
from processors.routing.pattern import compiled
from processors.text import fold
from schemas import content as c

ANSWER_MAX = 500
_PATTERN_TEXT_MAX = 256
_NUMBER_MAX = 24
_EMAIL_MAX = 254
_EMAIL = re.compile(r"[\w.+%'\-]{1,64}@[\w\-]+(?:\.[\w\-]+)+", re.ASCII)
_YES_WORDS = {"si", "sim", "yes", "s", "y", "claro", "ok", "okay", "dale", "bueno", "correcto", "por supuesto",
              "de acuerdo", "si por favor", "sim por favor", "yes please", "si claro", "claro que si",
              "👍"}  # fmt: skip
_NO_WORDS = {"no", "nao", "n", "nop", "nope", "negativo", "no gracias", "nao obrigado", "no thanks", "para nada", "👎"}
_MEDIA: Mapping[str, tuple[type, ...]] = {
    "image": (c.Image,),
    "document": (c.Document,),
    "audio": (c.Audio,),
    "video": (c.Video,),
    "file": (c.Image, c.Document, c.Audio, c.Video),
}


class Sent(NamedTuple):
    """What came: its words, the id of a choice if it was one, and the content itself."""

    text: str
    chosen: str = ""
    content: c.AnyContent | None = None


class Around(NamedTuple):
    """What an answer is judged by: the day, and the person's number, whose country a local number belongs to."""

    today: date
    contact: str = ""


def read(ask: Ask, sent: Sent, around: Around) -> str:
    """What is to be remembered; empty when it does not fit."""
    if ask.type in ARRIVING:
        return _arrived(ask.type, sent.content)
    text = sent.text.strip()
    if not text:
        return ""
    if ask.pattern:
        text = text[:_PATTERN_TEXT_MAX]
        if not compiled(ask.pattern).fullmatch(text):
            return ""
    return _READERS[ask.type](ask, text, around)[:ANSWER_MAX]


def skips(ask: Ask, sent: Sent) -> bool:
    """Whether the person leaves the question out."""
    return means(ask.skip, fold(sent.text))


def choices(ask: Ask, language: str) -> list[Value]:
    """The answers that can be chosen from, if there are."""
    if ask.type == "yes_no":
        return [Value(title=own(word, language), save=word) for word in ("yes", "no")]
    if ask.type == "one_of":
        return [value if isinstance(value, Value) else Value(title=value) for value in ask.values]
    return []


def saved(value: Value) -> str:
    """What is remembered of one of several answers."""
    return (value.save or next((text for _, text in texts_of(value.title)), ""))[:ANSWER_MAX]


def shown(kind: str, value: str, language: str) -> str:
    """A remembered answer as people write it."""
    if kind == "yes_no" and value in ("yes", "no"):
        return own(value, language).lower()
    if kind == "date" and base(language) in ("es", "pt"):
        day = moments.bound(value, date.min)
        return f"{day:%d/%m/%Y}" if day else value
    return value


def hint(ask: Ask, language: str, today: date) -> str:
    """What to say to an answer that does not fit, where the menu says nothing; empty where there is nothing to say."""
    said = own(ask.type, language)
    if ask.type == "text" or not (ask.min and ask.max):
        return said
    edges = [_edge(ask.type, edge, language, today) for edge in (ask.min, ask.max)]
    return f"{said} ({own('between', language).format(*edges)})"


def _edge(kind: str, edge: str, language: str, today: date) -> str:
    """A bound as people write it."""
    day = moments.bound(edge, today) if kind == "date" else None
    return shown("date", day.isoformat(), language) if day else edge


def _arrived(kind: str, content: c.AnyContent | None) -> str:
    if kind == "location":
        return _place(content)
    if content is None or not isinstance(content, _MEDIA[kind]) or not isinstance(content, c.Media):
        return ""
    return (content.url or content.media_id)[:ANSWER_MAX]


def _place(content: c.AnyContent | None) -> str:
    if not isinstance(content, c.Location):
        return ""
    if content.latitude is not None and content.longitude is not None:
        return f"{content.latitude},{content.longitude}"
    return (content.address or content.name or content.url)[:ANSWER_MAX]


def _text(ask: Ask, text: str, around: Around) -> str:
    del around
    long_enough = len(text) >= int(ask.min or 1)
    return text if long_enough and len(text) <= int(ask.max or len(text)) else ""


def _number(ask: Ask, text: str, around: Around) -> str:
    del around
    found = number(text)
    if found is None or (ask.type == "integer" and found != found.to_integral_value()):
        return ""
    least, most = number_bound(ask.min), number_bound(ask.max)
    if (least is not None and found < least) or (most is not None and found > most):
        return ""
    return plain(found)


def _date(ask: Ask, text: str, around: Around) -> str:
    least, most = moments.bound(ask.min, around.today), moments.bound(ask.max, around.today)
    past = most is not None and most <= around.today
    found = moments.spoken_date(text, around.today, past=past)
    if found is None or (least and found < least) or (most and found > most):
        return ""
    return found.isoformat()


def _time(ask: Ask, text: str, around: Around) -> str:
    del around
    found = moments.spoken_time(text)
    return found if found and (ask.min or "00:00") <= found <= (ask.max or "24:00") else ""


def _email(ask: Ask, text: str, around: Around) -> str:
    del ask, around
    return text.lower() if len(text) <= _EMAIL_MAX and _EMAIL.fullmatch(text) and ".." not in text else ""


def _phone(ask: Ask, text: str, around: Around) -> str:
    del ask
    if len(text) > 2 * _NUMBER_MAX:
        return ""
    try:
        found = phonenumbers.parse(text, _region(around.contact))
    except phonenumbers.NumberParseException:
        return ""
    whole = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    return whole.removeprefix("+") if phonenumbers.is_possible_number(found) else ""


def _region(contact: str) -> str | None:
    """The country of the person's own number."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(f"+{contact}"))
    except phonenumbers.NumberParseException:
        return None


def _yes_no(ask: Ask, text: str, around: Around) -> str:
    del ask, around
    said = fold(text)
    if said in ("1", *_YES_WORDS):
        return "yes"
    return "no" if said in ("2", *_NO_WORDS) else ""


def _one_of(ask: Ask, text: str, around: Around) -> str:
    del around
    said, values = fold(text), choices(ask, "")
    chosen = [value for value in values if any(fold(title) == said for _, title in texts_of(value.title))]
    chosen += [value for value in values if means(value.keywords, said)]
    if not chosen and said.isascii() and said.isdigit() and len(said) <= 2 and 1 <= int(said) <= len(values):
        chosen = [values[int(said) - 1]]
    return saved(chosen[0]) if chosen else ""


def _paper(read_paper: Callable[[str], str]) -> Callable[[Ask, str, Around], str]:
    def read_one(ask: Ask, text: str, around: Around) -> str:
        del ask, around
        return read_paper(text)

    return read_one


_READERS: Mapping[str, Callable[[Ask, str, Around], str]] = {
    "text": _text,
    "number": _number,
    "integer": _number,
    "date": _date,
    "time": _time,
    "email": _email,
    "phone": _phone,
    "yes_no": _yes_no,
    "one_of": _one_of,
    "rut": _paper(documents.rut),
    "cuit": _paper(documents.cuit),
    "dni": _paper(documents.dni),
}
