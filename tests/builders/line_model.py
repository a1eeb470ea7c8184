"""A partition between a Kafka and a Chattigo of a few lists, that can crash at any moment: for model-based tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import get_args

import msgspec

from egress.chattigo.result import CallResult
from egress.lines.campaigns import recipients
from egress.lines.gate.paid import Ledger
from egress.lines.gate.rules import Rules
from egress.lines.incoming import Incoming
from egress.lines.item import Item
from egress.lines.memory.journal import Rebuilding, decoded, recalled
from egress.lines.memory.segments import Segment
from egress.lines.now import Now
from egress.lines.pace.accounts import Accounts
from egress.lines.parking import parked
from egress.lines.partition import COMMANDS, COMMITTED, JOURNAL, LEARNED, TEMPLATES, Partition
from egress.lines.queues.admission import PARKED
from egress.lines.results import settling
from egress.lines.results.attempts import in_lane
from egress.lines.results.verdicts import decide
from egress.lines.work import Grant
from runtime.kafka.record import Record
from schemas import topics
from schemas.campaign import Chunk
from schemas.journal import CallOutcome, Plan
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome, merge
from schemas.parked import Kind
from schemas.record import decode, encode
from tests.builders.lines import at

ANSWERS = {
    "accept": CallResult(kind="accepted", status=200),
    "refuse": CallResult(kind="refused", status=400),
    "unreachable": CallResult(kind="not_sent"),
    "too_fast": CallResult(kind="throttled", status=429, code="130429"),
    "held": CallResult(kind="not_sent", code="paused"),
    "throttle": CallResult(kind="throttled", status=429, retry_after_s=2),
    "error_500": CallResult(kind="in_doubt", status=500),
    "error_500_taken": CallResult(kind="in_doubt", status=500),
    "time_out": CallResult(kind="in_doubt"),
    "time_out_taken": CallResult(kind="in_doubt"),
}
TAKEN = frozenset({"accept", "error_500_taken", "time_out_taken", "crash_after", "handed_over"})
_SPOILT = {
    "accept": "refuse",
    "crash_after": "crash_before",
    "time_out_taken": "time_out",
    "error_500_taken": "error_500",
    "handed_over": "crash_before",
}


@dataclass
class Model:
    """Call `step` with what Chattigo does to the calls that are granted; `crash` forgets all but the topics.

    A call with a `bad` recipient is refused whatever it would have met; `answered` are calls that were accepted or
    refused, `taken` those that reached people; inputs that are `lost` cannot be read again. Answers to session calls
    say the wamid if it is `named`. `recovered` counts the journal's records that the last recovery read. When the
    partition is `handed_over`, the calls under way are answered and put on record by the owner before. `shift_ms` is
    how far the wall clock was set. While it is `slow`, parked messages that are fetched do not come; while it is
    `deaf`, none is read back. A step reads at most `pace` single templates in their turn, all that there are if it is
    0; `scout` reads some before theirs.
    """

    rules: Rules
    topics: dict[str, list[Record]] = field(default_factory=dict)
    offsets: Counter[str] = field(default_factory=Counter)
    accepted: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    answered: list[Plan] = field(default_factory=list)
    taken: list[Plan] = field(default_factory=list)
    lost: set[tuple[str, int]] = field(default_factory=set)
    seconds: float = 0.0
    recovered: int = 0
    lag_s: float = 0.0
    named: bool = False
    slow: bool = False
    deaf: bool = False
    shift_ms: int = 0
    room: int = 10
    pace: int = 0

    def __post_init__(self) -> None:
        self._written_s: list[float] = []
        self.crash()

    @property
    def now(self) -> Now:
        moment = at(self.seconds)
        return moment._replace(wall_ms=moment.wall_ms + self.shift_ms)

    def put(self, topic: str, *records: object, key: bytes = b"k") -> None:
        """Records that others write."""
        headers = [("at", str(self.now.wall_ms).encode())] if topic == "inbound.receipts" else []
        self._append([Record(topic, encode(record), key, headers) for record in records])

    def _append(self, records: list[Record]) -> None:
        for record in records:
            self.topics.setdefault(record.topic, []).append(record)
            if record.topic == JOURNAL:
                self._written_s.append(self.seconds)

    def _incoming(self, topic: str, start: int) -> list[Incoming]:
        records = self.topics.get(topic, [])
        return [Incoming(topic, 0, n, r.key, r.value, list(r.headers)) for n, r in enumerate(records[start:], start)]

    def crash(self) -> None:
        """The process ends; the next one recovers from the topics alone, the journal being compacted by then."""
        self.rules = replace(self.rules, accounts=Accounts(), ledger=Ledger())
        self.partition = Partition(0, self.rules, {t: self.offsets[t] for t in (*COMMITTED, JOURNAL, PARKED)})
        kept = {incoming.offset: incoming for incoming in self._compacted()}
        start = self.offsets[JOURNAL]
        rebuilding = Rebuilding([incoming for offset, incoming in kept.items() if offset >= start], start)
        older = {offset: kept[offset] for offset in rebuilding.offsets() if offset in kept}
        self.recovered = len([offset for offset in kept if offset >= start]) + len(older)
        rebuilding.apply(self.partition, older, self.now)
        self.partition.checkpoints.passed(len(self.topics.get(JOURNAL, [])) - 1)
        for topic in (topic for topic in LEARNED if topic != JOURNAL):
            for incoming in self._incoming(topic, 0):
                if topic != COMMANDS or incoming.offset < self.offsets[topic]:
                    self.partition.learn(incoming, self.now)
        for incoming in self._incoming(PARKED, self.offsets[PARKED]):
            self.partition.learn(parked.bare(incoming), self.now)
        self.partition.recover(self.now)
        self.wanted: list[parked.Wanted] = []
        self._read = {topic: self.offsets[topic] for topic in COMMITTED}
        for topic in ("campaigns", "optouts", JOURNAL, PARKED):
            self._read[topic] = len(self.topics.get(topic, []))

    def _compacted(self) -> list[Incoming]:
        """The journal without records that a later one of their key replaces, if that is older than `lag_s`."""
        records, settled_s = self._incoming(JOURNAL, 0), self.seconds - self.lag_s
        last = {record.key: record.offset for record in records if self._written_s[record.offset] <= settled_s}
        return [record for record in records if last.get(record.key, record.offset) <= record.offset]

    def step(self, fate: str = "accept", seconds: float = 0.0) -> int:
        """Time passes, inputs are read, one cycle is committed, and all its calls meet the same fate."""
        self.seconds += seconds
        for topic, start in self._read.items():
            if topic == PARKED and self.deaf:
                continue
            fresh = self._incoming(topic, start)[: self.pace or None if topic == TEMPLATES else None]
            self._read[topic] = start + len(fresh)
            for incoming in fresh:
                self.partition.read(incoming, self.now)
        self._fetch()
        work, _ = self.partition.cycle(self.now, self.room)
        if fate == "crash_uncommitted":
            self.crash()
            return 0
        self._append(work.records())
        for (topic, _), offset in work.offsets.items():
            assert offset >= self.offsets[topic]
            self.offsets[topic] = offset
        for grant in work.grants:
            self._call(grant, fate)
        if fate.startswith("crash") or fate == "handed_over":
            self.crash()
        for grant in work.grants if fate == "handed_over" else []:
            self._answered_elsewhere(grant)
        return len(work.grants)

    def scout(self, *offsets: int) -> list[int]:
        """Reads these single templates before their turn, as far as there are such; which of them were taken."""
        there = [offset for offset in offsets if offset < len(self.topics.get(TEMPLATES, []))]
        found = [self._incoming(TEMPLATES, offset)[0] for offset in there]
        return [one.offset for one in found if self.partition.read_ahead(one, self.now)]

    def _call(self, grant: Grant, fate: str) -> None:
        if fate in TAKEN and self.bad.intersection(m.contact for m in grant.plan.messages):
            fate = _SPOILT[fate]
        if fate in ("accept", "refuse"):
            self.answered.append(grant.plan)
        if fate in TAKEN:
            self.accepted += [(m.contact, m.id) for m in grant.plan.messages]
            self.taken.append(grant.plan)
        if fate.startswith("crash") or fate == "handed_over":
            return
        line = self.partition.lines[grant.plan.did]
        account, settings = grant.channel.account, self.rules.settings
        result = ANSWERS[fate]
        if fate == "accept" and self.named and grant.plan.route == "session":
            result = msgspec.structs.replace(result, provider_ids=[f"wamid.{m.id}" for m in grant.plan.messages])
        self.rules.accounts.ended(account.key, grant.plan.plan_id, result, self.now.s, settings)
        verdict = settling.proven(line, decide(grant.plan, result, account, settings, self.now.wall_ms))
        self._append(settling.announcement(0, grant.plan, verdict.outcome))
        settling.settled(line, grant.items, verdict, self.now)

    def _answered_elsewhere(self, grant: Grant) -> None:
        verdict = decide(grant.plan, ANSWERS["accept"], grant.channel.account, self.rules.settings, self.now.wall_ms)
        if not self.bad.intersection(m.contact for m in grant.plan.messages):
            self._append(settling.announcement(0, grant.plan, verdict.outcome))

    def _chunk(self, campaign: str, index: int) -> Chunk:
        return next(chunk for chunk in self.chunks if (chunk.campaign, chunk.index) == (campaign, index))

    def _fetch(self) -> None:
        for line, fetch in list(self.partition.fetches()):
            items = []
            missing = [m for m in fetch.messages if (m.source, m.position) in self.lost]
            for planned in (m for m in fetch.messages if m not in missing):
                if recipients.chunk_of(planned.source) is None:
                    value = self.topics[planned.source][planned.position].value
                    message, place = decode(value, OutboundMessage), (planned.source, planned.position)
                    items.append(Item(message, *place, self.now.s, reply=in_lane(fetch.entry.plan)))
                else:
                    name, index = recipients.chunk_of(planned.source) or ("", 0)
                    campaign, chunk = line.campaigns.get(name), self._chunk(name, index)
                    assert campaign is not None
                    row = chunk.recipients[planned.position]
                    items.append(recipients.item_of(campaign, chunk, planned.position, row, self.now.s))
            line.coming.discard(fetch.entry.plan.plan_id)
            settling.revive(line, fetch, items, self.now)
            settling.vanished(line, fetch, missing, self.partition.work)
        self._look_up()
        for line in self.partition.lines.values():
            for campaign, index, _ in line.campaigns.wanted(self.now.wall_ms):
                campaign.chunks[index] = self._chunk(campaign.name, index)
        self.wanted += parked.wanted(self.partition, self.now, get_args(Kind))
        while self.wanted and not self.slow:
            wanted = self.wanted.pop(0)
            found = {one.offset: one for one in self._incoming(PARKED, wanted.offsets[0])}
            parked.arrived(self.partition, wanted, found, self.now)

    def _look_up(self) -> None:
        recalls, over = list(self.partition.recalls()), self.partition.over()
        compacted = {incoming.offset: incoming for incoming in self._compacted()} if recalls or over else {}
        for line, refs in recalls:
            recalled(line, refs, compacted)
        for line, ref in over:
            record = decoded(compacted[ref.offset])
            self.partition.checkpoints.expired(line, Segment.read(record, ref.offset))

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
        return [record for record in self._said() if isinstance(record, Plan)]

    def outcomes(self) -> list[CallOutcome]:
        return [record for record in self._said() if isinstance(record, CallOutcome)]

    def _said(self) -> list[object]:
        records = self.topics.get(JOURNAL, [])
        return [topics.EGRESS_JOURNAL.decoder().decode(r.value) for r in records if r.value is not None]

    def states(self) -> dict[str, str]:
        """What the public topic says of each message, as a reader merges it."""
        states: dict[str, str] = {}
        for record in self.topics.get("outcomes", []):
            outcome = decode(record.value, Outcome)
            for message_id in outcome.message_ids:
                states[message_id] = merge(states.get(message_id), outcome.state)
        return states
