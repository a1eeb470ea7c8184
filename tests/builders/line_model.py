"""A partition between a Kafka and a Chattigo of a few lists, that can crash at any moment: for model-based tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from egress.chattigo.result import CallResult
from egress.lines import campaigns, parked, settling
from egress.lines.admission import PARKED
from egress.lines.book import NEVER_PLANNED
from egress.lines.incoming import Incoming
from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.partition import COMMANDS, COMMITTED, JOURNAL, LEARNED, Partition
from egress.lines.rules import Rules
from egress.lines.verdicts import decide
from egress.lines.work import Grant
from runtime.kafka.record import Record
from schemas import topics
from schemas.campaign import Chunk
from schemas.journal import CallOutcome, Plan
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome, merge
from schemas.record import decode, encode
from tests.builders.lines import at

ANSWERS = {
    "accept": CallResult(kind="accepted", status=200),
    "refuse": CallResult(kind="refused", status=400),
    "unreachable": CallResult(kind="not_sent"),
    "throttle": CallResult(kind="throttled", status=429, retry_after_s=2),
    "error_500": CallResult(kind="in_doubt", status=500),
    "error_500_taken": CallResult(kind="in_doubt", status=500),
    "time_out": CallResult(kind="in_doubt"),
    "time_out_taken": CallResult(kind="in_doubt"),
}
OVER = frozenset({"accepted", "refused", "settled"})
TAKEN = frozenset({"accept", "error_500_taken", "time_out_taken", "crash_after"})


@dataclass
class Model:
    """Call `step` with what Chattigo does to the calls that are granted; `crash` forgets all but the topics.

    While it is `slow`, parked messages that are fetched do not come; while it is `deaf`, none is read back. If it is
    `forgetful`, the journal keeps of calls that are over no more than the books of the lines do.
    """

    rules: Rules
    topics: dict[str, list[Record]] = field(default_factory=dict)
    offsets: Counter[str] = field(default_factory=Counter)
    accepted: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    seconds: float = 0.0
    slow: bool = False
    deaf: bool = False
    forgetful: bool = False

    def __post_init__(self) -> None:
        self._known: set[str] = set()
        self._known_end = 0
        self.crash()

    @property
    def now(self) -> Now:
        return at(self.seconds)

    def put(self, topic: str, *records: object, key: bytes = b"k") -> None:
        """Records that others write."""
        self._append([Record(topic, encode(record), key) for record in records])

    def _append(self, records: list[Record]) -> None:
        for record in records:
            self.topics.setdefault(record.topic, []).append(record)

    def _incoming(self, topic: str, start: int) -> list[Incoming]:
        records = self.topics.get(topic, [])
        return [Incoming(topic, 0, n, r.key, r.value, list(r.headers)) for n, r in enumerate(records) if n >= start]

    def crash(self) -> None:
        """The process ends; the next one recovers from the topics alone."""
        self.partition = Partition(0, self.rules, {topic: self.offsets[topic] for topic in (*COMMITTED, PARKED)})
        for topic in LEARNED:
            forgotten = self._forgotten() if topic == JOURNAL else set()
            for incoming in self._incoming(topic, 0):
                if incoming.offset in forgotten:
                    continue
                if topic != COMMANDS or incoming.offset < self.offsets[topic]:
                    self.partition.learn(incoming, self.now)
        for incoming in self._incoming(PARKED, self.offsets[PARKED]):
            self.partition.learn(parked.bare(incoming), self.now)
        self.partition.recover(self.now)
        self.orders: list[parked.Order] = []
        self._read = {topic: self.offsets[topic] for topic in COMMITTED}
        for topic in ("campaigns", "optouts", PARKED):
            self._read[topic] = len(self.topics.get(topic, []))

    def _forgotten(self) -> set[int]:
        """Offsets of the journal that a forgetful one no longer has."""
        if not self.forgetful:
            return set()
        records = [topics.EGRESS_JOURNAL.decoder().decode(r.value) for r in self.topics.get(JOURNAL, [])]
        over = {one.plan_id for one in self.outcomes() if one.result in OVER and one.code != NEVER_PLANNED}
        last = {message.id: plan.plan_id for plan in self.plans() for message in plan.messages}
        over |= {plan.plan_id for plan in self.plans()} - set(last.values())
        gone = over - self._known
        return {n for n, record in enumerate(records[: self._known_end]) if record.plan_id in gone}

    def step(self, fate: str = "accept", seconds: float = 0.0) -> int:
        """Time passes, inputs are read, one cycle is committed, and all its calls meet the same fate."""
        self.seconds += seconds
        for topic, start in self._read.items():
            if topic == PARKED and self.deaf:
                continue
            fresh = self._incoming(topic, start)
            self._read[topic] = start + len(fresh)
            for incoming in fresh:
                self.partition.read(incoming, self.now)
        self._fetch()
        work, _ = self.partition.cycle(self.now, 10)
        if fate == "crash_uncommitted":
            self.crash()
            return 0
        self._append(work.records())
        lines = self.partition.lines.values()
        self._known = {entry.plan.plan_id for line in lines for entry in line.book.entries()}
        self._known_end = len(self.topics.get(JOURNAL, []))
        for (topic, _), offset in work.offsets.items():
            assert offset >= self.offsets[topic]
            self.offsets[topic] = offset
        for grant in work.grants:
            self._call(grant, fate)
        if fate.startswith("crash"):
            self.crash()
        return len(work.grants)

    def _call(self, grant: Grant, fate: str) -> None:
        if fate in TAKEN:
            self.accepted += [(m.contact, m.id) for m in grant.plan.messages]
        if fate.startswith("crash"):
            return
        line = self.partition.lines[grant.plan.did]
        account, settings = grant.channel.account, self.rules.settings
        verdict = settling.proven(line, decide(grant.plan, ANSWERS[fate], account, settings, self.now.wall_ms))
        self._append(settling.announcement(0, grant.plan, verdict.outcome))
        settling.settled(line, grant.items, verdict, self.now)

    def _fetch(self) -> None:
        for line, fetch in list(self.partition.fetches()):
            items = []
            for planned in fetch.messages:
                if campaigns.chunk_of(planned.source) is None:
                    value = self.topics[planned.source][planned.position].value
                    message, place = decode(value, OutboundMessage), (planned.source, planned.position)
                    items.append(Item(message, *place, self.now.s, reply=settling.in_lane(fetch.entry.plan)))
                else:
                    name, index = campaigns.chunk_of(planned.source) or ("", 0)
                    campaign, chunk = line.campaigns.get(name), self.chunks[index]
                    assert campaign is not None
                    row = chunk.recipients[planned.position]
                    items.append(campaigns.item_of(campaign, chunk, planned.position, row, self.now.s))
            line.coming.discard(fetch.entry.plan.plan_id)
            settling.revive(line, fetch, items, self.now)
        for line in self.partition.lines.values():
            for campaign, index, _ in line.campaigns.wanted(self.now.wall_ms):
                campaign.chunks[index] = self.chunks[index]
        self.orders += parked.orders(self.partition, self.now)
        while self.orders and not self.slow:
            order = self.orders.pop(0)
            found = {one.offset: one for one in self._incoming(PARKED, order.offsets[0])}
            parked.arrived(self.partition, order, found, self.now)

    def settle(self, limit: int = 400) -> None:
        """Chattigo accepts everything from now on, until nothing is left to do."""
        for _ in range(limit):
            self.step("accept", 5.0)
        assert self.idle

    @property
    def idle(self) -> bool:
        """Whether nothing waits and no call is open."""
        lines = self.partition.lines.values()
        return not any(line.waiting_replies or line.waiting_bulk or line.open_plans for line in lines)

    # -- what is on record

    def plans(self) -> list[Plan]:
        records = (topics.EGRESS_JOURNAL.decoder().decode(r.value) for r in self.topics.get("egress.journal", []))
        return [record for record in records if isinstance(record, Plan)]

    def outcomes(self) -> list[CallOutcome]:
        records = (topics.EGRESS_JOURNAL.decoder().decode(r.value) for r in self.topics.get("egress.journal", []))
        return [record for record in records if isinstance(record, CallOutcome)]

    def states(self) -> dict[str, str]:
        """What the public topic says of each message, as a reader merges it."""
        states: dict[str, str] = {}
        for record in self.topics.get("outcomes", []):
            outcome = decode(record.value, Outcome)
            for message_id in outcome.message_ids:
                states[message_id] = merge(states.get(message_id), outcome.state)
        return states
