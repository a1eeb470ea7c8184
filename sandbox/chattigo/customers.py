"""Scripted customers: n people write m messages of all types over some lines, at a pace that waits for nobody
(open loop).

Promises: the same script gives the same messages in the same order and at the same times, from its seed. Leaves
to `people` how a message becomes a webhook.
"""

import asyncio
import time
from typing import NamedTuple

import msgspec

from sandbox.chattigo import messages
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.people import Saying, say
from sandbox.chattigo.world import World

NAMES = ("Ana", "Bruno", "Carla", "Diego", "Elena", "Fabián", "Gabriela", "Hugo")
WORDS = ("hola", "menu", "1", "2", "3", "precio", "gracias", "¿dónde está mi pedido?")
PREFIXES = (("54911", 13), ("56912", 11), ("57310", 12), ("52155", 13))  # and the length of the whole number


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """What to play. `rate`: messages a second over all lines; `together`: part of the POSTs that carry several
    customers' messages.

    `types`: names of `messages.SAMPLES` beside plain text, each customer's first message is always the text
    `opening`; `texts`: the share of plain texts from `words`.
    """

    dids: list[str]
    customers: int = 200
    messages: int = 1000
    rate: float = 100.0
    together: float = 0.2
    together_max: int = 3
    texts: float = 0.7
    types: list[str] = msgspec.field(default_factory=lambda: [name for name in messages.SAMPLES if name != "text"])
    words: list[str] = msgspec.field(default_factory=lambda: list(WORDS))
    opening: str = "hola"
    seed: int = 1


class Step(NamedTuple):
    """One POST's worth of messages, all of one line, `at_s` after the start."""

    at_s: float
    sayings: list[Saying]


def customer(script: Script, number: int) -> tuple[str, str, str]:
    """(did, number, name) of the customer; a customer writes to one line."""
    dice = Dice(script.seed)
    prefix, length = PREFIXES[number % len(PREFIXES)]
    contact = prefix + "1" + str(number).zfill(length - len(prefix) - 1)
    return script.dids[number % len(script.dids)], contact, dice.pick(NAMES, "name", number)


def steps(script: Script) -> list[Step]:
    """The whole play."""
    dice = Dice(script.seed)
    people = [customer(script, number) for number in range(script.customers)]
    written: dict[int, int] = {}
    play: list[Step] = []
    for ordinal in range(script.messages):
        # everybody writes once before anybody writes twice
        first = ordinal < script.customers
        who = ordinal if first else dice.number((0, script.customers - 1), "who", ordinal)
        did, contact, name = people[who]
        saying = _saying(script, dice, did, contact, name, written.get(who, 0), ordinal)
        written[who] = written.get(who, 0) + 1
        _place(script, dice, play, saying, ordinal)
    return play


def _saying(script: Script, dice: Dice, did: str, contact: str, name: str, before: int, ordinal: int) -> Saying:
    if before == 0:
        return Saying(did=did, contact=contact, name=name, message=script.opening)
    if not script.types or dice.chance(script.texts, "text", ordinal):
        return Saying(did=did, contact=contact, name=name, message=dice.pick(script.words, "word", ordinal))
    return Saying(did=did, contact=contact, name=name, sample=dice.pick(script.types, "type", ordinal))


def _place(script: Script, dice: Dice, play: list[Step], saying: Saying, ordinal: int) -> None:
    """Into the POST of a moment ago if it is of the same line and chance says so, else into its own."""
    recent = [step for step in play[-len(script.dids) :] if step.sayings[0].did == saying.did]
    if recent and len(recent[-1].sayings) < script.together_max and dice.chance(script.together, "with", ordinal):
        recent[-1].sayings.append(saying)
    else:
        play.append(Step(ordinal / script.rate, [saying]))


class Run:
    """A script while it is played."""

    def __init__(self, world: World, script: Script) -> None:
        self.steps = steps(script)
        self.said = 0
        self.late_s = 0.0
        self.task = asyncio.create_task(self._play(world))

    @property
    def done(self) -> bool:
        """Whether everything was said (not: delivered)."""
        return self.task.done()

    async def _play(self, world: World) -> None:
        began = time.monotonic()
        for step in self.steps:
            wait = began + step.at_s - time.monotonic()
            self.late_s = max(self.late_s, -wait)
            await asyncio.sleep(max(wait, 0))
            self.said += len(say(world, step.sayings))


class Runs:
    """The scripts that were started."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: list[Run] = []

    def start(self, script: Script) -> int:
        """Play it from now on; returns its number. Raises ValueError for lines or types that do not exist."""
        unknown = [did for did in script.dids if did not in self._world.lines]
        unknown += [name for name in script.types if name not in messages.SAMPLES]
        if unknown or not script.dids or script.rate <= 0:
            raise ValueError(f"unknown lines or types, or no rate: {unknown}")
        self._runs.append(Run(self._world, script))
        return len(self._runs)

    def summary(self, number: int) -> dict[str, float | bool]:
        """How far a run is; raises ValueError for no such run."""
        if not 0 < number <= len(self._runs):
            raise ValueError(f"no run {number}")
        run = self._runs[number - 1]
        return {"run": number, "said": run.said, "done": run.done, "late_s": round(run.late_s, 3)}

    def summaries(self) -> list[dict[str, float | bool]]:
        """All runs."""
        return [self.summary(number) for number in range(1, len(self._runs) + 1)]

    async def wait(self, number: int) -> None:
        """Until all of it was said."""
        await self._runs[number - 1].task

    async def stop(self) -> None:
        """End what is still playing."""
        for run in self._runs:
            run.task.cancel()
        await asyncio.gather(*(run.task for run in self._runs), return_exceptions=True)
