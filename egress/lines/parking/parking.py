"""Parking: which messages of a line stand on `outbound.parked`, and which of its messages in memory have a place there.

A parked message is *resident* (its item is in memory) or only a place of eight bytes in its flow (`flows`). All replies
are one flow, in the order in which they were parked. Leaves to the lot: which offset may be committed; to admission:
what is parked, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator
from itertools import islice

from egress.lines.item import Item
from egress.lines.parking.flows import FAR_MS, Flows, Shut
from schemas import topics
from schemas.parked import Flow
from schemas.session import Template

WITHHELD = "withheld"
_TOPIC = topics.OUTBOUND_PARKED.name
_ALL = Flow()

__all__ = ["FAR_MS", "WITHHELD", "Parking", "flow_of", "nothing_shut"]


def flow_of(item: Item, *, again: bool = False) -> Flow:
    """With what a message takes turns while it is parked. What was withheld, and goes `again`, waits apart from its
    campaign's others: it goes also while these must not."""
    if item.reply or item.urgent:
        return _ALL
    if item.campaign:
        return Flow(item.campaign, WITHHELD if again or item.waited else "")
    content = item.message.content
    named = (content.name, content.language) if isinstance(content, Template) else ()
    return Flow("", item.message.send_class, *named)


def nothing_shut(flow: Flow) -> bool:
    """Every flow may give."""
    return False


class Parking:
    """One line, one kind.

    `open` are messages in memory whose input's offset is open, by position, oldest first; `held` those whose place on
    the parked topic is open. Of `echoing` messages in memory, and of `unseen` ones that are not, that place is not
    known yet; `coming` are being fetched. Places before `learnt` were read in the recovery: of one message there may be
    several, for who died knew which of them were done with. At `look_ms` it is looked for places that are too old.
    """

    def __init__(self) -> None:
        self.flows = Flows()
        self.open: dict[int, Item] = {}
        self.held: dict[int, Item] = {}
        self.unseen: Counter[Flow] = Counter()
        self.echoing = self.coming = self.look_ms = 0
        self._fetched = self.learnt = 0
        self._fetching: set[Flow] = set()
        self._superseded: set[str] = set()

    @property
    def absent(self) -> bool:
        """Whether some wait in Kafka alone: then whatever reply comes later goes behind them."""
        return bool(self.flows.waiting or self.unseen or self.coming)

    def absent_of(self, flow: Flow) -> bool:
        """Whether some of this flow do."""
        return self.absent and (flow in self.unseen or flow in self._fetching or self.flows.holds(flow))

    def absent_flows(self) -> set[Flow]:
        """The flows of which some do."""
        return {*self.unseen, *self._fetching, *self.flows.ripe()} if self.absent else set()

    @property
    def fetchable(self) -> bool:
        """Whether there are places of messages that are not in memory."""
        return len(self.flows) > 0

    @property
    def outside(self) -> int:
        """How many are in Kafka alone, and not on their way back."""
        return len(self.flows) + self.unseen.total()

    @property
    def parked(self) -> int:
        """How many have a place on the parked topic."""
        return self.outside + self.coming + self.echoing + len(self.held)

    def firsts(self) -> list[int]:
        """The places of those that were parked first: of those in memory, and of the others, as far as they may go."""
        return [*islice(self.held, 1), *self.flows.firsts()]

    def since(self) -> Iterator[tuple[int, float]]:
        """Places of messages that are not in memory and whose time has come, the first of each flow, and until when
        another place of the same message may have been given."""
        if self.coming:
            yield self._fetched, float("inf")
        yield from self.flows.since()

    def put(self, flow: Flow, offset: int, not_before_ms: int, now_ms: int) -> None:
        """A message that is not in memory stands here."""
        self.flows.put(flow, offset, not_before_ms, now_ms)

    def hasten(self, places: Container[int]) -> None:
        """Those that stand here and wait for their time come next: of their messages something was decided."""
        self.flows.hasten(places)

    def expect(self, flow: Flow) -> None:
        """One was parked that is not in memory, and whose time has come."""
        self.unseen[flow] += 1

    def seen(self, flow: Flow) -> None:
        """Its place is known."""
        if self.unseen[flow] <= 1:
            del self.unseen[flow]
        else:
            self.unseen[flow] -= 1

    def take(self, count: int, now_ms: int, shut: Shut = nothing_shut) -> list[int]:
        """What is fetched next, at most `count`: of the flows in their turns."""
        return self._begin(*self.flows.take(count, now_ms, shut))

    def old(self, count: int, is_old: Callable[[Flow, int], bool]) -> list[int]:
        """What is fetched because its place is too old."""
        return self._begin(*self.flows.old(count, is_old))

    def _begin(self, run: list[int], flows: set[Flow]) -> list[int]:
        self.coming += len(run)
        self._fetching |= flows
        self._fetched = run[0] if run else self._fetched
        return run

    def came(self) -> None:
        """What was fetched is here, or gone."""
        self.coming = 0
        self._fetching.clear()

    def moves(self, item: Item) -> None:
        """A message that came back gets another place: those of it that were learnt mean nothing any more."""
        if item.source == _TOPIC and item.position < self.learnt:
            self._superseded.add(item.id)

    def superseded(self, offset: int, message_id: str) -> bool:
        """Whether the message of this place has a later one."""
        return offset < self.learnt and message_id in self._superseded

    def passed(self, position: int) -> None:
        """Places before this one are done with."""
        if position >= self.learnt:
            self._superseded.clear()

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Leaves out the places that are not wanted, of messages that are not in memory."""
        self.flows.keep(wanted)

    def let_go(self, item: Item) -> None:
        """What becomes of a message in memory is decided."""
        position = item.position
        if self.open.get(position) is item:
            del self.open[position]
        elif self.held.get(position) is item:
            del self.held[position]
