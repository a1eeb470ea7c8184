"""The model of a line, with receipts that may be early, late, repeated or lost, and a person who decides doubts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from egress.lines.memory.book import Book
from egress.lines.results import settling
from egress.lines.results.verdicts import decide
from egress.lines.work import Grant
from schemas import topics
from schemas.journal import CallOutcome, Plan
from schemas.line_command import DecideDoubt
from schemas.outbound import OutboundMessage
from schemas.record import decode
from schemas.topics import COMPACTION_LAG_MS
from tests.builders.egress import flat_notice
from tests.builders.line_model import ANSWERS, TAKEN, Model
from tests.builders.lines import DID

MOVED, MOVED_TAKEN = "crash_moved", "crash_moved_taken"
INPUTS = ("outbound.replies", "outbound.templates")


@dataclass
class DoubtModel(Model):
    """`elsewhere` are calls of an earlier owner that is not dead: the fates MOVED and MOVED_TAKEN leave them under way.
    `commands` counts a person's words."""

    lag_s: float = COMPACTION_LAG_MS / 1000
    elsewhere: list[Grant] = field(default_factory=list)
    commands: int = 0
    _journal: Book = field(default_factory=Book)
    _read_to: int = 0

    def _call(self, grant: Grant, fate: str) -> None:
        if fate == MOVED_TAKEN:
            self.taken.append(grant.plan)
        if fate in (MOVED, MOVED_TAKEN):
            self.elsewhere.append(grant)
        super()._call(grant, fate)

    def late_answer(self, grant: Grant, fate: str) -> None:
        """An earlier owner's call ends and goes on record, outside any transaction; the owner of now hears of it.

        Chattigo takes such a call only while its POST can run; what was not posted in time is not. What it had taken
        before the lines moved is accepted now, or nobody knows.
        """
        self.elsewhere.remove(grant)
        ends_ms = grant.plan.deadline_ms + self.rules.post_timeout_s(grant.plan) * 1000
        if any(plan is grant.plan for plan in self.taken):
            fate = "accept" if fate == "accept" else "time_out_taken"
        elif fate in TAKEN and self.now.wall_ms > ends_ms:
            fate = "time_out"
        elif fate in TAKEN:
            self.taken.append(grant.plan)
        settings, now_ms = self.rules.settings, self.now.wall_ms
        outcome = decide(grant.plan, ANSWERS[fate], grant.channel.account, settings, now_ms).outcome
        self._append(settling.announcement(0, grant.plan, outcome))
        journal = topics.EGRESS_JOURNAL.name
        for incoming in self._incoming(journal, self._read[journal]):
            self.partition.read(incoming, self.now)
        self._read[journal] = len(self.topics[journal])

    # -- what others do

    def receipt(self, plan: Plan, form: Literal["own_id", "wamid"], state: str, person: int = 0) -> None:
        """A true receipt for one person of a call that was taken; `own_id` names our id, `wamid` one never heard."""
        message = plan.messages[person % len(plan.messages)]
        if form == "own_id":
            body = flat_notice(DID, message.id, message.contact, {"sent": "SENT", "read": "READ"}[state])
        else:
            body = self._cloud(f"wamid.{plan.plan_id}.{message.id}", message.contact, state)
        self.put("inbound.receipts", body)

    def _cloud(self, wamid: str, contact: str, state: str) -> dict[str, Any]:
        status = {
            "id": wamid,
            "status": state,
            "timestamp": str(self.now.wall_ms // 1000),
            "recipient_id": contact,
        }
        value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": DID}, "statuses": [status]}
        change = {"field": "messages", "value": value}
        return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}

    def order(self, plan: Plan, action: Literal["resend", "drop"]) -> None:
        """A person's word on a plan, whether or not it is in doubt."""
        self.commands += 1
        at_ms = self.now.wall_ms
        command = DecideDoubt(
            id=str(self.commands), did=DID, at_ms=at_ms, by="ana", plan_id=plan.plan_id, action=action
        )
        self.put("lines.commands", command)

    # -- what is on record

    def journal(self) -> Book:
        """What a reader of the whole journal knows; read on from where the last call ended."""
        records = self.topics.get(topics.EGRESS_JOURNAL.name, [])
        decoder = topics.EGRESS_JOURNAL.decoder()
        for record in records[self._read_to :]:
            found = decoder.decode(record.value) if record.value is not None else None
            if isinstance(found, Plan):
                self._journal.add(found)
            elif isinstance(found, CallOutcome):
                self._journal.apply(found)
        self._read_to = len(records)
        return self._journal

    def inputs(self, topic: str) -> list[OutboundMessage]:
        """What was asked for on a topic, by offset."""
        return [decode(record.value, OutboundMessage) for record in self.topics.get(topic, [])]
