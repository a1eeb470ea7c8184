"""The deliveries of one conversation that wait, as the agent's memory holds them. Pure, over explicit time.

Each one is a name of its own in the memory, so that those of a person's two keys are united when the keys become one.
They stand in the order of `seq`. Deliveries with the same `merge` name that follow one another are one: their `fields`
are united, the later ones stand. It goes under the newer key, for under the old one the other side may know less.

What was given up may be put back after newer fields arrived. So from the first time that something is given up on, the
queue keeps when each field was delivered last, and a delivery that is put back brings no field that is older.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from processors.agents.memory import DELIVERED
from processors.agents.terms import Terms
from schemas import ids
from schemas.delivery import Ended, delivery_id

TIMER = "@deliveries"
PREFIX = "@delivery:"
LATER = DELIVERED
_GIVEN_UP = ""


class Delivery(msgspec.Struct, array_like=True, kw_only=True):
    """`body` is what JSON can say; `key` stands for it on each attempt. It waits since `at_ms` and was put back `back`
    times. `tries` failed so far; none before `next_ms`."""

    key: str
    seq: int
    at_ms: int
    body: Any
    merge: str = ""
    tries: int = 0
    next_ms: int = 0
    back: int = 0

    @property
    def id(self) -> str:
        """What it is known by on record."""
        return delivery_id(self.key, self.back)

    @property
    def fields(self) -> dict[str, Any]:
        """What is united where deliveries are merged."""
        found = self.body.get("fields") if isinstance(self.body, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def size(self) -> int:
        """Bytes of it as it is remembered."""
        return len(msgspec.msgpack.encode((PREFIX + self.key, self)))


class GivenUp(NamedTuple):
    """A delivery that is a dead letter now: why, as one of a few words and as a story; `said` is the other side's."""

    delivery: Delivery
    reason: str
    error: str
    said: str = ""


def waiting_in(memory: Mapping[str, Any]) -> list[Delivery]:
    """The deliveries that wait, in order. Whatever else an agent remembers under such a name is none of them."""
    found = [_read(value) for name, value in memory.items() if name.startswith(PREFIX)]
    return sorted((one for one in found if one is not None), key=lambda one: one.seq)


def _read(value: Any) -> Delivery | None:
    try:
        return msgspec.convert(value, Delivery)
    except msgspec.ValidationError:
        return None


