"""People of a script while they are played: each turn at its moment, with what the business said last before their
eyes.

Promises: nobody waits for an answer, nor for the POST of a webhook; how late the generator itself was is told. Leaves
the schedule, what a turn becomes and the reckoning to `sandbox.people`, and to `people` how a message becomes a
webhook.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from functools import partial

from sandbox.chattigo.ledger import Entry, Message, Recipient
from sandbox.chattigo.people import Saying, say
from sandbox.chattigo.world import World
from sandbox.people.offers import Offer, of_message, of_template
from sandbox.people.schedule import Turn, schedule
from sandbox.people.script import Script
from sandbox.people.tally import Summary, Tally
from sandbox.people.wits import Wits

_LOOK_S = 0.05


class Play:
    """A script while it is played. Raises ValueError for a line that there is not, or none."""

    def __init__(self, world: World, number: int, script: Script) -> None:
        known = [line.did for line in world.config.lines if line.kind != "channel"]
        dids = script.lines or known
        unknown = [did for did in dids if did not in known]
        if unknown or not dids:
            raise ValueError(f"no line of WhatsApp {', '.join(unknown) or 'to write to'}")
        self._world, self._number, self._script = world, number, script
        self._turns = schedule(script.check(), dids)
        self._wits, self._tally = Wits(script), Tally(script.patience_s)
        self._offers: dict[str, Offer] = {}
        self._all_said, self._error, self._silence = False, "", asyncio.Event()
        self.task = asyncio.create_task(self._play())

    def summary(self) -> Summary:
        """How far it is."""
        found = self._tally.summary(time.monotonic())
        found.run, found.all_said, found.done = self._number, self._all_said, self.task.done()
        found.stopped = "it was stopped" if self.task.cancelled() else self._error
        return found

    async def said(self) -> None:
        """Until all was said; raises what ended it before."""
        await self._silence.wait()
        if not self._all_said:
            await self.task

    async def stop(self) -> None:
        """End it."""
        self.task.cancel()
        self._silence.set()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _play(self) -> None:
        self._world.ledger.listeners.append(self._heard)
        try:
            await self._say_all()
            self._all_said = True
            self._silence.set()
            while self._tally.wait(time.monotonic()):  # noqa: ASYNC110 - patience also ends without a ledger line
                await asyncio.sleep(_LOOK_S)
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._silence.set()
            self._world.ledger.listeners.remove(self._heard)

    async def _say_all(self) -> None:
        began = time.monotonic()
        for turns in moments(self._turns):
            wait = began + turns[0].at_s - time.monotonic()
            await asyncio.sleep(max(wait, 0))
            self._say(turns, began + turns[0].at_s)

    def _say(self, turns: list[Turn], due_s: float) -> None:
        """The turns of one moment in one POST; the further messages of bursts follow."""
        now, sayings = time.monotonic(), []
        for turn in turns:
            who = self._key(turn.who.did, turn.who.contact)
            said = [
                Saying(turn.who.did, turn.who.contact, one, name=turn.who.name)
                for one in self._wits.messages(turn, self._offers.get(who))
            ]
            calls = turn.step.calls() and (turn.who.did, who.partition("|")[2]) not in self._world.human
            self._tally.said(who, turn.step.deed, now, now - due_s, len(said), calls=calls)
            sayings.append(said[0])
            self._burst(turn, said[1:])
            if turn.moved_to:
                self._moved(who, self._key(turn.who.did, turn.moved_to))
        say(self._world, sayings)

    def _moved(self, who: str, to: str) -> None:
        """What was offered is still on the phone."""
        self._tally.renamed(who, to)
        if who in self._offers:
            self._offers[to] = self._offers.pop(who)

    def _burst(self, turn: Turn, sayings: list[Saying]) -> None:
        after = 0.0
        for place, one in enumerate(sayings):
            after += self._world.dice.between(self._script.apart_s, "burst", self._script.seed, turn.ordinal, place)
            self._world.later(after, partial(say, self._world, [one]))

    def _key(self, did: str, contact: str) -> str:
        return f"{did}|{self._world.who(contact)}"

    def _heard(self, entry: Entry) -> None:
        """What the business said to whom; a person who hides the number is the same person."""
        if not isinstance(entry, Message | Recipient):
            return
        who = self._key(entry.did, entry.contact)
        if not self._tally.heard(who, time.monotonic()):
            return
        if isinstance(entry, Message):
            self._offers[who] = of_message(entry.wamid, entry.kind, entry.body)
        else:
            looks = self._world.templates.looks(entry.template, entry.language)
            self._offers[who] = of_template(entry.wamid, looks.buttons, entry.filled.get("buttons", []))


def moments(turns: Iterable[Turn]) -> Iterator[list[Turn]]:
    """Turns that share a POST together."""
    group: list[Turn] = []
    for turn in turns:
        if group and not turn.shares:
            yield group
            group = []
        group.append(turn)
    if group:
        yield group


class Crowd:
    """The scripts that were started."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._plays: list[Play] = []

    def start(self, script: Script) -> int:
        """Play it from now on; its number. Raises ValueError."""
        self._plays.append(Play(self._world, len(self._plays) + 1, script))
        return len(self._plays)

    def play(self, number: int) -> Play:
        """A run; raises ValueError for none."""
        if not 0 < number <= len(self._plays):
            raise ValueError(f"no run {number}")
        return self._plays[number - 1]

    def summaries(self) -> list[Summary]:
        """All runs."""
        return [play.summary() for play in self._plays]

    async def stop(self) -> None:
        """End what is still playing."""
        await asyncio.gather(*(play.stop() for play in self._plays))
