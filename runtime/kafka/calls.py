"""Calls into librdkafka that must return in a given time, and what is done about one that does not.

librdkafka does not keep to the time-out of every call: `send_offsets_to_transaction` asks for the group's coordinator,
and if that connection goes down at the wrong moment nothing wakes it up again, not even its time-out
(confluentinc/librdkafka 5456 and 5511, in every version so far). A thread in such a call cannot be
interrupted, only left behind. Pure but for what the two sides tell each other: the thread that calls says what it
calls, another one looks. Time is counted in looks, so that a process that was frozen does not find its calls late
when it wakes up: they have the same time again. Leaves to the owner: to end the process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

LOOK_S = 1.0
GRACE_S = 5.0  # beyond what the call was given: on a busy machine the word that it is over comes late


class Call(NamedTuple):
    """What is called, and in how many seconds it was to return."""

    name: str
    seconds: float


class Calls:
    """The call of one thread that is under way."""

    def __init__(self) -> None:
        self.present: Call | None = None

    @contextmanager
    def within(self, name: str, seconds: float) -> Iterator[None]:
        """In the thread that calls."""
        self.present = Call(name, seconds)
        try:
            yield
        finally:
            self.present = None


class Overdue:
    """One who looks every `LOOK_S`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._seen: Call | None = None
        self._waited_s = 0.0

    def look(self, passed_s: float = LOOK_S) -> Call | None:
        """The call that did not return in its time, if there is one."""
        present = self._calls.present
        self._waited_s = self._waited_s + passed_s if present is self._seen else 0.0
        self._seen = present
        return present if present is not None and self._waited_s > present.seconds + GRACE_S else None