class Queue:
    """Made of what the agent remembers; `changes` is what it is to remember. `given_up`, `superseded`, and what goes on
    record (`made`, `ended`) grow."""

    def __init__(self, memory: Mapping[str, Any], terms: Terms) -> None:
        self._terms = terms
        self.waiting = waiting_in(memory)
        self.given_up: list[GivenUp] = []
        self.superseded: list[Delivery] = []
        self.made: list[str] = []
        self.ended: list[Ended] = []
        self._later: dict[str, dict[str, int]] = {name: dict(of) for name, of in memory.get(LATER, {}).items()}
        self._before = self._kept()

    def add(self, key: str, body: Any, merge: str, now_ms: int) -> None:
        """One more, behind all others. What is too much is given up: itself if it is too large, else the oldest."""
        one = Delivery(key=key, seq=self._next_seq(now_ms), at_ms=now_ms, body=body, merge=merge)
        last = self.waiting[-1] if self.waiting else None
        self.made.append(one.id)
        both = _merged(last, one) if last is not None and merge and last.merge == merge and not last.back else None
        if last is not None and both is not None and both.size <= self._terms.size:
            self.ended.append(Ended(last.id, "merged", one.id))
            one = self.waiting[-1] = both
        else:
            self.waiting.append(one)
        self._bound(one)

    def put_back(self, one: Delivery, now_ms: int) -> None:
        """A delivery that was given up, at the place that it had; of its fields those that no newer one replaced. It is
        tried although as many wait as may."""
        kept, name = self._not_replaced(one), delivery_id(_returned(one), one.back)
        if any(other.id == name for other in self.waiting):
            self.superseded.append(one)
            return  # it waits already
        self.made.append(name)
        if kept is None or any(other.key == _returned(one) for other in self.waiting):
            self.superseded.append(one)
            self.ended.append(Ended(name, "superseded"))
            return
        back = msgspec.structs.replace(kept, key=_returned(kept), at_ms=now_ms, tries=0, next_ms=0)
        others = [_behind(back, other) for other in self.waiting]
        for old, new in zip(self.waiting, others, strict=True):
            if old.id != new.id:
                self.made.append(new.id)
                self.ended.append(Ended(old.id, "merged", new.id))
        self.waiting = sorted([back, *others], key=lambda other: other.seq)

    def head(self, now_ms: int) -> Delivery | None:
        """The delivery to try now: the first of all, if its time has come."""
        first = self.waiting[0] if self.waiting else None
        return first if first is not None and first.next_ms <= now_ms else None

    def delivered(self) -> None:
        """The first one arrived."""
        one = self.waiting.pop(0)
        self.ended.append(Ended(one.id, "delivered"))
        if one.merge and one.merge in self._later:
            known = self._later[one.merge]
            known.update({name: max(one.seq, known.get(name, 0)) for name in one.fields})

    def refused(self, reason: str, error: str, said: str = "") -> None:
        """The first one will never be taken."""
        self._give_up(self.waiting[0], reason, error, said)

    def postponed(self, now_ms: int, why: str, asked_s: float = 0, said: str = "") -> None:
        """The first one failed, for the time being; given up when it is too old. What follows waits as long."""
        one = self.waiting[0]
        one.tries += 1
        one.next_ms = now_ms + int(self._terms.wait_s(one.key, one.tries, asked_s) * 1000)
        if now_ms - one.at_ms < self._terms.give_up_s * 1000:
            return
        story = f"not delivered within {self._terms.give_up_s:g} s (RELEVO_PROCESSOR_DELIVERY_GIVE_UP_S): {why}"
        self._give_up(one, "too_old", story, said)
        if self.waiting:
            self.waiting[0].tries, self.waiting[0].next_ms = one.tries, one.next_ms

    def wake_s(self, now_ms: int) -> float | None:
        """In how many seconds to go on; None if nothing waits."""
        return max(self.waiting[0].next_ms - now_ms, 0) / 1000 if self.waiting else None

    def changes(self) -> dict[str, Any]:
        """What is to be remembered of it now, for `Remember`: None forgets."""
        now = self._kept()
        gone = dict.fromkeys(self._before.keys() - now.keys())
        return gone | {name: value for name, value in now.items() if self._before.get(name) != value}

    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = {PREFIX + one.key: msgspec.to_builtins(one) for one in self.waiting}
        return kept | ({LATER: {name: dict(of) for name, of in self._later.items()}} if self._later else {})

    def _next_seq(self, now_ms: int) -> int:
        """Times as far as they grow: a clock that goes back, or another machine's, must not change the order."""
        known = [one.seq for one in self.waiting] + [seq for of in self._later.values() for seq in of.values()]
        return max(now_ms, max(known, default=0) + 1)

    def _bound(self, newest: Delivery) -> None:
        if newest.size > self._terms.size:
            story = f"{newest.size} bytes, {self._terms.size} allowed (RELEVO_PROCESSOR_DELIVERY_BYTES)"
            self._give_up(newest, "too_large", story)
        while len(self.waiting) > self._terms.most or sum(one.size for one in self.waiting) > self._terms.size:
            story = (
                f"more than {self._terms.most} deliveries (RELEVO_PROCESSOR_DELIVERY_MAX) or {self._terms.size} bytes "
                "(RELEVO_PROCESSOR_DELIVERY_BYTES) of one conversation wait"
            )
            self._give_up(self.waiting[0], "too_many", story)

    def _give_up(self, one: Delivery, reason: str, error: str, said: str = "") -> None:
        self.waiting.remove(one)
        self.ended.append(Ended(one.id, "given_up"))
        self._later.setdefault(_GIVEN_UP, {})[""] = self._next_seq(one.seq)  # none that is made later stands before it
        if one.merge:
            self._later.setdefault(one.merge, {})
        self.given_up.append(GivenUp(one, reason, error, said))

    def _not_replaced(self, one: Delivery) -> Delivery | None:
        """The delivery without the fields of which a newer one arrived; None if none is left."""
        known = self._later.get(one.merge, {}) if one.merge else {}
        newer = {name for name, seq in known.items() if seq > one.seq}
        if not newer & one.fields.keys():
            return one
        fields = {name: value for name, value in one.fields.items() if name not in newer}
        return msgspec.structs.replace(one, body=one.body | {"fields": fields}) if fields else None


def _returned(one: Delivery) -> str:
    """The key of a delivery that is put back. What sets fields goes under a new one: it may have been taken once under
    the old one, and older fields since."""
    return ids.digest("put back", one.key, str(one.back)) if one.merge else one.key


def _behind(back: Delivery, other: Delivery) -> Delivery:
    """What waits, when another delivery is put back in front of it: what sets fields may have been taken already, and
    must be taken again."""
    if not back.merge or other.merge != back.merge or other.seq < back.seq:
        return other
    return msgspec.structs.replace(other, key=ids.digest("behind", other.key, back.key))


def _merged(old: Delivery, new: Delivery) -> Delivery:
    """Both as one, as old as the first and at the place of the last."""
    body = old.body | new.body | {"fields": old.fields | new.fields}
    return msgspec.structs.replace(new, body=body, at_ms=old.at_ms, tries=old.tries, next_ms=old.next_ms)
