"""The reckoning: what the dedupe programs must have written for an input, computed offline, and how far off a run is.

Pure, and written without a look at the programs: it takes the records of the source in order and says, key by key,
which outputs there must be, in which order, and which state. What a run wrote is compared with that, byte for byte.
"""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

FORGET = b"forget"
State = dict[str, Any]


class Read(Protocol):
    """A record as a client read it."""

    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Any: ...


@dataclass(frozen=True)
class Verdict:
    """How many outputs are missing, how many are too many, for how many keys they are in a wrong order or number or
    without their headers, and for how many keys the state is another one."""

    lost: int = 0
    doubled: int = 0
    wrong_order: int = 0
    wrong_states: int = 0

    def figures(self) -> dict[str, int]:
        return asdict(self)


EXACT = Verdict()


class Reckoning:
    """Of a source. A key remembers its last `ring` events, all of them if that is 0."""

    def __init__(self, source: Iterable[Read], ring: int = 0) -> None:
        self.outputs: dict[bytes, list[bytes]] = defaultdict(list)
        self.states: dict[bytes, State] = {}
        self.duplicates = 0
        self._seen: dict[bytes, deque[bytes]] = defaultdict(lambda: deque(maxlen=ring or None))
        self._counts: Counter[bytes] = Counter()
        for record in source:
            self._take(*_key_and_event(record))
        self._state_of_each_key()

    def judge(self, outputs: Iterable[Read], states: dict[bytes, State]) -> Verdict:
        """`outputs` as they were read, `states` as the changelog left them."""
        written: dict[bytes, list[bytes]] = defaultdict(list)
        for record in outputs:
            key, event = _key_and_event(record)
            written[key].append(_entry(event, _count(record, event)))
        lost = doubled = wrong_order = 0
        for key in self.outputs.keys() | written.keys():
            wanted, found = self.outputs.get(key, []), written.get(key, [])
            if wanted != found:
                missing, extra = _difference(wanted, found), _difference(found, wanted)
                lost, doubled = lost + missing, doubled + extra
                wrong_order += 1
        wrong = sum(self.states.get(key) != states.get(key) for key in self.states.keys() | states.keys())
        return Verdict(lost, doubled, wrong_order, wrong)

    def _take(self, key: bytes, event: bytes) -> None:
        if event == FORGET:
            self._seen.pop(key, None)
            self._counts.pop(key, None)
        elif event in self._seen[key]:
            self.duplicates += 1
        else:
            self._seen[key].append(event)
            self._counts[key] += 1
            self.outputs[key].append(_entry(event, self._counts[key]))

    def _state_of_each_key(self) -> None:
        for key, seen in self._seen.items():
            if seen:
                self.states[key] = {"count": self._counts[key], "seen": [event.decode() for event in seen]}


def table(changelog: Iterable[Read]) -> dict[bytes, State]:
    """What a changelog leaves, read on its own: the last value of each key, none where that is a tombstone."""
    found: dict[bytes, bytes | None] = {}
    for record in changelog:
        key = record.key()
        assert key is not None
        found[key] = record.value()
    return {key: json.loads(value) for key, value in found.items() if value is not None}


def events(entries: Iterable[bytes]) -> Iterator[bytes]:
    return (entry.partition(b" ")[0] for entry in entries)


def _key_and_event(record: Read) -> tuple[bytes, bytes]:
    key, value = record.key(), record.value()
    assert key is not None
    assert value is not None
    return key, value[: value.index(b" ")]


def _count(record: Read, event: bytes) -> int:
    """The key's number; -1, which is never right, if the headers are not those of the input and the number."""
    headers = dict(record.headers() or [])
    whole = headers.keys() == {"event", "count"} and headers["event"] == event
    return int(headers["count"]) if whole else -1


def _entry(event: bytes, count: int) -> bytes:
    return event + b" %d" % count


def _difference(one: list[bytes], other: list[bytes]) -> int:
    """How many events of `one` the `other` has not, or has less often."""
    return (Counter(events(one)) - Counter(events(other))).total()
