"""The schedule: whose turn it is at which moment, and what they are about to do. Pure.

Promises: open loop: moments depend on the script alone, never on an answer. The same script gives the same turns, from
its seed. A person keeps to one line; people of a line take turns, so that two turns of one person are about people /
rate seconds apart. A persona is done in its order. Leaves to `wits` what a step becomes when its moment has come.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sandbox.chattigo.dice import Dice
from sandbox.people.script import Persona, Script, Step

PREFIXES = (("54911", 13), ("56912", 11), ("57310", 12), ("52155", 13))  # and the length of the whole number


GOLDEN = (5**0.5 - 1) / 2


class Who(NamedTuple):
    """A person, with the number that they have now."""

    did: str
    contact: str
    name: str
    persona: str


class Turn(NamedTuple):
    """`at_s` after the start. `ordinal`: of all turns, from 0; chance is drawn by it. `shares`: it leaves in the POST
    of the turn before. `moved_to`: the new number of a person who changes it."""

    at_s: float
    ordinal: int
    who: Who
    step: Step
    shares: bool = False
    moved_to: str = ""


class Arrival(NamedTuple):
    """A moment for a turn; `shares` it with the one before."""

    at_s: float
    shares: bool


def number(ordinal: int) -> str:
    """The number of a person: digits, of four countries in turn."""
    prefix, length = PREFIXES[ordinal % len(PREFIXES)]
    return prefix + "1" + str(ordinal).zfill(length - len(prefix) - 1)


def arrivals(script: Script) -> Iterator[Arrival]:
    """The moments of all turns."""
    dice, at_s, ordinal, before = Dice(script.seed), 0.0, 0, 0.0
    while ordinal < script.turns if script.turns else at_s < script.for_s:
        shares = ordinal > 0 and dice.chance(script.together, "together", ordinal)
        before = before if shares else at_s
        yield Arrival(before, shares)
        ordinal += 1
        at_s = ordinal / script.rate if script.arrivals == "even" else at_s + _gap(script, dice, ordinal)


def _gap(script: Script, dice: Dice, ordinal: int) -> float:
    return -math.log(1 - dice.roll("gap", ordinal)) / script.rate


def schedule(script: Script, lines: Sequence[str] = ()) -> Iterator[Turn]:
    """All turns, by their moment. `lines`: those of the script if it names none. Raises ValueError for no line."""
    dids = script.lines or list(lines)
    if not dids:
        raise ValueError("there is no line to write to")
    return _turns(script, _Crowd(script, dids))


def _turns(script: Script, crowd: "_Crowd") -> Iterator[Turn]:
    for ordinal, arrival in enumerate(arrivals(script)):
        yield crowd.turn(arrival, ordinal)


class _Crowd:
    """Who has which place, and whose turn it is on each line."""

    def __init__(self, script: Script, dids: Sequence[str]) -> None:
        self._script, self._dice = script, Dice(script.seed)
        self._born = 0
        self._lines = [deque[_Place]() for _ in range(min(len(dids), script.people))]
        for place in range(script.people):
            line = place % len(self._lines)
            self._lines[line].append(_Place(self, dids[line]))
        self._line = -1

    def turn(self, arrival: Arrival, ordinal: int) -> Turn:
        """The next one: of the next line, or of the same as before if it shares a POST."""
        if not arrival.shares:
            self._line = (self._line + 1) % len(self._lines)
        place, step = self._next(self._lines[self._line])
        turn = Turn(arrival.at_s, ordinal, place.who, step, arrival.shares)
        return turn if step.do != "move" else turn._replace(moved_to=place.move())

    def _next(self, line: "deque[_Place]") -> "tuple[_Place, Step]":
        """The first in turn who does something; when all are silent the first in turn is no longer."""
        for asked in range(2 * len(line) + 1):
            place = line[0]
            line.rotate(-1)
            step = place.step(wake=asked >= len(line))
            if step is not None:
                return place, step
        return place, place.insist()

    def somebody(self, did: str) -> Who:
        """Somebody new."""
        born = self._born
        personas, weights = list(self._script.personas), [one.weight for one in self._script.personas.values()]
        # Steps of the golden ratio: in any crowd, however small, personas stand in the proportions of their weights.
        persona = personas[weighted(weights, (self._dice.roll("persona") + born * GOLDEN) % 1)]
        name = self._dice.pick(self._script.personas[persona].names, "name", born)
        return Who(did, self.new_number(), name, persona)

    def new_number(self) -> str:
        """A number that nobody has."""
        self._born += 1
        return number(self._script.first + self._born - 1)

    def persona(self, name: str) -> Persona:
        """What such people do."""
        return self._script.personas[name]

    def pick(self, steps: list[Step], *words: object) -> Step:
        """One by weight."""
        return steps[weighted([step.weight for step in steps], self._dice.roll("any", *words))]


class _Place:
    """A person of the crowd, or whoever came after them."""

    def __init__(self, crowd: _Crowd, did: str) -> None:
        self._crowd, self._did = crowd, did
        self._enter()

    def _enter(self) -> None:
        self.who = self._crowd.somebody(self._did)
        self._done, self._silent = 0, 0

    def step(self, *, wake: bool = False) -> Step | None:
        """What they do now; None if they are silent, or just left and somebody else came."""
        if self._silent and not wake:
            self._silent -= 1
            return None
        self._silent = 0
        step = self._take()
        if step is None or step.do == "leave":
            self._enter()
            return None
        if step.silent is not None:
            self._silent = step.silent - 1
            return None
        return step

    def insist(self) -> Step:
        """The next step that writes: there is one, a persona is checked for it."""
        while (step := self.step(wake=True)) is None:
            pass
        return step

    def move(self) -> str:
        """They have a new number from now on."""
        self.who = self.who._replace(contact=self._crowd.new_number())
        return self.who.contact

    def _take(self) -> Step | None:
        persona, at = self._crowd.persona(self.who.persona), self._done
        self._done += 1
        if at < len(persona.first):
            step = persona.first[at]
        elif persona.visit:
            step = persona.visit[(at - len(persona.first)) % len(persona.visit)]
        else:
            return None
        return step if step.any is None else self._crowd.pick(step.any, self.who.contact, at)


def weighted(weights: Sequence[float], roll: float) -> int:
    """Which of them a roll in [0, 1) falls on."""
    left = roll * sum(weights)
    for place, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return place
    return len(weights) - 1
