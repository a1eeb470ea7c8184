"""What WhatsApp and Chattigo let through: rates of a line, of a pair and of an account, and what WhatsApp withholds
(Q11, Q26; Chattigo's facts, 9.1 and 9.3). Pure, over explicit time.

Promises: with the same seed, the same sends at the same times meet the same fate; what is withheld depends on no time
at all. A send that is over a limit uses up nothing of it. Leaves to the services: the answer; to `calls`: an account's.
Who is started anew remembers no rates.
"""

from collections import Counter
from collections.abc import Hashable
from email.utils import formatdate
from typing import NamedTuple

from sandbox.chattigo.dice import Dice
from sandbox.chattigo.knobs import Knobs, Limits
from sandbox.chattigo.numbers import person

TOO_FAST, PAIR = 130429, 131056
SPAM, WITHHELD, OPTED_OUT = 131048, 131049, 131050


class Fate(NamedTuple):
    """What becomes of a send: `code` 0 when it goes, `wait_s` how long it stands in Chattigo's queue before that."""

    code: int = 0
    wait_s: float = 0.0


_EVEN_S = 1e-6  # what sums of fractions are off by
RATES = frozenset({TOO_FAST, PAIR})


class Pace:
    """A rate for each key: who comes too early waits for his turn. How long is too long, the caller says."""

    def __init__(self) -> None:
        self._free_s: dict[Hashable, float] = {}

    def wait_s(self, key: Hashable, now_s: float) -> float:
        """How long who comes now waits for his turn."""
        return max(0.0, self._free_s.get(key, now_s) - now_s)

    def take(self, key: Hashable, each_s: float, now_s: float) -> None:
        """Who came now has his turn, and the next one's is so much later."""
        self._free_s[key] = max(self._free_s.get(key, now_s), now_s) + each_s


class Limiter:
    """All limits of a sandbox; the knobs may be turned at any time."""

    def __init__(self, knobs: Knobs, dice: Dice) -> None:
        self._knobs, self._dice = knobs, dice
        self._lines, self._pairs, self._calls, self._logins = Pace(), Pace(), Pace(), Pace()
        self._locked_s: dict[tuple[str, str], float] = {}
        self._marketing: Counter[tuple[str, str]] = Counter()

    @property
    def limits(self) -> Limits:
        """As they are now."""
        return self._knobs.limits

    def send(self, did: str, to: str, category: str, now_s: float) -> Fate:
        """The fate of one message to one person; `category` is `service` for what is no template."""
        limits, who = self.limits, person(to)
        line_s = self._lines.wait_s(did, now_s) if limits.line_per_s else 0.0
        if line_s > limits.line_queue_s + _EVEN_S:
            return Fate(TOO_FAST)
        if limits.pair_s and self._pairs.wait_s((did, who), now_s) > limits.pair_s * (limits.pair_burst - 1) + _EVEN_S:
            return Fate(PAIR)
        if limits.line_per_s:
            self._lines.take(did, 1 / limits.line_per_s, now_s)
        if limits.pair_s:
            self._pairs.take((did, who), limits.pair_s, now_s)
        return Fate(self._held(did, who, category), line_s)

    def _held(self, did: str, who: str, category: str) -> int:
        """What WhatsApp holds back of templates, and of marketing alone."""
        limits = self.limits
        if category != "service" and did in limits.restricted:
            return SPAM
        if category != "marketing":
            return 0
        if self._dice.chance(limits.opted_out, "opted out", did, who):
            return OPTED_OUT
        self._marketing[did, who] += 1
        word = self._marketing[did, who]
        return WITHHELD if self._dice.chance(limits.withheld, "withheld", did, who, word) else 0

    def call(self, service: str, username: str, now_s: float, *, did: str = "", route: str = "") -> float:
        """Seconds until this account, line or route (as the knob says) may be called again; 0: it may, and was."""
        limits = self.limits
        key = {"account": (service, username), "line": did, "route": route}[limits.calls_by]
        if not limits.calls_per_s:
            return 0.0
        over_s = self._calls.wait_s(key, now_s) - (limits.calls_burst - 1) / limits.calls_per_s
        if over_s > _EVEN_S:
            return over_s
        self._calls.take(key, 1 / limits.calls_per_s, now_s)
        return 0.0

    def login(self, service: str, username: str, now_s: float) -> float:
        """Seconds until this account may log in; 0: it may, and the login counts (Q4)."""
        knobs, key = self._knobs.logins, (service, username)
        if not knobs.per_minute:
            return 0.0
        each_s = 60 / knobs.per_minute
        over_s = self._logins.wait_s(key, now_s) - each_s * max(knobs.per_minute - 1, 0)
        locked_s = self._locked_s.get(key, now_s) - now_s
        if over_s > _EVEN_S and knobs.lock_s and locked_s <= 0:
            self._locked_s[key] = now_s + knobs.lock_s
            locked_s = knobs.lock_s
        if over_s > _EVEN_S or locked_s > 0:
            return max(over_s, locked_s)
        self._logins.take(key, each_s, now_s)
        return 0.0

    def retry_after(self, wait_s: float, now_s: float) -> dict[str, str]:
        """The header of an answer that says "not now"."""
        seconds = int(wait_s) + 1
        if self.limits.retry_after == "seconds":
            return {"Retry-After": str(seconds)}
        return {"Retry-After": formatdate(now_s + seconds, usegmt=True)} if self.limits.retry_after == "date" else {}
