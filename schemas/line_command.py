"""Records of `lines.commands`: orders to a line's owner."""

from __future__ import annotations

from typing import Literal

from schemas.record import Record


class LineCommand(Record, tag_field="type"):
    """Every order says who gave it and when."""

    id: str
    did: str
    at_ms: int
    by: str


class ControlCampaign(LineCommand, tag="campaign"):
    """Pause, resume or cancel a campaign at the next border of a batch."""

    campaign: str
    action: Literal["pause", "resume", "cancel"]


class ControlLine(LineCommand, tag="line"):
    """Pause or resume all sending on the line. To resume also lifts what WhatsApp stopped on it, templates apart."""

    action: Literal["pause", "resume"]
    why: str = ""


class ResumeTemplate(LineCommand, tag="template"):
    """A template that WhatsApp paused or disabled may go again on the line."""

    name: str
    language: str


class DecideDoubt(LineCommand, tag="doubt"):
    """A person's decision about a plan in doubt, and the reason."""

    plan_id: str
    action: Literal["resend", "drop"]
    why: str = ""


AnyLineCommand = ControlCampaign | ControlLine | ResumeTemplate | DecideDoubt
