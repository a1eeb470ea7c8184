"""Doubts: which calls nobody knows the fate of, what will become of them, and a person's order that ends one.

Promises: the same answers as the line's owner gives, for its own book and rules are asked; an order is written once,
and carried out only when the journal says so. Reads committed records. Leaves the words to `relevo.cli.doubt`. Blocks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from confluent_kafka import Message

from egress.lines.gate.rules import Rules
from egress.lines.memory.book import Book
from egress.lines.memory.entry import Entry
from egress.lines.memory.firmness import RESEND_ORDERED, RESEND_REFUSED
from egress.lines.now import Now
from egress.lines.results.doubts import class_policy
from egress.lines.results.verdicts import POLICY_500, backoff_s, resent_by_policy
from relevo.audit.scan import scan
from runtime.kafka.offsets import end_offsets, offsets_since
from runtime.kafka.producer import Producer
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from schemas import ids, keys, topics
from schemas.headers import Headers
from schemas.journal import CallOutcome, Plan, PlannedMessage
from schemas.line_command import DecideDoubt
from schemas.outcome import Outcome
from schemas.record import RecordError, encode
from schemas.tenant import Line, Tenant

# `under_way`: no outcome yet, and its time is not over. `undeclared`: no outcome though it is. `resent`: a doubt
# whose messages a later attempt took up. The others are the firmest result on record.
Standing = Literal[
    "under_way", "undeclared", "in_doubt", "resent", "accepted", "refused", "not_sent", "throttled", "settled"
]
Action = Literal["resend", "drop"]

_CLOCKS_MS = 3_600_000  # how far clocks of machines may differ
_POLL_S = 0.3
_JOURNAL = topics.EGRESS_JOURNAL.decoder()
_OUTCOMES = topics.OUTCOMES.decoder()
_COMMANDS = topics.LINES_COMMANDS.decoder()


class DoubtError(ValueError):
    """The command cannot be done; the message says why and what to do."""


class Directory:
    """The tenants as they stand, asked as the owner of a line asks."""

    def __init__(self, tenants: dict[str, Tenant]) -> None:
        self._tenants = tenants

    def tenant(self, name: str) -> Tenant | None:
        return self._tenants.get(name)

    def owner(self, did: str) -> Tenant | None:
        return next((tenant for tenant in self._tenants.values() if tenant.line(did)), None)

    def line(self, did: str) -> Line | None:
        owner = self.owner(did)
        return owner.line(did) if owner else None


class Doubt(NamedTuple):
    """A plan that is in doubt now; `left` are its messages that no later attempt took up."""

    entry: Entry
    left: list[PlannedMessage]


class Coming(NamedTuple):
    """What happens by itself: `kind`, when (ms), and as what it will be on record."""

    kind: Literal["declared", "ordered", "policy", "nothing", "refused"]
    at_ms: int = 0
    why: str = ""


def wall(now_ms: int) -> Now:
    """The present for the owner's rules, all on the wall clock."""
    return Now(now_ms, now_ms / 1000)


def standing(book: Book, entry: Entry, rules: Rules, now_ms: int) -> Standing:
    """What a plan is now."""
    if entry.outcome is None:
        now = wall(now_ms)
        return "undeclared" if rules.doubt_at(entry.plan, now) <= now.s else "under_way"
    if entry.outcome.result == "in_doubt":
        return "in_doubt" if book.remaining(entry) else "resent"
    return entry.outcome.result


def coming(entry: Entry, rules: Rules, now_ms: int) -> Coming:
    """What the owner of the line will do about a doubt without being told."""
    plan, outcome = entry.plan, entry.outcome
    if outcome is None:
        return Coming("declared", int(rules.doubt_at(plan, wall(now_ms)) * 1000))
    if outcome.code == RESEND_ORDERED:
        return Coming("ordered", outcome.at_ms, "person")
    if outcome.code == RESEND_REFUSED:
        return Coming("refused", why=outcome.reason)
    account = rules.account(plan)
    if account is not None and resent_by_policy(outcome, account):
        pause_s, wanted = backoff_s(plan.tries, rules.settings), plan.tries < rules.settings.attempts_max
        why = POLICY_500
    else:
        policy = rules.resend(plan.tenant, plan.send_class)
        pause_s, wanted, why = policy.after_s, plan.tries <= policy.times, class_policy(plan)
    return Coming("policy", outcome.at_ms + int(pause_s * 1000), why) if wanted else Coming("nothing")


