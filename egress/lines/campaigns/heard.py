"""What is heard of a campaign's recipients: who was delivered or failed, once each, and the last of them in order.
Pure.

The first word on a recipient counts, whichever owner hears it and however often: which of a chunk's recipients were
heard of is on record (`Heard`), in the transaction of the receipts' offsets. So after any crash the numbers are those
of what was read. They serve canary and stop rule; the exact counts of a campaign are those of `outcomes`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from itertools import groupby

from schemas.campaign import Heard, Run, StopRule

WINDOW_MAX = 10_000
CODES_MAX = 50
OTHER = "other"
# A failure for which the provider gave no code.
NO_CODE = "unknown"


class Hearing:
    """Of one campaign. An empty code stands for delivered."""

    def __init__(self) -> None:
        self.delivered = 0
        self.failed: Counter[str] = Counter()
        self._window = WINDOW_MAX
        self._recent: deque[str] = deque()
        self._codes: Counter[str] = Counter()
        self._known: dict[int, int] = {}
        self._news: set[int] = set()

    def __len__(self) -> int:
        """How many recipients were heard of."""
        return self.delivered + self.failed.total()

    def hear(self, chunk: int, place: int, code: str) -> bool:
        """A recipient was delivered, or failed with a code; False if it was heard of before."""
        bit, known = 1 << place, self._known.get(chunk, 0)
        if known & bit:
            return False
        self._known[chunk] = known | bit
        self._news.add(chunk)
        if code:
            self.failed[code if code in self.failed or len(self.failed) < CODES_MAX else OTHER] += 1
        else:
            self.delivered += 1
        self._remember(code)
        return True

    def _remember(self, code: str) -> None:
        self._recent.append(code)
        self._codes[code] += 1
        while len(self._recent) > self._window:
            gone = self._recent.popleft()
            self._codes[gone] -= 1
            if not self._codes[gone]:
                del self._codes[gone]

    def resize(self, window: int) -> None:
        """So many of the last are judged."""
        self._window = max(1, min(window, WINDOW_MAX))

    def verdict(self, rule: StopRule) -> str:
        """Why a campaign is to pause, or nothing."""
        heard = len(self._recent)
        if not rule.failed_share or heard < max(1, rule.least):
            return ""
        counted = {code: n for code, n in self._codes.items() if code and (not rule.codes or code in rule.codes)}
        failed = sum(counted.values())
        if failed <= rule.failed_share * heard:
            return ""
        worst = ", ".join(f"{code}: {n}" for code, n in Counter(counted).most_common(3))
        return f"{failed} of the last {heard} that were heard of failed ({worst})"

    def begin_anew(self) -> None:
        """What was heard so far is judged no more."""
        self._recent.clear()
        self._codes.clear()

    # -- on record

    def recent(self) -> list[Run]:
        """The last that were heard of, oldest first."""
        return [Run(code, sum(1 for _ in run)) for code, run in groupby(self._recent)]

    def restore(self, delivered: int, failed: dict[str, int], recent: Iterable[Run]) -> None:
        """What the owner before had counted."""
        self.delivered, self.failed = delivered, Counter(failed)
        self.begin_anew()
        for run in recent:
            for _ in range(min(run.count, WINDOW_MAX)):
                self._remember(run.code)

    def learn(self, heard: Heard) -> None:
        """Who the owner before had heard of."""
        self._known[heard.chunk] = int.from_bytes(heard.known, "little")

    def news(self) -> list[tuple[int, bytes]]:
        """The chunks of which somebody was heard of since the last time that this was asked, and who was."""
        news, self._news = sorted(self._news), set()
        return [(chunk, _packed(self._known[chunk])) for chunk in news]

    def let_go(self, chunk: int) -> None:
        """Nobody asks any more who of this chunk was heard of."""
        self._known.pop(chunk, None)
        self._news.discard(chunk)

    @property
    def chunks(self) -> list[int]:
        """The chunks of which there is a record, or will be."""
        return sorted(self._known)


def _packed(known: int) -> bytes:
    return known.to_bytes((known.bit_length() + 7) // 8, "little")
