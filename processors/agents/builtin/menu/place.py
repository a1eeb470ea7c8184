"""Where a person is in a menu, as it is remembered. It outlives versions: fields are only added, with a default."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

PATH_MAX = 20
CALLS_MAX = 5
BYTES_MAX = 60_000
_SHORT = 60


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """The node that waits for the person (empty: nowhere yet), how they came there, and what they answered.

    `path` has a node's name, or its name and the calls that were open there; `calls` are nodes to come back to, the
    last one first. `talks` counts dialogues, `visit` the times that something waited: a timer of another visit means
    nothing any more. `timed`: one is set.
    """

    node: str = ""
    path: list[str | list[str]] = []
    misses: int = 0
    answers: dict[str, str] = {}
    calls: list[str] = []
    language: str = ""
    talks: int = 0
    visit: int = 0
    timed: bool = False

    def nowhere(self) -> Place:
        """The dialogue is over; answers, language and counts stay."""
        return msgspec.structs.replace(self, node="", path=[], misses=0, calls=[])

    def walked(self, name: str) -> Place:
        """A step on from a node, which `back` leads to."""
        step: str | list[str] = [name, *self.calls] if self.calls else name
        return msgspec.structs.replace(self, path=[*self.path, step][-PATH_MAX:])

    def knowing(self, values: Mapping[str, str]) -> Place:
        """With these variables; an empty value forgets one."""
        answers = {name: value for name, value in {**self.answers, **values}.items() if value}
        return msgspec.structs.replace(self, answers=answers)

    def called(self, name: str) -> Place:
        """With one more node to come back to; of too many the oldest is forgotten."""
        return msgspec.structs.replace(self, calls=[*self.calls, name][-CALLS_MAX:])


def recalled(memory: Mapping[str, Any], name: str) -> Place:
    """What is remembered; nothing, where it is not to be read."""
    try:
        place = msgspec.convert(memory.get(name, {}), Place)
    except msgspec.ValidationError:
        return Place(talks=1)
    return place if place.talks or name not in memory else msgspec.structs.replace(place, talks=1)


def kept(place: Place, known: Collection[str]) -> Any:
    """What to remember: variables that the menu knows, and never more than an agent may keep."""
    answers = {name: value for name, value in place.answers.items() if name in known}
    small = msgspec.structs.replace(place, answers=answers)
    if _size(small) > BYTES_MAX:
        small = msgspec.structs.replace(small, path=[])
    while answers and _size(small) > BYTES_MAX:
        newest = list(answers)[len(answers) // 10 + 1 :] if max(map(len, answers.values())) <= _SHORT else list(answers)
        answers = {name: answers[name][:_SHORT] for name in newest}
        small = msgspec.structs.replace(small, answers=answers)
    return msgspec.to_builtins(small)


def _size(place: Place) -> int:
    return len(msgspec.msgpack.encode(place))
