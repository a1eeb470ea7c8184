"""Flows: the places of a line's parked messages of one kind, by what they take turns with. Pure.

Places are offsets of `outbound.parked`, eight bytes each. Those whose time is far wait by the minute, then behind the
others of their flow. Promises: of flows that have places none is given much more than another, so that a campaign's
million keeps no template waiting; within a flow places come in the order in which they were put; what is *shut*
stays where it is. Leaves to its user what a flow is, and which are shut.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator

from egress.lines.queues.turns import Turns
from schemas.parked import Flow

FAR_MS = 60_000
# A run is read by one consumer, others' records between them too: so many offsets apart at most.
SPAN_MAX = 20_000
# A flow's turn: what one call takes.
TURN_MAX = 1000
# So many flows of a line have a queue of their own; what comes beyond that shares one.
FLOWS_MAX = 255
_TRIM = 4096
_ALL = Flow()

Shut = Callable[[Flow], bool]


class Offsets:
    """A queue of offsets, eight bytes each."""

    def __init__(self) -> None:
        self._all = array("Q")
        self._head = 0

    def __len__(self) -> int:
        return len(self._all) - self._head

    def __iter__(self) -> Iterator[int]:
        return iter(self._all[self._head :])

    @property
    def first(self) -> int:
        return self._all[self._head]

    def append(self, offset: int) -> None:
        self._all.append(offset)

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Leaves out those that are not wanted."""
        self._all, self._head = array("Q", filter(wanted, self)), 0

    def take(self, count: int) -> list[int]:
        """The first of them, at most `count`: a run that ascends and spans not too much."""
        run: list[int] = []
        while len(self) and len(run) < count:
            offset = self._all[self._head]
            if run and not run[-1] < offset < run[0] + SPAN_MAX:
                break
            run.append(offset)
            self._head += 1
        if self._head > _TRIM and self._head * 2 > len(self._all):
            del self._all[: self._head]
            self._head = 0
        return run


class _Queue:
    """One flow: `far` of it wait for their minute. `given` says that something of it was taken; `shut_ms` since when
    nothing may be."""

    __slots__ = ("far", "given", "number", "offsets", "shut_ms")

    def __init__(self, number: int) -> None:
        self.number = number
        self.offsets = Offsets()
        self.far = 0
        self.given = False
        self.shut_ms: int | None = None


