"""Dates and times as people write them, and bounds such as `today+7d`. Pure, over the day that it is.

A date without a year is the next one that comes, or the last one that was where the future is out of the question.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

from processors.text import fold

_NUMERIC = re.compile(r"(\d{1,2})\s*[/.\- ]\s*(\d{1,2})(?:\s*[/.\- ]\s*(\d{4}|\d{2}))?", re.ASCII)
_ISO = re.compile(r"(\d{4})[/.\-](\d{1,2})[/.\-](\d{1,2})", re.ASCII)
_WORDS = re.compile(
    r"(?:el |dia |the )*(\d{1,2})(?:st|nd|rd|th)?(?: de| of)? ([a-z]+)(?:(?: de| del| of)? (\d{4}))?", re.ASCII
)
_MONTH_FIRST = re.compile(r"([a-z]+) (\d{1,2})(?:st|nd|rd|th)?(?: (\d{4}))?", re.ASCII)
_BOUND = re.compile(r"today(?:([+-])(\d{1,4})([dwmy]))?", re.ASCII)
_TIME = re.compile(r"(?:a las |las |at |as )?(\d{1,2})(?:[:.h]\s?(\d{2}))?\s*(am|pm|a m|p m|hrs|hs|h|horas)?", re.ASCII)

_MONTHS = {
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "en": "january february march april may june july august september october november december",
}
_MONTH = {name: number for names in _MONTHS.values() for number, name in enumerate(names.split(), 1)}
_MONTH |= {name[:3]: number for name, number in reversed(_MONTH.items())} | {"setiembre": 9}
_DAYS = {
    "es": "lunes martes miercoles jueves viernes sabado domingo",
    "pt": "segunda terca quarta quinta sexta sabado domingo",
    "en": "monday tuesday wednesday thursday friday saturday sunday",
}
_DAY = {name: number for names in _DAYS.values() for number, name in enumerate(names.split())}
_NEAR = {
    "hoy": 0, "hoje": 0, "today": 0,
    "manana": 1, "amanha": 1, "tomorrow": 1,
    "pasado manana": 2, "depois de amanha": 2,
    "ayer": -1, "ontem": -1, "yesterday": -1,
    "anteayer": -2, "antier": -2, "anteontem": -2,
}  # fmt: skip
_BEFORE = re.compile(r"(?:el |este |esta |proximo |proxima |next |on |na |no |dia )+")


def spoken_date(text: str, today: date, *, past: bool = False) -> date | None:
    """The day that a text means, None if it means none. `past`: without a year it is one that was."""
    plain = text.strip()
    found = _ISO.fullmatch(plain)
    if found:
        return _day(int(found[1]), int(found[2]), int(found[3]))
    found = _NUMERIC.fullmatch(plain)
    if found:
        return _dated(found[3], int(found[2]), int(found[1]), today, past)
    words = fold(text)
    if words in _NEAR:
        return _shifted(today, _NEAR[words])
    bare = _BEFORE.sub("", words, count=1) if _BEFORE.match(words) else words
    weekday = _DAY.get(bare.removesuffix(" feira"))
    if weekday is not None:
        ahead = (weekday - today.weekday() - 1) % 7 + 1
        return _shifted(today, ahead - 7 if past else ahead)
    return _in_words(words, today, past)


def _in_words(words: str, today: date, past: bool) -> date | None:
    """`26 de noviembre de 2026`, `november 26`."""
    found = _WORDS.fullmatch(words)
    if found and found[2] in _MONTH:
        return _dated(found[3], _MONTH[found[2]], int(found[1]), today, past)
    found = _MONTH_FIRST.fullmatch(words)
    if found and found[1] in _MONTH:
        return _dated(found[3], _MONTH[found[1]], int(found[2]), today, past)
    return None


def _dated(year: str | None, month: int, day: int, today: date, past: bool) -> date | None:
    if year:
        return _day(_century(year, today), month, day)
    years = range(today.year, today.year - 5, -1) if past else range(today.year, today.year + 5)
    for one in years:  # 29 February is not of every year
        found = _day(one, month, day)
        if found and (found <= today if past else found >= today):
            return found
    return None


def _century(year: str, today: date) -> int:
    """`75` is 1975, `26` is 2026: no more than twenty years ahead."""
    if len(year) == 4:
        return int(year)
    near = today.year - today.year % 100 + int(year)
    return near - 100 if near > today.year + 20 else near


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _shifted(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def spoken_time(text: str) -> str:
    """`HH:MM` of a time as it was written; empty if it is none."""
    plain = " ".join(text.lower().replace("a.m.", "am").replace("p.m.", "pm").split()).rstrip(".")
    found = _TIME.fullmatch(plain)
    if not found:
        return ""
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").replace(" ", "")
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            return ""
        hour = hour % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else ""


def bound(text: str, today: date) -> date | None:
    """The day that a bound means: `2026-12-31`, `today`, `today+7d`, `today-18y`. None if it is no bound."""
    found = _BOUND.fullmatch(text)
    if not found:
        iso = _ISO.fullmatch(text)
        return _day(int(iso[1]), int(iso[2]), int(iso[3])) if iso else None
    count = int(found[2] or 0) * (-1 if found[1] == "-" else 1)
    match found[3]:
        case "m":
            return _months(today, count)
        case "y":
            return _months(today, count * 12)
        case unit:
            return _shifted(today, count * (7 if unit == "w" else 1))


def _months(day: date, count: int) -> date | None:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    if not 1 <= year <= 9999:
        return None
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
