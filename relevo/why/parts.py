"""The parts of a story: what came in, what each agent heard and did, what was given up, and how names are masked."""

from __future__ import annotations

from typing import Literal, NamedTuple

from relevo.why.messages import MessageStory
from runtime.logs.redaction import redact_text
from schemas.record import Frozen

# `done`: its group has passed it; for a record that came again, what it held was known already. `unknown`: Kafka did
# not say how far its group is.
Standing = Literal["done", "duplicate", "pending", "dead", "unknown"]
# `spoke`: messages or orders left. `silent`: it was passed and nothing left. `note`: nobody handles it. `held`: it
# waits for the messages that may follow, or waited until nobody was to be told (`reason`).
AgentStanding = Literal["spoke", "silent", "held", "mute", "pending", "dead", "note", "unknown"]


class Arrived(Frozen):
    """A record of `inbound.conversations` that holds the event. `received_ms` is when we were given it."""

    place: str
    type: str
    received_ms: int
    standing: Standing
    replay: str = ""


class LetterStory(Frozen):
    """A dead letter of the event; `done` says whether it was put back or dropped."""

    address: str
    reason: str
    error: str
    by: str
    at_ms: int
    done: str = ""
    done_ms: int = 0


class OrderStory(Frozen):
    """A command or timer that an agent gave, and what that led to."""

    id: str
    kind: str
    place: str
    at_ms: int
    standing: Standing
    told: list[str] = []
    messages: list[MessageStory] = []


class Heard(Frozen):
    """What one agent was told and did. `rule` is the number of the rule that picked it, `default`, or `also`."""

    agent: str
    place: str
    at_ms: int
    kind: str
    standing: AgentStanding
    rule: str = ""
    reason: str = ""
    messages: list[MessageStory] = []
    orders: list[OrderStory] = []


class Rules(Frozen):
    """The decision as the tenant's present rules make it. `changed_ms` is when they were written if that was after the
    event; `agrees` is None where no decision is on record to compare with."""

    lines: list[str]
    changed_ms: int = 0
    agrees: bool | None = None


class Story(Frozen):
    """All of it. `what` says what kind of event it is; the owner and its epoch are as they were when it was routed."""

    id: str
    tenant: str
    line: str
    contact: str
    what: str = ""
    at_ms: int = 0
    owner: str = ""
    owner_epoch: int = 0
    window_expires_ms: int = 0
    late: bool = False
    caused_by: str = ""
    arrived: list[Arrived] = []
    letters: list[LetterStory] = []
    heard: list[Heard] = []
    also_told: list[str] = []
    messages: list[MessageStory] = []
    rules: Rules | None = None
    unreadable: list[str] = []


class Masks(NamedTuple):
    """How ids and numbers are shown: in clear what the person who asks has named already, or with `clear` all."""

    asked: str
    clear: bool

    def id(self, text: str) -> str:
        """A wamid is a phone number in base64."""
        named = bool(self.asked) and text.startswith(self.asked)
        return text if self.clear or named else redact_text(text)

    def contact(self, text: str) -> str:
        return text if self.clear or not text else f"…{text[-2:]}"