class Flows:
    """`waiting` places whose time has come, `far` ones that wait for it."""

    def __init__(self) -> None:
        self._queues: dict[Flow, _Queue] = {}
        self._numbered: dict[int, tuple[Flow, _Queue]] = {}
        self._free = list(range(FLOWS_MAX, 0, -1))
        self._later: dict[int, array[int]] = {}  # by minute; the low byte is the number of the queue
        self._turns: Turns[Flow] = Turns()
        self.waiting = self.far = 0

    def __len__(self) -> int:
        return self.waiting + self.far

    def put(self, flow: Flow, offset: int, not_before_ms: int, now_ms: int) -> None:
        """A place whose time comes then."""
        queue = self._queue(flow)
        if not_before_ms > now_ms + FAR_MS:
            minute = self._later.setdefault(not_before_ms // FAR_MS, array("Q"))
            minute.append(offset << 8 | queue.number)
            queue.far += 1
            self.far += 1
        else:
            queue.offsets.append(offset)
            self.waiting += 1

    def _queue(self, flow: Flow) -> _Queue:
        queue = self._queues.get(flow)
        if queue is None and not self._free:
            flow = _ALL
            queue = self._queues.get(flow)
        if queue is None:
            queue = _Queue(self._free.pop() if flow != _ALL else 0)
            self._queues[flow] = queue
            self._numbered[queue.number] = flow, queue
        return queue

    def holds(self, flow: Flow) -> bool:
        """Whether places of this flow wait whose time has come."""
        queue = self._queues.get(flow)
        return queue is not None and len(queue.offsets) > 0

    def ripe(self) -> list[Flow]:
        """The flows of which places wait whose time has come."""
        return [flow for flow, queue in self._queues.items() if len(queue.offsets)]

    # -- what is taken

    def take(self, count: int, now_ms: int, shut: Shut) -> tuple[list[int], set[Flow]]:
        """At most `count` places, ascending, and of which flows they are: who had least gives first."""
        self._wake(now_ms)
        taken: list[int] = []
        flows: set[Flow] = set()
        while len(taken) < count and (waiting := self._open(now_ms, shut)):
            for flow in self._turns.order(waiting):
                run = self._run(flow, min(TURN_MAX, count - len(taken)))
                if run:
                    self._turns.took(flow, len(run))
                    taken += run
                    flows.add(flow)
        return sorted(taken), flows

    def _open(self, now_ms: int, shut: Shut) -> list[Flow]:
        """Flows with places that may be taken; it is noted since when the others are shut."""
        found = []
        for flow, queue in self._queues.items():
            if not shut(flow):
                queue.shut_ms = None
                if len(queue.offsets):
                    found.append(flow)
            elif queue.shut_ms is None:
                queue.shut_ms = now_ms
        return found

    def old(self, count: int, is_old: Callable[[Flow, int], bool]) -> tuple[list[int], set[Flow]]:
        """At most `count` of the first places of flows whose first one is too old, shut or not."""
        for flow, queue in self._queues.items():
            if count and len(queue.offsets) and is_old(flow, queue.offsets.first):
                return self._run(flow, count), {flow}
        return [], set()

    def _run(self, flow: Flow, count: int) -> list[int]:
        queue = self._queues[flow]
        run = queue.offsets.take(count)
        queue.given = True
        self.waiting -= len(run)
        self._drop(flow, queue)
        return run

    def _drop(self, flow: Flow, queue: _Queue) -> None:
        """A flow without places has no queue."""
        if not len(queue.offsets) and not queue.far:
            del self._queues[flow], self._numbered[queue.number]
            if queue.number:
                self._free.append(queue.number)

    def _wake(self, now_ms: int) -> None:
        """Those whose minute has begun queue behind the others."""
        for minute in sorted(minute for minute in self._later if minute * FAR_MS <= now_ms):
            self._ripen(self._later.pop(minute))

    def hasten(self, places: Container[int]) -> None:
        """Of these none waits for its time any more."""
        for minute, later in list(self._later.items()):
            early = [place for place in later if place >> 8 in places]
            if early:
                self._later[minute] = array("Q", (place for place in later if place >> 8 not in places))
                if not self._later[minute]:
                    del self._later[minute]
                self._ripen(early)

    def _ripen(self, far: Iterable[int]) -> None:
        """These waited by the minute, each with the number of its queue, and do no more."""
        for place in far:
            _, queue = self._numbered[place & 0xFF]
            queue.offsets.append(place >> 8)
            queue.far -= 1
            self.far -= 1
            self.waiting += 1

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Leaves out the places that are not wanted."""
        for queue in self._queues.values():
            queue.offsets.keep(wanted)
            queue.far = 0
        for minute, places in list(self._later.items()):
            kept = self._later[minute] = array("Q", (place for place in places if wanted(place >> 8)))
            for place in kept:
                self._numbered[place & 0xFF][1].far += 1
            if not kept:
                del self._later[minute]
        self.waiting = sum(len(queue.offsets) for queue in self._queues.values())
        self.far = sum(queue.far for queue in self._queues.values())
        for flow, queue in list(self._queues.items()):
            self._drop(flow, queue)

    # -- what is first

    def firsts(self) -> list[int]:
        """The first place of each flow that is not shut."""
        every = self._queues.values()
        return [queue.offsets.first for queue in every if len(queue.offsets) and queue.shut_ms is None]

    def since(self) -> Iterator[tuple[int, float]]:
        """Of each flow the first place, and until when another place of the same message may have been given: a copy
        that is still here must be known by its id. Of a flow that is shut since before anything of it was given, none
        was."""
        for queue in self._queues.values():
            if len(queue.offsets) and (queue.shut_ms is None or queue.given):
                yield queue.offsets.first, float("inf") if queue.shut_ms is None else queue.shut_ms