class Journal:
    """What all lines have planned and what became of it, as far as it still matters (as an owner keeps it)."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._books: dict[str, Book] = {}
        self.unreadable = 0

    def learn(self, record: Plan | CallOutcome) -> None:
        book = self._books.setdefault(record.did, Book())
        if isinstance(record, Plan):
            book.add(record)
            book.prune(self._now_ms)
        else:
            book.apply(record)

    def read(self, messages: Iterable[Message]) -> None:
        """Learns all of them; what cannot be read is counted."""
        for message in messages:
            try:
                record = _JOURNAL.decode(message.value()) if message.value() is not None else None
            except RecordError:
                self.unreadable += 1
                continue
            if isinstance(record, Plan | CallOutcome):
                self.learn(record)

    def doubts(self, rules: Rules) -> list[Doubt]:
        """All plans in doubt now, oldest first."""
        found = []
        for book in self._books.values():
            for entry in book.entries():
                if entry.open and standing(book, entry, rules, self._now_ms) in ("in_doubt", "undeclared"):
                    found.append(Doubt(entry, book.remaining(entry)))
        return sorted(found, key=lambda doubt: (doubt.entry.plan.at_ms, doubt.entry.plan.plan_id))


def read_journal(settings: KafkaSettings, did: str, now_ms: int) -> Journal:
    """The journal of all lines, or of the partition of one."""
    journal, topic = Journal(now_ms), topics.EGRESS_JOURNAL.name
    journal.read(read_partition(settings, topic, partition_of(settings, did)) if did else scan(settings, [topic]))
    return journal


def partition_of(settings: KafkaSettings, did: str) -> int:
    """The partition of a line's topics."""
    return keys.partition(did, topics.EGRESS_JOURNAL.count(topics.PROFILES[settings.profile]))


def find(settings: KafkaSettings, plan_id: str) -> Plan:
    """The plan with this id on any line; DoubtError when the journal has none."""
    wanted = f"{keys.SEPARATOR}{plan_id}".encode()
    for message in scan(settings, [topics.EGRESS_JOURNAL.name]):
        if (message.key() or b"").endswith(wanted) and message.value() is not None:
            record = _JOURNAL.decode(message.value())
            if isinstance(record, Plan) and record.plan_id == plan_id:
                return record
    raise DoubtError(
        f"the journal has no plan {plan_id!r} (of a call that is not in doubt it keeps two days); see: relevo doubt ls"
    )


class Chain:
    """A plan and all other attempts at its messages; `read` takes in what the journal says since the last time.

    `heard` is what was said of the plan itself, in order.
    """

    def __init__(self, settings: KafkaSettings, plan: Plan) -> None:
        self._settings, self.plan = settings, plan
        self._place = (topics.EGRESS_JOURNAL.name, partition_of(settings, plan.did))
        self._position = BEGINNING
        self._ids = {message.id for message in plan.messages}
        self.book, self.heard, self.unreadable = Book(), list[CallOutcome](), 0

    def read(self) -> Chain:
        end = end_offsets(self._settings, [self._place], committed=True)[self._place]
        for message in read_partition(self._settings, *self._place, self._position, end):
            key, value = message.key() or b"", message.value()
            if value is None or not key.startswith(self.plan.did.encode() + keys.SEPARATOR.encode()):
                continue
            try:
                self.learn(_JOURNAL.decode(value))
            except RecordError:
                self.unreadable += 1
        self._position = end
        return self

    def learn(self, record: object) -> None:
        if isinstance(record, Plan) and any(message.id in self._ids for message in record.messages):
            self.book.add(record)
        elif isinstance(record, CallOutcome):
            self.book.apply(record)
            if record.plan_id == self.plan.plan_id and not (record.message_id or record.order):
                self.heard.append(record)

    @property
    def entry(self) -> Entry:
        return self.book.add(self.plan)

    @property
    def left(self) -> list[PlannedMessage]:
        """The plan's messages that no later attempt took up."""
        return self.book.remaining(self.entry)

    @property
    def attempts(self) -> list[Entry]:
        """All attempts, oldest first."""
        return sorted(self.book.entries(), key=lambda entry: (entry.plan.attempt, entry.plan.at_ms))

    @property
    def resends(self) -> list[Plan]:
        """Attempts that were made because this plan was in doubt."""
        return [entry.plan for entry in self.attempts if entry.plan.resend_of == self.plan.plan_id]


