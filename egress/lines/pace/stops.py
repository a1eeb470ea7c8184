"""Stops: what WhatsApp forbade on a line, until a person says that it may go on. Pure.

| code | what it says | what stops |
|---|---|---|
| 131048 | too many people blocked or reported the number | the line's bulk |
| 131042 | the account's payment failed | the line's bulk |
| 131031, 368 | the account is locked, or broke a policy | all sending of the line |
| 132015, 132016 | the template is paused, or disabled | the template on this line, with its campaigns |

Promises: a stop is told once; what went before a person resumed stops nothing again. One-time passwords are no bulk:
somebody waits for each, and one that fails costs nothing. 130497 (a country that the business may not write to) is one
recipient's failure, and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from schemas.line_state import Stop

Scope = Literal["bulk", "line", "template"]

SCOPES: dict[str, Scope] = {
    "131048": "bulk",
    "131042": "bulk",
    "131031": "line",
    "368": "line",
    "132015": "template",
    "132016": "template",
}


def template_name(name: str, language: str) -> str:
    """How a stop names a template."""
    return f"{name}/{language}"


class Stops:
    """Of one line. `resumed_ms` is when a person resumed something last."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Stop] = {}
        self.resumed_ms = 0

    def restore(self, stops: Iterable[Stop], resumed_ms: int) -> None:
        """As an earlier owner left them."""
        self._all = {_key(stop): stop for stop in stops}
        self.resumed_ms = resumed_ms

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Stop]:
        return list(self._all.values())

    @property
    def line(self) -> bool:
        """Whether all sending of the line is stopped."""
        return self._stopped("line")

    @property
    def bulk(self) -> bool:
        """Whether its bulk is."""
        return self._stopped("line") or self._stopped("bulk")

    def _stopped(self, scope: Scope) -> bool:
        return bool(self._all) and any(SCOPES.get(stop.code) == scope for stop in self._all.values())

    def template(self, name: str) -> Stop | None:
        """The stop of a template (`name/language`); None when it may go."""
        return self._all.get(("template", name)) if self._all else None

    @property
    def templates(self) -> dict[str, str]:
        """The codes of those that are stopped, by `name/language`."""
        return {stop.name: stop.code for stop in self._all.values() if stop.what == "template"} if self._all else {}

    def add(self, code: str, template: str, planned_ms: int, now_ms: int) -> Stop | None:
        """A send that was planned then met this code; the stop, if it is a new one."""
        scope = SCOPES.get(code)
        if scope is None or planned_ms < self.resumed_ms or (scope == "template" and not template):
            return None
        what: Literal["line", "template"] = "template" if scope == "template" else "line"
        stop = Stop(what=what, code=code, since_ms=now_ms, name=template if scope == "template" else "")
        if _key(stop) in self._all:
            return None
        self._all[_key(stop)] = stop
        return stop

    def resume_line(self, now_ms: int) -> list[Stop]:
        """A person resumes the line; the stops that end by it. Stopped templates stay stopped."""
        return self._end([stop for stop in self._all.values() if stop.what == "line"], now_ms)

    def resume_template(self, name: str, now_ms: int) -> list[Stop]:
        """A person resumes a template (`name/language`)."""
        stop = self.template(name)
        return self._end([stop] if stop is not None else [], now_ms)

    def _end(self, stops: list[Stop], now_ms: int) -> list[Stop]:
        for stop in stops:
            del self._all[_key(stop)]
        self.resumed_ms = now_ms
        return stops


def _key(stop: Stop) -> tuple[str, str]:
    return (stop.what, stop.name if stop.what == "template" else stop.code)
