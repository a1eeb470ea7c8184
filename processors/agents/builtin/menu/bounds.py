"""The bounds of a question's answers, as a menu's author wrote them: what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from processors.agents.builtin.menu import moments
from processors.agents.builtin.menu.answers import ANSWER_MAX
from processors.agents.builtin.menu.model import Ask
from processors.agents.builtin.menu.numbers import number_bound


def faults(ask: Ask) -> Sequence[tuple[str, str, str]]:
    """What is wrong with the bounds: (field, what, fix)."""
    found: list[tuple[str, str, str]] = []
    for name in ("min", "max"):
        written = getattr(ask, name)
        if not written:
            continue
        if ask.type not in _BOUNDS:
            found.append((name, f"`{name}` means nothing for {ask.type}", "leave it out"))
        elif not _BOUNDS[ask.type][0](written):
            found.append((name, f"`{name}` is {written!r}", f"for {ask.type} write {_BOUNDS[ask.type][1]}"))
    if not found and ask.min and ask.max and _crossed(ask):
        found.append(("min", "`min` is above `max`, so nothing fits", "change them"))
    return found


def _crossed(ask: Ask) -> bool:
    if ask.type == "date":
        day = date(2024, 2, 1)
        least, most = moments.bound(ask.min, day), moments.bound(ask.max, day)
        relative = ask.min.startswith("today") == ask.max.startswith("today")
        return relative and least is not None and most is not None and least > most
    if ask.type == "time":
        return ask.min > ask.max
    return (number_bound(ask.min) or Decimal(0)) > (number_bound(ask.max) or Decimal(0))


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) <= ANSWER_MAX and len(text) <= 6


_BOUNDS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "text": (_is_count, f"so many characters, 1 to {ANSWER_MAX}"),
    "number": (lambda text: number_bound(text) is not None, "a number such as 10 or 2.5"),
    "integer": (lambda text: number_bound(text) is not None, "a number such as 10"),
    "date": (
        lambda text: moments.bound(text, date(2024, 2, 1)) is not None,
        "YYYY-MM-DD, today, today+7d or today-18y",
    ),
    "time": (lambda text: moments.spoken_time(text) == text, "HH:MM"),
}
