"""The fold: what became of each recipient of a campaign on one line, from the records of `outcomes`. Pure.

Promises: the states are those of `schemas.outcome.merge`, whatever order and repeats the records come in; every
recipient is in exactly one count, so that they add up to the total at any moment; about 40 bytes a recipient. Leaves to
`progress` how far the owner is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from schemas import ids
from schemas.outcome import Outcome, State, merge

NOTHING = 0
WORDS_MAX = 10_000
_STATES: tuple[str, ...] = ("", *get_args(State))
_NUMBER = {state: number for number, state in enumerate(_STATES)}
# The state that follows, by the new state and the one before.
_NEXT = {
    new: bytes(_NUMBER[merge(_STATES[old] or None, new)] for old in range(len(_STATES))) for new in get_args(State)
}
_BY_CODE = frozenset({"failed", "refused", "expired", "dead", "not_sent", "in_doubt", "parked"})


class Became(NamedTuple):
    """What became of one recipient: `state` empty where nothing is on record."""

    state: str
    code: str = ""
    reason: str = ""
    at_ms: int = 0


@dataclass
class Counts:
    """Each recipient once: by state; without a record, `sending` where the owner has taken it up, else `not_started`.

    `codes` tells those of a state by code, where it has one that matters.
    """

    states: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    sending: int = 0
    not_started: int = 0

    @property
    def total(self) -> int:
        return self.states.total() + self.sending + self.not_started

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.states + other.states,
            self.codes + other.codes,
            self.sending + other.sending,
            self.not_started + other.not_started,
        )


class Fold:
    """One line of a campaign of `total` recipients."""

    def __init__(self, did: str, campaign: str, total: int) -> None:
        self._did, self._campaign = did, campaign
        # A message's id is known by its 64-bit hash: of a million, two are alike once in thirty million campaigns.
        name = ids.message_id_of_recipient
        self._ids = array("q", (hash(name(did, campaign, position)) for position in range(total)))
        self._order = array("I", sorted(range(total), key=self._ids.__getitem__))
        self._sorted = array("q", (self._ids[position] for position in self._order))
        self._states = bytearray(total)
        self._words = array("I", bytes(4 * total))
        self._at = array("q", bytes(8 * total))
        self._known: list[tuple[str, str]] = [("", "")]
        self._word_of: dict[tuple[str, str], int] = {("", ""): 0}
        self._counts: Counter[tuple[int, int]] = Counter()
        self._next = 0

    def __len__(self) -> int:
        return len(self._states)

    def add(self, outcome: Outcome) -> int:
        """Takes in a record; how many recipients' states it changed. Records of others change nothing."""
        if outcome.did != self._did or outcome.campaign != self._campaign:
            return 0
        follows, word, changed = _NEXT[outcome.state], self._word(outcome), 0
        for message_id in outcome.message_ids:
            position = self._position(message_id)
            if position < 0:
                continue
            old = self._states[position]
            new = follows[old]
            # Of a state that is told again the later code holds, as the later state does; a ladder's first time holds.
            if new == old and (new != _NUMBER[outcome.state] or _STATES[new] not in _BY_CODE):
                continue
            changed += new != old
            self._move(position, new, word, outcome.at_ms)
        return changed

    def _move(self, position: int, state: int, word: int, at_ms: int) -> None:
        before = self._states[position], self._words[position]
        if before[0]:
            self._counts[before] -= 1
        self._counts[state, word] += 1
        self._states[position], self._words[position], self._at[position] = state, word, at_ms

    def _position(self, message_id: str) -> int:
        """Where the recipient stands, -1 for nobody. Calls tell of them in order: the next one is looked at first."""
        wanted, guess = hash(message_id), self._next
        if guess >= len(self._ids) or self._ids[guess] != wanted:
            at = bisect_left(self._sorted, wanted)
            if at >= len(self._sorted) or self._sorted[at] != wanted:
                return -1
            guess = self._order[at]
        self._next = guess + 1
        return guess

    def _word(self, outcome: Outcome) -> int:
        said = outcome.code, outcome.reason
        number = self._word_of.get(said)
        if number is None and len(self._known) >= WORDS_MAX and outcome.reason:
            said = outcome.code, ""  # reasons are for people, and may be any text
            number = self._word_of.get(said)
        if number is None:
            number = self._word_of[said] = len(self._known)
            self._known.append(said)
        return number

    def counts(self, started: int) -> Counts:
        """As of now, where the owner has taken up the first `started` recipients."""
        found = Counts(
            sending=self._states.count(NOTHING, 0, started), not_started=self._states.count(NOTHING, started)
        )
        for (state, word), count in self._counts.items():
            if count:
                found.states[_STATES[state]] += count
                if _STATES[state] in _BY_CODE and (code := self._known[word][0]):
                    found.codes[_STATES[state], code] += count
        return found

    def became(self, position: int) -> Became:
        """What became of one of them."""
        return Became(_STATES[self._states[position]], *self._known[self._words[position]], self._at[position])
