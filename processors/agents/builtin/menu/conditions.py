"""Whether the conditions of a menu hold, and what it knows of the person and the moment. Pure; nothing is evaluated.

Office hours and the day are judged by the event's own time, as routing does, so that an event that is handled again
goes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from processors.agents.builtin.menu.answers import shown
from processors.agents.builtin.menu.model import Menu, Test, When
from processors.agents.builtin.menu.moments import bound
from processors.agents.builtin.menu.numbers import number_bound
from processors.agents.builtin.menu.place import Place
from processors.agents.builtin.menu.texts import base, cut, spoken
from processors.routing.hours import Schedule
from processors.text import fold
from schemas.tenant import Hours

GIVEN = ("name", "first_name", "contact", "line", "language", "today", "time")
"""What a menu knows without asking."""
FIXED = ("name", "contact")
"""Of these, what no question may take the name of."""
_NAME_MAX = 60
_LAST_MS = 253_370_764_800_000


class Moment(NamedTuple):
    """What is known of a conversation at an event. `hours` are the tenant's."""

    name: str = ""
    contact: str = ""
    line: str = ""
    language: str = ""
    at_ms: int = 0
    window_open: bool = True
    hours: Mapping[str, Hours] = {}


class World:
    """A menu, a moment, and what a dialogue remembers: what texts and conditions are about."""

    def __init__(self, menu: Menu, moment: Moment, place: Place) -> None:
        self.menu, self.moment, self.place = menu, moment, place
        self.language = spoken(menu, place.language, moment.language)

    def at(self, place: Place) -> World:
        """The same with what is remembered now."""
        return World(self.menu, self.moment, place)

    @property
    def now(self) -> datetime:
        """The time on the menu's clock."""
        at_s = min(max(self.moment.at_ms, 0), _LAST_MS) / 1000
        return datetime.fromtimestamp(at_s, ZoneInfo(zone_of(self.menu, self.moment.hours)))

    @property
    def today(self) -> date:
        return self.now.date()

    def raw(self) -> dict[str, str]:
        """All variables as they are remembered."""
        name = cut(" ".join(self.moment.name.split()), _NAME_MAX)
        known = {
            "first_name": name.partition(" ")[0],
            "line": self.moment.line,
            "language": self.language,
            "today": self.today.isoformat(),
            "time": f"{self.now:%H:%M}",
        }
        return {**known, **self.place.answers, "name": name, "contact": self.moment.contact}

    def values(self) -> dict[str, str]:
        """All variables as people read them."""
        kinds = {"today": "date", **self.menu.kinds}
        return {name: shown(kinds.get(name, ""), value, self.language) for name, value in self.raw().items()}

    def holds(self, when: When) -> bool:
        """Whether all conditions that are given hold."""
        if when == _NONE:
            return True
        return all(holds(self, getattr(when, name)) for name, holds in _CONDITIONS.items() if _given(when, name))

    def schedule(self, name: str) -> Schedule | None:
        """Hours by their name: the menu's, else the tenant's; None where there are none that can be used."""
        hours = self.menu.hours.get(name) or self.moment.hours.get(name)
        return _schedule(msgspec.json.encode(hours)) if hours else None

    def open(self, name: str) -> bool:
        """Whether the business is open now; without such hours it never is."""
        schedule = self.schedule(name)
        return schedule is not None and schedule.open_at(self.moment.at_ms)


_NONE = When()


def _given(when: When, name: str) -> bool:
    return getattr(when, name) not in ("", [], {}, None)


@lru_cache(maxsize=4096)
def _schedule(written: bytes) -> Schedule | None:
    try:
        return Schedule.of(msgspec.json.decode(written, type=Hours))
    except ValueError:
        return None


def zone_of(menu: Menu, hours: Mapping[str, Hours]) -> str:
    """Whose clock a menu goes by: its own, else the one that all hours share, else UTC."""
    if menu.zone:
        return menu.zone
    zones = {one.zone for one in (menu.hours or hours).values()}
    return zones.pop() if len(zones) == 1 and is_zone(*zones) else "UTC"


def is_zone(name: str) -> bool:
    """Whether there is such a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _language(world: World, wanted: str | list[str]) -> bool:
    languages = [wanted] if isinstance(wanted, str) else wanted
    return any(one.replace("-", "_").lower() in (world.language.lower(), base(world.language)) for one in languages)


def _variables(world: World, tests: Mapping[str, str | list[str] | Test]) -> bool:
    values = world.raw()
    return all(_fits(values.get(name, ""), test, world.today) for name, test in tests.items())


def _fits(value: str, test: str | list[str] | Test, today: date) -> bool:
    if not isinstance(test, Test):
        return _among(value, test)
    if test.known is not None and test.known is not bool(value):
        return False
    if test.is_ and not _among(value, test.is_):
        return False
    if test.not_ and _among(value, test.not_):
        return False
    return _reaches(value, test.min, today, 1) and _reaches(value, test.max, today, -1)


def _among(value: str, wanted: str | list[str]) -> bool:
    words = [wanted] if isinstance(wanted, str) else wanted
    return bool(value) and any(fold(word) == fold(value) for word in words)


def _reaches(value: str, limit: str, today: date, side: int) -> bool:
    """Whether a value is on the right side of a limit; what cannot be compared never is."""
    if not limit:
        return True
    found, wanted = number_bound(value), number_bound(limit)
    if found is not None and wanted is not None:
        return (found - wanted) * side >= 0
    day, edge = bound(value, today), bound(limit, today)
    return day is not None and edge is not None and (day - edge).days * side >= 0


def is_limit(text: str) -> bool:
    """Whether something can be compared with this: a number or a day."""
    return number_bound(text) is not None or bound(text, datetime(2024, 2, 1, tzinfo=UTC).date()) is not None


_CONDITIONS: Mapping[str, Callable[[World, object], bool]] = {
    "language": _language,  # type: ignore[dict-item]
    "hours": lambda world, name: world.open(str(name)),
    "closed": lambda world, name: not world.open(str(name)),
    "new_contact": lambda world, wanted: (world.place.talks <= 1) is wanted,
    "window": lambda world, wanted: world.moment.window_open is wanted,
    "variables": _variables,  # type: ignore[dict-item]
}