def public_record(settings: KafkaSettings, chain: Chain) -> list[Outcome]:
    """What `outcomes` says of the plan's messages, in order; records of other messages are left out."""
    wanted = {message.id for message in chain.plan.messages}
    begin_ms = min(entry.plan.at_ms for entry in chain.attempts) - _CLOCKS_MS
    place = (topics.OUTCOMES.name, partition_of(settings, chain.plan.did))
    start = offsets_since(settings, [place], begin_ms).get(place)
    if start is None:
        return []
    end = end_offsets(settings, [place], committed=True)[place]
    read = (_OUTCOMES.decode(m.value()) for m in read_partition(settings, *place, start, end) if m.value() is not None)
    return [outcome for outcome in read if wanted.intersection(outcome.message_ids)]


class Ordered(NamedTuple):
    """A person's order on record, and why it was given."""

    order: DecideDoubt
    why: str


def orders(settings: KafkaSettings, plan: Plan) -> list[Ordered]:
    """The orders about a plan that `lines.commands` still holds, oldest first."""
    place = (topics.LINES_COMMANDS.name, partition_of(settings, plan.did))
    end = end_offsets(settings, [place], committed=True)[place]
    return list(_orders(read_partition(settings, *place, BEGINNING, end), plan.plan_id))


def _orders(messages: Iterable[Message], plan_id: str) -> Iterator[Ordered]:
    for message in messages:
        try:
            order = _COMMANDS.decode(message.value())
        except RecordError:
            continue  # a dead letter of egress, which says so
        if isinstance(order, DecideDoubt) and order.plan_id == plan_id:
            yield Ordered(order, order.why or _header_why(message))


def _header_why(message: Message) -> str:
    """Orders of before have their reason in a header."""
    why = dict(message.headers() or []).get("why") or b""
    return why.decode("utf-8", "replace") if isinstance(why, bytes) else why


def order_record(settings: KafkaSettings, plan: Plan, action: Action, by: str, why: str, now_ms: int) -> Record:
    """The order as it stands on `lines.commands`."""
    name = ids.digest("doubt", plan.did, plan.plan_id, action, str(now_ms))
    order = DecideDoubt(id=name, did=plan.did, at_ms=now_ms, by=by, plan_id=plan.plan_id, action=action, why=why)
    headers = Headers(id=name, type="doubt", tenant=plan.tenant, at_ms=now_ms).to_kafka()
    number = partition_of(settings, plan.did)
    return Record(topics.LINES_COMMANDS.name, encode(order), plan.did.encode(), headers, partition=number)


def write(settings: KafkaSettings, record: Record) -> None:
    """Returns when all in-sync replicas have it; DeliveryError when that is not known."""

    async def send() -> None:
        producer = Producer(settings)
        await producer.start()
        try:
            await producer.send_all([record])
        finally:
            await producer.stop()

    asyncio.run(send())


def wait(chain: Chain, met: Callable[[], bool], within_s: float) -> bool:
    """Reads the journal on until `met`; False when it was not within the time."""
    deadline = time.monotonic() + within_s
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
        chain.read()
    return True
