"""A partition of lines: reads its inputs in order, and knows which of their offsets may be committed. No I/O.

Before it is recovered it only learns (journal, campaigns, opt-outs, commands); what its inputs bring meanwhile is
kept in order. Promises: an offset is committed only when its record is planned, refused, parked, or without effect; a
record that cannot be read becomes a dead letter. Leaves to the owner: reading, committing, posting, fetching.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from egress.lines import commands, intake
from egress.lines.campaigns import ending, following
from egress.lines.campaigns.recipients import chunk_of
from egress.lines.gate.rules import Rules
from egress.lines.incoming import Incoming
from egress.lines.item import REPLIES, Item
from egress.lines.line import Line
from egress.lines.memory import journal
from egress.lines.memory.book import REFUSED_MS
from egress.lines.memory.checkpoint import Checkpoints
from egress.lines.memory.entry import Entry
from egress.lines.memory.index import Returns
from egress.lines.now import Now
from egress.lines.pace import signals
from egress.lines.pace.stance import STATE
from egress.lines.parking import parked, withheld
from egress.lines.parking.lot import Lot
from egress.lines.process.fetching import Fetch
from egress.lines.queues import admission
from egress.lines.queues.admission import PARKED
from egress.lines.queues.crowd import Crowd
from egress.lines.queues.turns import Turns, share
from egress.lines.receipts import claims
from egress.lines.results import doubts, endings, settling
from egress.lines.tracker import Tracker
from egress.lines.work import Work
from runtime import logs, metrics
from schemas import keys, topics
from schemas.campaign import Chunk
from schemas.journal import PlanRef, RefusedRef, SegmentRef
from schemas.parked import Kind
from schemas.record import Decoder, RecordError

TEMPLATES = topics.OUTBOUND_TEMPLATES.name
COMMANDS = topics.LINES_COMMANDS.name
RECEIPTS = topics.INBOUND_RECEIPTS.name
JOURNAL = topics.EGRESS_JOURNAL.name
CAMPAIGNS = topics.CAMPAIGNS.name
OPTOUTS = topics.OPTOUTS.name

# Their offsets are the group's; the others are read from their beginning.
COMMITTED = (REPLIES, TEMPLATES, COMMANDS, RECEIPTS)
LEARNED = (JOURNAL, CAMPAIGNS, OPTOUTS, STATE, COMMANDS)

_INPUTS: dict[Kind, str] = {"reply": REPLIES, "urgent": TEMPLATES, "bulk": TEMPLATES}

# Behind one that waits so many records of an input are read before it is parked: a crash brings each of them back.
BEHIND_MAX = 50_000

REFRESH_S = 6 * 3600.0
TIDY_S = 60.0
# How far the clocks of owners may differ.
CLOCKS_MS = 600_000

_DECODERS = {topic.name: topic.decoder() for topic in topics.STATIC if topic.value is not None}
_log = logs.get(__name__)


class Partition:
    """`starts` are the first offsets to read of topics whose offsets are the group's; `crowd` is shared by a worker's
    partitions."""

    def __init__(self, number: int, rules: Rules, starts: Mapping[str, int], crowd: Crowd | None = None) -> None:
        self.number, self.rules = number, rules
        self._crowd = crowd or Crowd(rules.settings.worker_memory, rules.settings.line_memory)
        self.lines: dict[str, Line] = {}
        self.trackers = {topic: Tracker(starts[topic]) for topic in COMMITTED}
        self.lot = Lot(starts.get(PARKED, 0))
        self._committed = {topic: starts.get(topic, 0) for topic in (*COMMITTED, PARKED)}
        self.parked_already: set[tuple[str, int]] = set()  # inputs that come again
        self.withheld_copies: list[withheld.Learnt] = []  # of the recovery
        self._early: list[Incoming] = []
        self.orders = commands.Orders()
        self._refresh_s = 0.0
        self._turns: Turns[str] = Turns()
        self.recovered = False
        self.granting = True
        self.work = Work(0)
        self.chunks: dict[str, Chunk] = {}
        self.admitted: Counter[tuple[str, str]] = Counter()
        self.checkpoints = Checkpoints(number, COMMITTED, starts.get(JOURNAL, 0), rules.settings.checkpoint_records)

    def line(self, did: str, now: Now) -> Line:
        """The line with this number; made when it is first heard of."""
        line = self.lines.get(did)
        if line is None:
            line = self.lines[did] = Line(did, self.number, self.rules, self._crowd, self._finish, now)
        return line

    def _finish(self, topic: str, offsets: Sequence[int]) -> None:
        if topic == PARKED:
            for offset in offsets:
                self.lot.finish(offset)
        else:
            self.trackers[topic].finish_all(offsets)

    # -- what is read

    def learn(self, incoming: Incoming, now: Now) -> None:
        """A record from before the recovery barrier."""
        if incoming.topic == COMMANDS:
            if incoming.offset < self.trackers[COMMANDS].position:
                commands.learn_command(self, incoming, now)
        elif incoming.topic == STATE:
            commands.learn_state(self, incoming, now)
        elif incoming.topic == PARKED:
            parked.learn(self, incoming, now)
        else:
            self._follow(incoming, now, recovering=True)

    def recover(self, now: Now) -> None:
        """Everything up to the barrier was learnt; what came early is read now."""
        parked.learnt(self)
        self.cool(now)
        for line in self.lines.values():
            settling.restore(line, now)
        self.recovered = True
        early, self._early = self._early, []
        for incoming in early:
            self.read(incoming, now)

    def read(self, incoming: Incoming, now: Now) -> None:
        """A record of one of the partition's topics, in its order."""
        if not self.recovered:
            self._early.append(incoming)
        elif incoming.topic == PARKED:
            parked.read_back(self, incoming, now)
        elif incoming.topic not in COMMITTED:
            self._follow(incoming, now, recovering=False)
        elif self.trackers[incoming.topic].take(incoming.offset):
            intake.admit(self, incoming, now)

    def read_ahead(self, incoming: Incoming, now: Now) -> bool:
        """A record of `outbound.templates` before its turn; False where it is left to that."""
        return self.recovered and self.granting and intake.admit_ahead(self, incoming, now)

    def cool(self, now: Now) -> None:
        """Of the segments only those stay in memory that still answer."""
        for line in self.lines.values():
            line.book.index.cool(now.wall_ms, self.returns_of(line))

    def returns(self, topic: str, offset: int) -> bool:
        """Whether a crash would bring this record again: an offset of the group that is not committed."""
        return offset >= self._committed.get(topic, offset + 1) and not (topic == PARKED and self.lot.noted(offset))

    def _follow(self, incoming: Incoming, now: Now, *, recovering: bool) -> None:
        """Journal, campaigns, opt-outs. What cannot be read there is counted; nobody waits for it."""
        if incoming.topic == JOURNAL:
            (journal.learn if recovering else journal.hear)(self, incoming, now)
            return
        if incoming.topic == OPTOUTS:
            self._optout(incoming, now)
            return
        following.follow(self, incoming, now, recovering=recovering)

    def _optout(self, incoming: Incoming, now: Now) -> None:
        try:
            did, contact = keys.split(incoming.key or b"", 2)
            line = self.line(did, now)
            record = _DECODERS[OPTOUTS].decode(incoming.value) if incoming.value is not None else None
            line.wishes.heard(contact, record)
            if record is None:
                line.optouts.pop(contact, None)
            else:
                line.optouts[contact] = record
        except (RecordError, keys.KeyPartError) as error:
            _log.error("unreadable opt-out", offset=incoming.offset, problem=str(error))

    # -- what is done

    def cycle(self, now: Now, room: int) -> tuple[Work, int]:
        """Everything that can be decided now, and how many calls it grants."""
        work = self.work
        work.at_ms = now.wall_ms
        self.orders.carry_out(self, now)
        for line in self.lines.values():
            self._take_up(line, now, work)
        granted = self._grant(now, room, work) if self.granting else 0
        for line in self.lines.values():
            ending.write(line, now, work)
        for line in self.lines.values() if self.granting else ():
            line.wishes.tell(line.did, now.wall_ms, work)
            line.stance.tell(line, now, work)
        for line in self.lines.values():
            line.book.prune(now.wall_ms, self.rules.settings.sends_memory, _unindexed)
        self._park_behind(now)
        self._commit(work, now)
        for line in self.lines.values():
            endings.remember_refused(line, self._comes_back, now, work)
            self.checkpoints.forget_refused(line, lambda refused: self._is_over(refused, now))
        if self.granting:
            self.checkpoints.step(self.lines, self.returns_of, now, work)
        self.work = Work(now.wall_ms)
        self._count_admitted()
        self.recount()
        return work, granted

    def _take_up(self, line: Line, now: Now, work: Work) -> None:
        """What became of calls, by receipts, by time and by orders."""
        self._settle_receipts(line, now)
        doubts.declare_doubts(line, now, work)
        doubts.carry_out_orders(line, now, work)
        endings.bury(line, now, work)
        claims.act_on_left_out(line, now, work)
        claims.record(line, work)
        claims.take_up_failed(line, now)
        withheld.park(line, now, work)
        doubts.resend_silent(line, now)
        journal.repeat(line, now, work)

    def _grant(self, now: Now, room: int, work: Work) -> int:
        """The lines' calls, shared out where room is short: who had least comes first."""
        for line in self.lines.values():
            signals.pause_campaigns(line)
        granted, expired = 0, 0
        for line in self.lines.values():
            expired += ending.step(line, now, work, ending.EXPIRED_A_CYCLE - expired)
        hungry = self._turns.order(did for did, line in self.lines.items() if line.hungry)
        asked = set(hungry)
        for left, did in zip(range(len(hungry), 0, -1), hungry, strict=True):
            calls = self.lines[did].grant(now, share(room - granted, left), work)
            if calls:
                self._turns.took(did, calls)
                granted += calls
        for did, line in self.lines.items():
            if did not in asked:
                line.grant(now, 0, work)
            endings.close_refused(line, now, work)
            ending.finish(line, now)
            admission.park_old(line, now, work)
            self._tidy(line, now, work)
        return granted

    def _count_admitted(self) -> None:
        admitted = metrics.counter(metrics.EGRESS_MESSAGES)
        for (tenant, send_class), count in self.admitted.items():
            admitted.labels(tenant=tenant, message_class=send_class, outcome="admitted").inc(count)
        self.admitted.clear()

    def _park_behind(self, now: Now) -> None:
        """Where too much was read behind messages that wait, the older half of them is parked."""
        for kind, topic in _INPUTS.items():
            tracker = self.trackers[topic]
            if tracker.behind >= BEHIND_MAX:
                for line in self.lines.values():
                    admission.park_open(line, kind, "waits", now, self.work, before=tracker.middle)

    def _commit(self, work: Work, now: Now) -> None:
        self.lot.expect(work.echoes)
        if now.s >= self._refresh_s:
            # A group's offsets of a topic to which it does not subscribe expire, a week after they were committed last.
            self._refresh_s = now.s + REFRESH_S
            every = self._committed | {JOURNAL: self.checkpoints.committed}
            work.offsets.update({(topic, self.number): offset for topic, offset in every.items()})
        for topic, tracker in self.trackers.items():
            self._move(topic, tracker.position, work)
            self.lot.committed(topic, tracker.position)
        self._move(PARKED, self.lot.position, work)
        self.lot.forget(self._committed[PARKED])
        parked.note_done(self, work)

    def _move(self, topic: str, position: int, work: Work) -> None:
        if position > self._committed[topic]:
            self._committed[topic] = position
            work.offsets[topic, self.number] = position

    def _comes_back(self, item: Item) -> bool:
        return self.returns(item.source, item.position) or self.lot.returns(item.id)

    def _is_over(self, refused: RefusedRef, now: Now) -> bool:
        """Whether a message that was refused cannot come back any more."""
        if not refused.source:
            return refused.at_ms < now.wall_ms - REFUSED_MS
        message_ids = (refused.id, refused.id.rpartition("@")[0])  # a run's own refusal names the run
        return not self.returns(refused.source, refused.position) and not any(map(self.lot.returns, message_ids))

    def returns_of(self, line: Line) -> Returns:
        """Whether a crash would bring back a message of a segment, from an input or from the parked topic, or whether
        a second copy of one may wait there since before it was sent."""
        waiting = [place for parking in line.parkings.values() for place in parking.since()]
        spans = [(self.lot.open_since_ms - CLOCKS_MS, float("inf"))]
        spans += [(self.lot.since_ms(offset) - CLOCKS_MS, until_ms + CLOCKS_MS) for offset, until_ms in waiting]
        return lambda segment: (
            segment.returns(self._committed)
            or any(segment.to_ms >= since_ms and segment.from_ms <= until_ms for since_ms, until_ms in spans)
        )

    def _tidy(self, line: Line, now: Now, work: Work) -> None:
        """Once in a while: campaigns stay for days."""
        if now.s >= line.tidied_s + TIDY_S:
            line.tidied_s = now.s
            for parking in line.parkings.values():
                parking.passed(self.lot.position)
            ending.tidy(line, now, work)

    def _settle_receipts(self, line: Line, now: Now) -> None:
        for waiting, place in line.receipts.settle(line.book, now.s, partial(claims.awaits_answer, line)):
            if place is not None:
                claims.claim(line, waiting, place, now, self.work)
            intake.decided(self, waiting.letter, now, orphan=place is None)

    @property
    def anchor(self) -> int:
        """The anchor's committed position: a transaction without news of offsets carries it for the fence."""
        return self._committed[REPLIES]

    @property
    def early(self) -> int:
        """Records that wait for the recovery."""
        return len(self._early)

    def next_at(self, now: Now) -> float:
        """When there may be something to do that nothing announces."""
        return min((line.next_at(now) for line in self.lines.values()), default=float("inf"))

    @property
    def hungry(self) -> bool:
        """Whether some line has something to send."""
        return any(line.hungry for line in self.lines.values())

    def waiting(self) -> tuple[int, int]:
        """Replies and bulk that wait in memory, or will in a moment."""
        lines = self.lines.values()
        bulk = sum(line.waiting("bulk") + line.waiting("urgent") for line in lines)
        return sum(line.waiting("reply") for line in lines), bulk

    def recount(self) -> None:
        """Tells the crowd how many wait here now."""
        self._crowd.recount(self.number, sum(line.all_in_the_way for line in self.lines.values()))

    @property
    def unwritten(self) -> int:
        """Messages that were parked and are not in a transaction yet."""
        return len(self.work.echoes)

    # -- what is fetched

    def chunk_offset(self, line: Line, source: str) -> int | None:
        """Where the chunk stands that a plan's source names."""
        named = chunk_of(source)
        campaign = line.campaigns.get(named[0]) if named else None
        chunks = campaign.contents.chunks if campaign is not None and campaign.contents is not None else []
        return chunks[named[1]].offset if named is not None and named[1] < len(chunks) else None

    def fetches(self) -> Iterator[tuple[Line, Fetch]]:
        """What is to be read again for another attempt; each is named once."""
        for line in self.lines.values():
            wanted, line.fetches = line.fetches, []
            line.coming.update(fetch.entry.plan.plan_id for fetch in wanted)
            yield from ((line, fetch) for fetch in wanted)

    def recalls(self) -> Iterator[tuple[Line, list[PlanRef]]]:
        """Settled plans that left memory and that receipts ask for."""
        for line in self.lines.values():
            refs = line.book.wanted()
            if refs:
                yield line, refs

    def over(self) -> list[tuple[Line, SegmentRef]]:
        """Segments whose horizon has passed; each is named once."""
        over, self.checkpoints.over = self.checkpoints.over, []
        return over


def _unindexed(entry: Entry) -> bool:
    return not entry.indexed


CHUNK_DECODER: Decoder = _DECODERS[topics.CAMPAIGNS_CHUNKS.name]
MESSAGE_DECODER: Decoder = _DECODERS[REPLIES]
