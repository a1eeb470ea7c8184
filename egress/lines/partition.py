"""A partition of lines: reads its inputs in order, and knows which of their offsets may be committed. No I/O.

Before it is recovered it only learns (journal, campaigns, opt-outs, commands); what its inputs bring meanwhile is
kept in order. Promises: an offset is committed only when its record is planned, refused, or without effect; a record
that cannot be read becomes a dead letter. Leaves to the owner: reading, committing, posting, fetching.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from egress.lines import claims, doubts, endings, journal, settling
from egress.lines.book import REFUSED_MS
from egress.lines.campaigns import chunk_of
from egress.lines.checkpoint import Checkpoints
from egress.lines.commands import command
from egress.lines.entry import Entry
from egress.lines.fetching import Fetch
from egress.lines.incoming import Incoming
from egress.lines.item import Item
from egress.lines.line import REPLIES, Line
from egress.lines.now import Now
from egress.lines.receipts import Letter, Waiting
from egress.lines.rules import Rules
from egress.lines.tracker import Tracker
from egress.lines.work import Work
from runtime import logs, metrics
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.campaign import Chunk, Progress
from schemas.chattigo import webhook
from schemas.dead_letter import Cause, source
from schemas.journal import PlanRef, SegmentRef
from schemas.line_command import ControlLine
from schemas.outbound import OutboundMessage
from schemas.record import Decoder, RecordError

TEMPLATES = topics.OUTBOUND_TEMPLATES.name
COMMANDS = topics.LINES_COMMANDS.name
RECEIPTS = topics.INBOUND_RECEIPTS.name
JOURNAL = topics.EGRESS_JOURNAL.name
CAMPAIGNS = topics.CAMPAIGNS.name
OPTOUTS = topics.OPTOUTS.name

# Their offsets are the group's; the others are read from their beginning.
COMMITTED = (REPLIES, TEMPLATES, COMMANDS, RECEIPTS)
LEARNED = (JOURNAL, CAMPAIGNS, OPTOUTS, COMMANDS)

# So many records may have been read behind one that waits: each is remembered, as a crash brings it back.
BEHIND_MAX = 100_000

_DECODERS = {topic.name: topic.decoder() for topic in topics.STATIC if topic.value is not None}
_log = logs.get(__name__)


class Partition:
    """`starts` are the first offsets to read of the committed topics, `journal_from` the journal's committed offset."""

    def __init__(self, number: int, rules: Rules, starts: Mapping[str, int], journal_from: int = 0) -> None:
        self.number, self.rules = number, rules
        self.lines: dict[str, Line] = {}
        self.trackers = {topic: Tracker(starts[topic]) for topic in COMMITTED}
        self._committed = dict(starts)
        self._early: list[Incoming] = []
        self.recovered = False
        self.granting = True
        self.work = Work(0)
        self.chunks: dict[str, Chunk] = {}
        self.checkpoints = Checkpoints(number, COMMITTED, journal_from, rules.settings.checkpoint_records)

    def line(self, did: str, now: Now) -> Line:
        """The line with this number; made when it is first heard of."""
        line = self.lines.get(did)
        if line is None:
            line = self.lines[did] = Line(did, self.number, self.rules, self._finish, now)
        return line

    def _finish(self, item: Item) -> None:
        if item.pending:
            item.pending = False
            self.trackers[item.source].finish(item.position)

    # -- what is read

    def learn(self, incoming: Incoming, now: Now) -> None:
        """A record from before the recovery barrier."""
        if incoming.topic == COMMANDS:
            self._learn_command(incoming, now)
        else:
            self._follow(incoming, now, recovering=True)

    def recover(self, now: Now) -> None:
        """Everything up to the barrier was learnt; what came early is read now."""
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
        elif incoming.topic not in COMMITTED:
            self._follow(incoming, now, recovering=False)
        elif self.trackers[incoming.topic].take(incoming.offset):
            self._admit(incoming, now)

    def _learn_command(self, incoming: Incoming, now: Now) -> None:
        """Pauses of lines are nowhere else: the commands that were carried out already say how a line stands."""
        if incoming.offset >= self.trackers[COMMANDS].position:
            return
        try:
            record = _DECODERS[COMMANDS].decode(incoming.value)
        except RecordError:
            return  # it became a dead letter when it was carried out
        if isinstance(record, ControlLine):
            self.line(record.did, now).paused = record.action == "pause"

    def _follow(self, incoming: Incoming, now: Now, *, recovering: bool) -> None:
        """Journal, campaigns, opt-outs. What cannot be read there is counted; nobody waits for it."""
        if incoming.topic == JOURNAL:
            (journal.learn if recovering else journal.hear)(self, incoming, now)
            return
        if incoming.topic == OPTOUTS:
            self._optout(incoming, now)
            return
        if incoming.value is None:
            return
        try:
            record = _DECODERS[incoming.topic].decode(incoming.value)
        except RecordError as error:
            _log.error("unreadable record", topic=incoming.topic, offset=incoming.offset, problem=str(error))
            return
        if recovering or not isinstance(record, Progress):
            self.line(record.did, now).campaigns.apply(record)

    def _optout(self, incoming: Incoming, now: Now) -> None:
        try:
            did, contact = keys.split(incoming.key or b"", 2)
            if incoming.value is None:
                self.line(did, now).optouts.pop(contact, None)
            else:
                self.line(did, now).optouts[contact] = _DECODERS[OPTOUTS].decode(incoming.value)
        except (RecordError, keys.KeyPartError) as error:
            _log.error("unreadable opt-out", offset=incoming.offset, problem=str(error))

    def _admit(self, incoming: Incoming, now: Now) -> None:
        try:
            if incoming.topic == RECEIPTS:
                self._receipts(incoming, now)
            elif incoming.topic == COMMANDS:
                command(self, _DECODERS[COMMANDS].decode(incoming.value), now)
                self.trackers[COMMANDS].finish(incoming.offset)
            else:
                self._message(incoming, now)
        except (RecordError, msgspec.DecodeError, RecursionError) as error:
            self._dead(incoming, "undecodable", str(error), now)

    def _message(self, incoming: Incoming, now: Now) -> None:
        message: OutboundMessage = _DECODERS[incoming.topic].decode(incoming.value)
        item = Item(message, incoming.topic, incoming.offset, now.s, pending=True, attempt=max(1, message.attempt))
        item.cause_ms, item.replay = incoming.at_ms or message.at_ms, incoming.replay
        admitted = metrics.counter(metrics.EGRESS_MESSAGES)
        admitted.labels(tenant=message.tenant, message_class=message.send_class, outcome="admitted").inc()
        self.line(message.did, now).admit(item, now, self.work)

    def _receipts(self, incoming: Incoming, now: Now) -> None:
        value = incoming.value or b""
        receipts = webhook.receipts(msgspec.json.decode(value))
        letter = Letter(
            incoming.offset, incoming.did, incoming.tenant, incoming.key, value, incoming.headers, len(receipts)
        )
        letter.at_ms = incoming.at_ms
        if not receipts:
            self.trackers[RECEIPTS].finish(incoming.offset)
        for receipt in receipts:
            line = self.line(receipt.did or incoming.did, now)
            if receipt.state in ("session", "other"):
                counted = metrics.counter(metrics.EGRESS_RECEIPTS)
                counted.labels(tenant=incoming.tenant, state=receipt.state).inc()
                self._decided(letter, now, orphan=False)
            else:
                line.receipts.add(Waiting(receipt, letter, now.s))

    def _decided(self, letter: Letter, now: Now, *, orphan: bool) -> None:
        letter.left -= 1
        letter.orphans += orphan
        if letter.left:
            return
        if letter.orphans:
            incoming = Incoming(RECEIPTS, self.number, letter.offset, letter.key, letter.value, letter.headers)
            metrics.counter(metrics.EGRESS_ORPHANS).labels(tenant=letter.tenant).inc(letter.orphans)
            self._dead(incoming, "orphan_receipt", f"{letter.orphans} receipts belong to no known send", now)
        else:
            self.trackers[RECEIPTS].finish(letter.offset)

    def _dead(self, incoming: Incoming, reason: str, error: str, now: Now) -> None:
        where = source(incoming.topic, self.number, incoming.offset)
        cause = Cause(reason=reason, error=error, source=where, at_ms=now.wall_ms, by="egress")
        topic = incoming.topic + topics.DEAD_LETTERS
        headers = cause.headers(incoming.headers)
        self.work.letter(Record(topic, incoming.value, incoming.key, headers, partition=self.number))
        self.trackers[incoming.topic].finish(incoming.offset)

    # -- what is done

    def cycle(self, now: Now, room: int) -> tuple[Work, int]:
        """Everything that can be decided now, and how many calls it grants."""
        work = self.work
        work.at_ms = now.wall_ms
        granted = 0
        for line in self._in_turn():
            self._settle_receipts(line, now)
            doubts.declare_doubts(line, now, work)
            doubts.carry_out_orders(line, now, work)
            endings.bury(line, now, work)
            claims.record_bindings(line, work)
            claims.take_up_failed(line, now)
            doubts.resend_silent(line, now)
            journal.repeat(line, work)
            if self.granting:
                granted += line.grant(now, room - granted, work)
                endings.close_refused(line, now, work)
                endings.finish_campaigns(line, now, work)
            line.book.prune(now.wall_ms, self.rules.settings.sends_memory, _unindexed)
        for topic, tracker in self.trackers.items():
            if tracker.position > self._committed[topic]:
                self._committed[topic] = tracker.position
                work.offsets[topic, self.number] = tracker.position
        for line in self.lines.values():
            endings.remember_refused(line, self._committed, now, work)
            self.checkpoints.forget_refused(line, self._committed, now.wall_ms - REFUSED_MS)
        if self.granting:
            self.checkpoints.step(self.lines, self._committed, now, work)
        self.work = Work(now.wall_ms)
        return work, granted

    def _in_turn(self) -> list[Line]:
        """All lines, another one first each time, so that none always comes last when room is short."""
        names = list(self.lines)
        if names:
            self.lines[names[0]] = self.lines.pop(names[0])
        return [self.lines[name] for name in names]

    def _settle_receipts(self, line: Line, now: Now) -> None:
        for waiting, place in line.receipts.settle(line.book, now.s):
            if place is not None:
                claims.claim(line, waiting, place, now, self.work)
            self._decided(waiting.letter, now, orphan=place is None)

    @property
    def committed(self) -> Mapping[str, int]:
        """The group's offsets of the inputs."""
        return self._committed

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

    def waiting(self) -> tuple[int, int]:
        """Replies and bulk that wait in memory."""
        lines = self.lines.values()
        return sum(line.waiting_replies for line in lines), sum(line.waiting_bulk for line in lines)

    def in_doubt(self) -> Counter[str]:
        """Messages in doubt by class."""
        counts: Counter[str] = Counter()
        for line in self.lines.values():
            counts.update(doubts.in_doubt(line))
        return counts

    def crowded(self, limit: float) -> set[str]:
        """Topics of which some line has as many messages waiting as may be, or too much was read behind one of them."""
        behind = limit / self.rules.settings.line_memory * BEHIND_MAX
        crowded = {topic for topic in (REPLIES, TEMPLATES) if self.trackers[topic].behind >= behind}
        if any(line.waiting_replies >= limit for line in self.lines.values()):
            crowded.add(REPLIES)
        if any(line.waiting_bulk >= limit for line in self.lines.values()):
            crowded.add(TEMPLATES)
        return crowded

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
