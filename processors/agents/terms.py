"""The terms of deliveries: how many may wait, for how long, and when one is tried again. Pure.

The wait grows with each failed attempt and is spread by the delivery's own key, not by chance: whoever replays the
event comes to the same time, and conversations that failed together do not come back together.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from runtime.settings import ProcessorSettings

_DAY_S = 86_400
_SHARE = 0.4  # of the time of an event, for an attempt and for what comes before the last one
_OF_CALLS = 0.9
_DOUBLINGS = 40


class Terms(NamedTuple):
    """Of one conversation: most deliveries that wait, and most bytes of them; `give_up_s` after which one that still
    fails is given up; the first wait and the longest; seconds for an attempt, and after which an event begins no more.
    """

    most: int = 50
    size: int = 24_576
    give_up_s: float = 259_200
    first_s: float = 2
    longest_s: float = 600
    attempt_s: float = 5
    event_s: float = 5

    @property
    def calls_s(self) -> float:
        """For the calls of one attempt: they end before it is cut off, so that their circuit hears of it."""
        return self.attempt_s * _OF_CALLS

    @classmethod
    def of(cls, settings: ProcessorSettings) -> Terms:
        """The terms that the environment sets. All attempts of an event end before the event must, and there is room in
        the memory for what waits under two keys of a person."""
        within_s = settings.agent_timeout_s * _SHARE
        return cls(
            settings.delivery_max,
            min(settings.delivery_bytes, settings.agent_memory_bytes // 3),
            settings.delivery_give_up_s,
            settings.delivery_first_s,
            settings.delivery_longest_s,
            min(settings.delivery_timeout_s, within_s),
            min(settings.delivery_event_s, within_s),
        )

    def wait_s(self, key: str, tries: int, asked_s: float = 0) -> float:
        """Seconds until the next attempt after so many failed ones; no less than the other side asked for, if that is
        a day at most."""
        grown = min(self.first_s * 2.0 ** min(max(tries - 1, 0), _DOUBLINGS), self.longest_s)
        spread = _spread(key, tries)
        return max(grown * (0.5 + spread / 2), min(asked_s, _DAY_S) * (1 + spread / 10))


def _spread(key: str, tries: int) -> float:
    """A number from 0 to 1 that stands for the attempt."""
    raw = hashlib.blake2b(f"{key}\x1f{tries}".encode(), digest_size=4).digest()
    return int.from_bytes(raw, "big") / 2**32
