"""The conditions of a rule, made ready once: each is a test of a subject, and can say what it wanted and what it saw.

What a condition saw is told without what the person wrote: an explanation may be read by anybody who runs the system.
Adding a condition is a field of `When` and an entry of `_MAKERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from processors.routing.hours import Schedule
from processors.routing.pattern import TEXT_MAX, compiled
from processors.routing.subject import Subject
from processors.text import fold
from schemas.tenant import When

Schedules = Mapping[str, Schedule]
_SHOWN = 8
_FEW = 16  # words that are looked for one by one


class Condition(NamedTuple):
    """`holds` decides; `wanted` and `seen` are for people."""

    name: str
    wanted: str
    holds: Callable[[Subject], bool]
    seen: Callable[[Subject], str]


def conditions(when: When, schedules: Schedules) -> tuple[Condition, ...]:
    """Those that are given, cheap ones first. Raises ValueError that names the one that cannot be used."""
    found = []
    for name, make in _MAKERS.items():
        given = getattr(when, name)
        if given in ([], "", None):
            continue
        try:
            found.append(make(name, given, schedules))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return tuple(found)


Maker = Callable[[str, Any, Schedules], Condition]


def _one_of(of: Callable[[Subject], str], shown: Callable[[Subject], str] | None = None) -> Maker:
    """A condition that wants one of several words."""

    def make(name: str, given: list[str] | str, schedules: Schedules) -> Condition:
        del schedules
        wanted = [given] if isinstance(given, str) else given
        allowed = frozenset(wanted)
        return Condition(
            name, _listed(wanted), lambda subject: of(subject) in allowed, shown or (lambda s: of(s) or "none")
        )

    return make


def _yes_or_no(of: Callable[[Subject], bool]) -> Maker:
    def make(name: str, given: bool, schedules: Schedules) -> Condition:
        del schedules
        return Condition(name, _told(given), lambda subject: of(subject) is given, lambda s: _told(of(s)))

    return make


def _language(name: str, given: list[str], schedules: Schedules) -> Condition:
    """`es` is Spanish of anywhere, `es-CL` that of Chile alone."""
    del schedules
    wanted = frozenset(map(_tag, given))

    def holds(subject: Subject) -> bool:
        tag = _tag(subject.language)
        return tag in wanted or tag.partition("-")[0] in wanted

    return Condition(name, _listed(given), holds, lambda subject: subject.language or "not known")


def _tag(language: str) -> str:
    return language.lower().replace("_", "-")


def _hours(name: str, given: str, schedules: Schedules) -> Condition:
    """Judged by the event's own time, so that an event that is read again goes the same way."""
    schedule = schedules.get(given)
    if schedule is None:
        raise ValueError(f"the tenant has no usable hours {given!r}")
    return Condition(
        name, given, lambda subject: schedule.open_at(subject.at_ms), lambda subject: schedule.told(subject.at_ms)
    )


def _keyword(name: str, given: list[str], schedules: Schedules) -> Condition:
    """Whole words: a few by a search, many by a look-up; several side by side where the first of them was found."""
    del schedules
    folded = {fold(keyword) for keyword in given} - {""}
    single = frozenset(keyword for keyword in folded if len(keyword.split()) == 1)
    several = tuple((f" {keyword.split()[0]} ", f" {keyword} ") for keyword in folded - single)
    few = tuple(f" {keyword} " for keyword in single) if len(single) <= _FEW else ()

    def holds(subject: Subject) -> bool:
        text = subject.spread
        for word in few:
            if word in text:
                return True
        if not few and not single.isdisjoint(subject.word_set):
            return True
        return any(first in text and words in subject.folded for first, words in several)

    return Condition(name, _listed(given), holds, _length)


def _pattern(name: str, given: str, schedules: Schedules) -> Condition:
    del schedules
    search = compiled(given).search

    def holds(subject: Subject) -> bool:
        said = subject.said
        return bool(said) and search(said[:TEXT_MAX]) is not None

    return Condition(name, given, holds, _length)


def _length(subject: Subject) -> str:
    """What was said, as far as others may know."""
    return f"text of {len(subject.said)} characters" if subject.said else "no text"


def _pressed(subject: Subject) -> str:
    return "another choice" if subject.chosen else "no choice"


def _listed(wanted: list[str]) -> str:
    more = len(wanted) - _SHOWN
    return " or ".join(wanted[:_SHOWN]) + (f" or one of {more} more" if more > 0 else "")


def _told(value: bool) -> str:
    return "yes" if value else "no"


_MAKERS: dict[str, Maker] = {
    "line": _one_of(lambda subject: subject.did),
    "kind": _one_of(lambda subject: subject.kind),
    "owner": _one_of(lambda subject: subject.owner),
    "new_contact": _yes_or_no(lambda subject: subject.new_contact),
    "referral": _yes_or_no(lambda subject: subject.referral is not None),
    "source_type": _one_of(lambda subject: subject.source("source_type")),
    "source_id": _one_of(lambda subject: subject.source("source_id")),
    "choice": _one_of(lambda subject: subject.chosen, _pressed),
    "language": _language,
    "hours": _hours,
    "keyword": _keyword,
    "pattern": _pattern,
}
