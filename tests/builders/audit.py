"""What a cluster and Chattigo's ledger hold after a run, made by hand: honest steps, and steps with a planted fault.

Each step writes to both sides and notes in `expected` what an audit must name because of it. Offsets are counted
here, so that the same records can be read without a broker (`messages`) or produced to empty topics (`records`).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Message

from relevo.audit.provider import Provider, read_entries
from runtime.kafka.record import Record
from sandbox.chattigo import ledger
from schemas import ids, keys, topics
from schemas.content import Text as Heard
from schemas.dead_letter import Cause, source
from schemas.headers import Headers
from schemas.inbound import InboundEvent
from schemas.journal import CallOutcome, Plan, PlannedMessage
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome, State
from schemas.record import encode
from schemas.session import Template, Text
from schemas.token import LoginAttempt, Token, attempt_record
from tests.builders import webhooks

DID = webhooks.LINE
AGENT = "menu"
NOW = 1_700_000_100_000
PARTITION = keys.partition(DID, topics.LAPTOP.partitions)


class Placed(NamedTuple):
    """A record and where it stands."""

    record: Record
    offset: int

    def message(self) -> Message:
        """As it would be read."""
        record = self.record
        return Message(  # type: ignore[call-arg]
            topic=record.topic,
            partition=record.partition,
            offset=self.offset,
            key=record.key,
            value=record.value,
            headers=list(record.headers),
        )


class History:
    """A run under way. `expected` counts the names that an audit must report, by what it calls them."""

    def __init__(self, first: int = 0) -> None:
        """Names are numbered from `first` on: those of two runs of one cluster must not meet."""
        self.placed: list[Placed] = []
        self.entries: list[ledger.Entry] = []
        self.expected: dict[str, list[str]] = defaultdict(list)
        self.tally: Counter[str] = Counter()
        self._ends: Counter[str] = Counter()
        self._number = first
        self._call = 0

    @property
    def records(self) -> list[Record]:
        return [one.record for one in self.placed]

    @property
    def messages(self) -> list[Message]:
        return [one.message() for one in self.placed]

    @property
    def provider(self) -> Provider:
        return read_entries(self.entries)

    def put(self, topic: str, value: bytes | None, kind: str, *more: tuple[str, bytes], at_ms: int = NOW) -> int:
        """A record on the line's partition; its offset."""
        headers = Headers(id="x", type=kind, tenant="acme", at_ms=at_ms).to_kafka()
        offset = self._ends[topic]
        self._ends[topic] += 1
        self.placed.append(Placed(Record(topic, value, b"k", (*headers, *more), PARTITION), offset))
        return offset

    def take_back(self) -> None:
        """The last record was never written."""
        self._ends[self.placed.pop().record.topic] -= 1

    def name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}.{self._number}"

    def person(self) -> str:
        self._number += 1
        return f"569{self._number:08d}"

    # -- in

    def webhook(self, body: Any, events: Sequence[str] = (), receipts: Sequence[str] = (), acked: bool = True) -> bytes:
        """A POST in the ledger; its bytes."""
        data = msgspec.json.encode(body)
        self.entries.append(
            ledger.Webhook(
                post=1, attempt=1, did=DID, format="cloud", events=list(events), receipts=list(receipts),
                status=200 if acked else 503, acked=acked, last=True, duplicate=False, bytes=len(data), took_ms=5,
            )
        )  # fmt: skip
        self.tally["acked" if acked else "failed"] += 1
        return data

    def arrived(self, events: Sequence[str], times: int = 1) -> str:
        """Events in one acknowledged POST that stands in Kafka `times`; where it stands first."""
        body = webhooks.cloud(webhooks.cloud_value(messages=[webhooks.cloud_text(wamid=one) for one in events]))
        offsets = []
        for _ in range(times):
            data = self.webhook(body, events)
            offsets.append(self.put(topics.INBOUND_CONVERSATIONS.name, data, "webhook"))
        return source(topics.INBOUND_CONVERSATIONS.name, PARTITION, offsets[0])

    def to_agent(self, event: str, kind: str = "event", *more: tuple[str, bytes], tenant: str = "acme") -> None:
        value = InboundEvent(
            id=event,
            tenant=tenant,
            did=DID,
            contact="1",
            reply_to="1",
            kind="message",
            at_ms=NOW,
            content=Heard(body="x"),
        )
        self.put(topics.agent(AGENT).name, encode(value), kind, *more)

    def letter(self, topic: topics.Topic, value: bytes, kind: str, at: str) -> None:
        """A dead letter of the record at `at`."""
        cause = Cause(reason="failed", error="why", source=at, at_ms=NOW).headers([])
        self.put(topics.dead_letters(topic).name, value, kind, *cause)

    # -- out

    def asked(
        self, contact: str, topic: topics.Topic = topics.OUTBOUND_REPLIES, message: str = "", **fields: Any
    ) -> str:
        """A message that was accepted for sending."""
        name = message or self.name("message")
        content = Text(body="hola") if topic is topics.OUTBOUND_REPLIES else Template(name="order", language="es")
        value = OutboundMessage(id=name, tenant="acme", did=DID, contact=contact, to=contact, content=content, **fields)
        self.put(topic.name, encode(value), "message")
        return name

    def parked(self) -> tuple[str, str]:
        """A message that is kept on the parked topic, and its person."""
        message = self.asked(who := self.person(), topics.OUTBOUND_PARKED)
        self.outcome([message], "parked")
        return message, who

    def planned(
        self,
        people: dict[str, str],
        root: str = "",
        attempt: int = 1,
        resend_of: str = "",
        tenant: str = "acme",
        source: str = topics.OUTBOUND_REPLIES.name,
    ) -> Plan:
        """A plan for these messages (id to person): one session message, or with a root id a batch."""
        digest = digest_of(root or "".join(people.values()))
        plan = Plan(
            plan_id=ids.plan_id(people, attempt), tenant=tenant, did=DID, account="isv|u", lane=not root,
            route="batch" if root else "session", send_class="utility" if root else "reply",
            messages=[PlannedMessage(one, who, who, source, 0) for one, who in people.items()],
            digest=digest, deadline_ms=NOW, at_ms=NOW, attempt=attempt, resend_of=resend_of, root_id=root,
        )  # fmt: skip
        self.put(topics.EGRESS_JOURNAL.name, encode(plan), "plan")
        return plan

    def taken(self, plan: Plan) -> None:
        """Chattigo accepts the call of a plan."""
        self._call += 1
        sent = [self._accepted(plan, who) for who in plan.messages]
        call = ledger.Call(
            call=self._call, method="POST", path="/", route="isv.send", status=200, accepted=True, digest=plan.digest
        )
        self.entries += [*sent, call]

    def _accepted(self, plan: Plan, to: PlannedMessage) -> ledger.Entry:
        common: dict[str, Any] = {"call": self._call, "account": "u", "did": DID, "contact": to.contact}
        common["wamid"] = self.name("wamid")
        if not plan.root_id:
            return ledger.Message(service="isv", to=to.to, kind="text", body={}, **common)
        return ledger.Recipient(
            destination=to.to, destination_id=None, root_id=plan.root_id, template="order", language="es",
            namespace="", bot_attention=True, parameters="", position=0, **common,
        )  # fmt: skip

    def became(self, plan: Plan, state: State) -> None:
        """The outcome of a plan's messages."""
        call = CallOutcome(plan_id=plan.plan_id, did=DID, result="accepted", at_ms=NOW)
        self.put(topics.EGRESS_JOURNAL.name, encode(call), "outcome")
        self.outcome([one.id for one in plan.messages], state, plan.send_class)

    def outcome(self, messages: list[str], state: State, send_class: Any = "reply") -> None:
        value = Outcome(
            tenant="acme",
            did=DID,
            state=state,
            at_ms=NOW + 70,
            message_ids=messages,
            contacts=[],
            send_class=send_class,
        )
        self.put(topics.OUTCOMES.name, encode(value), "outcome")

    def login(self, account: str, generation: int, on_record: bool = True) -> None:
        """Chattigo gives a token, and the lease keeps it; before that it says that it will log in."""
        attempt = LoginAttempt(at_ms=NOW, until_ms=NOW, failures=1, kind="unheard", declared="x", under_way=True)
        if on_record:
            self.put(topics.TOKENS.name, encode(attempt_record(account, attempt)), "attempt")
        self._call += 1
        service, _, user = account.partition("|")
        login = ledger.Login(call=self._call, service=service, account=user, ok=True, token=generation)
        call = ledger.Call(call=self._call, method="POST", path="/", route="isv.login", status=200, accepted=True)
        self.entries += [login, call]
        token = Token(
            account=account, generation=generation, token="sealed", obtained_ms=NOW, refresh_ms=NOW, dies_ms=NOW
        )
        self.put(topics.TOKENS.name, encode(token), "token")

    def sent(self, contact: str = "", topic: topics.Topic = topics.OUTBOUND_REPLIES, **fields: Any) -> Plan:
        """An honest message, all the way."""
        who = contact or self.person()
        message = self.asked(who, topic, **fields)
        plan = self.planned({message: who}, root=f"root-{message}" if topic is topics.OUTBOUND_TEMPLATES else "")
        self.taken(plan)
        self.became(plan, "accepted")
        return plan


def digest_of(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
