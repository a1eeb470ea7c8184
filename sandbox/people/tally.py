"""What was said, what was answered, and after how long. Pure: every time is given, in seconds of one clock.

An answer is taken for that of the oldest turn of its person that is open; what comes while none is open is more of the
same answer. So no wait is told shorter because people went on. Promises: with no turn overtaken each latency is that
of the turn's own answer; `overtaken` says how many turns were open when their person's next one came, for from then on
an answer may be taken for that of a neighbouring turn. Turns that call for no answer are never open.
"""

from collections import Counter, deque

import msgspec

from sandbox.people.spread import Quantiles, Spread

SHOWN = 20


class Kind(msgspec.Struct):
    """Turns of one kind."""

    said: int = 0
    answered: int = 0
    silent: int = 0


class Summary(msgspec.Struct):
    """How far a run is: `all_said`, and `done` when nobody waits any more. `said` turns made `messages` messages of
    `people` people, who were told `heard` messages.

    `uncalled` turns call for no answer. Of the others `answered` have theirs, `open` still wait, `silent` waited in
    vain for as long as people have patience. `latency_s`: from a turn's first message to its answer. `overtaken`: see
    the module. `late_s`: by how much turns were later than their moment, by the generator's own fault; `late`: those
    that were over 0.1 s late. `rate`: turns a second that there were. `by_kind`: turns by what they did. `unheard`:
    people who wrote and were told nothing, and some of them.
    """

    run: int = 0
    done: bool = False
    all_said: bool = False
    said: int = 0
    messages: int = 0
    people: int = 0
    heard: int = 0
    uncalled: int = 0
    answered: int = 0
    open: int = 0
    silent: int = 0
    overtaken: int = 0
    latency_s: Quantiles = msgspec.field(default_factory=Quantiles)
    late_s: Quantiles = msgspec.field(default_factory=Quantiles)
    late: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    by_kind: dict[str, Kind] = {}
    unheard: int = 0
    unheard_some: list[str] = []
    stopped: str = ""


class _Person:
    __slots__ = ("heard", "open")

    def __init__(self) -> None:
        self.open: deque[tuple[float, str]] = deque()
        self.heard = 0


class Tally:
    """Of one run; `patience_s`: how long a turn is open."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._people: dict[str, _Person] = {}
        self._kinds: dict[str, Kind] = {}
        self._latencies, self._lates = Spread(), Spread()
        self._counts: Counter[str] = Counter()
        self._first_s = self._last_s = 0.0

    def said(self, who: str, kind: str, now_s: float, late_s: float, messages: int = 1, *, calls: bool = True) -> None:
        """A turn was taken, `late_s` behind its moment; `calls`: an answer is expected."""
        person = self._people.setdefault(who, _Person())
        self._counts["overtaken"] += bool(person.open)
        self._counts["late"] += late_s > LATE_S
        if calls:
            person.open.append((now_s, kind))
        self._kinds.setdefault(kind, Kind()).said += 1
        self._lates.add(late_s)
        self._first_s = self._first_s if self._counts["said"] else now_s
        self._last_s = now_s
        self._counts.update({"said": 1, "messages": messages, "open" if calls else "uncalled": 1})

    def heard(self, who: str, now_s: float) -> bool:
        """The business said something to somebody; whether that is one of the people who wrote."""
        person = self._people.get(who)
        if person is None:
            return False
        person.heard += 1
        self._counts["heard"] += 1
        self._give_up(person, now_s)
        if person.open:
            at_s, kind = person.open.popleft()
            self._kinds[kind].answered += 1
            self._latencies.add(now_s - at_s)
            self._counts.update({"answered": 1, "open": -1})
        return True

    def renamed(self, who: str, to: str) -> None:
        """The person has another number beside the one that they had; what they wait for may come to either."""
        self._people[to] = self._people.setdefault(who, _Person())

    def wait(self, now_s: float) -> int:
        """Turns that still wait, when those whose patience ended are out."""
        for person in self._people.values():
            self._give_up(person, now_s)
        return self._counts["open"]

    def _give_up(self, person: _Person, now_s: float) -> None:
        while person.open and now_s - person.open[0][0] > self._patience_s:
            self._kinds[person.open.popleft()[1]].silent += 1
            self._counts.update({"silent": 1, "open": -1})

    def summary(self, now_s: float) -> Summary:
        """All of it as of now."""
        self.wait(now_s)
        people = {id(person): (who, person) for who, person in self._people.items()}
        unheard = [who for who, person in people.values() if not person.heard]
        seconds = self._last_s - self._first_s
        found = Summary(
            people=len(people),
            latency_s=self._latencies.quantiles(),
            late_s=self._lates.quantiles(),
            seconds=round(seconds, 3),
            rate=round((self._counts["said"] - 1) / seconds, 2) if seconds else 0.0,
            by_kind=dict(self._kinds),
            unheard=len(unheard),
            unheard_some=unheard[:SHOWN],
        )
        for name in _COUNTED:
            setattr(found, name, self._counts[name])
        return found


LATE_S = 0.1
_COUNTED = ("said", "late", "messages", "heard", "uncalled", "answered", "open", "silent", "overtaken")
