"""An item: one message on its way through a line, with where it came from and how often it was tried."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from egress.lines.incoming import Incoming
from schemas import phone, topics
from schemas.journal import BatchPart
from schemas.outbound import OutboundMessage
from schemas.parked import Kind

REPLIES = topics.OUTBOUND_REPLIES.name


@dataclass(slots=True, eq=False)
class Item:
    """`source` is a topic with `position` an offset, or `campaign/<id>/<chunk>` with a place in that chunk.

    `pending` says that the input's offset waits for this item to be planned or refused. `retry_of` is the plan of
    the attempt before, by which a batch that was not sent stays together; `resend_of` only stands where that plan
    may have reached a person, and goes on record. `wake_s` is when it may go, on the clock of `Now.s`;
    `cause_ms` is when the cause of the message was received. `replay` is the run that put it back from a dead letter,
    `first_attempt` the first one of that run. `part` is the part of a refused batch that it belongs to; `failed` the
    code with which an earlier attempt failed.

    `reply` says that the person's next reply waits for this one; it stays so wherever the message is read again.
    `record` is the input as it was read, until its offset is finished. `recipient` is the source and position that a
    plan names of a campaign's recipient that waited parked, or was withheld. `echoing` says that it was parked and that
    its place on `outbound.parked` is not known yet; then that is its source and position. `spared` attempts were not
    posted. `waited` says that it failed, was parked for its time, and goes again: not of the attempts after that one.
    `ahead` says that it was read before its turn. `kind` is the queue that it waits in.

    However the recipient's number was written, one person has one pace, one turn and one opt-out: the message's contact
    is the canonical form here. The address that it is sent to stays as it was written.
    """

    message: OutboundMessage
    source: str
    position: int
    since_s: float
    pending: bool = False
    attempt: int = 1
    wake_s: float = 0
    retry_of: str = ""
    resend_of: str = ""
    resend_why: str = ""
    campaign: str = ""
    cause_ms: int = 0
    replay: str = ""
    first_attempt: int = 1
    part: BatchPart | None = None
    failed: str = ""
    reply: bool = False
    record: Incoming | None = None
    echoing: bool = False
    recipient: tuple[str, int] = ("", -1)
    spared: int = 0
    waited: bool = False
    ahead: bool = False
    id: str = field(init=False)
    contact: str = field(init=False)
    kind: Kind = field(init=False)

    def __post_init__(self) -> None:
        message = self.message
        self.id, self.contact = message.id, phone.identity(message.contact)
        if self.contact != message.contact:
            self.message = msgspec.structs.replace(message, contact=self.contact)
        self.reply = self.reply or self.source == REPLIES
        self.kind = "reply" if self.reply else "urgent" if self.urgent else "bulk"

    def of_campaign(self, name: str) -> None:
        """It is a recipient of a campaign: of none when the name is empty."""
        self.campaign = name
        self.kind = "reply" if self.reply else "urgent" if self.urgent else "bulk"

    @property
    def place(self) -> tuple[str, int]:
        """Where a plan says that the message is to be found again."""
        return self.recipient if self.recipient[0] else (self.source, self.position)

    @property
    def deferred(self) -> bool:
        """Whether it is a recipient of a campaign that waited parked for its first attempt."""
        return bool(self.recipient[0]) and not self.retry_of

    @property
    def urgent(self) -> bool:
        """A one-time password beside the campaigns: it goes before bulk, and does not wait for bulk's debt."""
        return self.message.send_class == "otp" and not self.reply and not self.campaign

    def again(self, *, plan: str, wake_s: float, resend_why: str = "", spared: bool = False) -> Item:
        """The next attempt after `plan`; with a reason it is a deliberate resend. A `spared` one was not posted."""
        return replace(
            self,
            attempt=self.attempt + 1,
            spared=self.spared + spared,
            pending=False,
            wake_s=wake_s,
            waited=False,
            retry_of=plan,
            resend_of=plan if resend_why else "",
            resend_why=resend_why,
        )
