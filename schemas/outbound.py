"""Records that go out: what is to be said, by whom it was asked, and until when it may be said."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.record import Record
from schemas.session import AnySendable, Template

SendClass = Literal["reply", "otp", "utility", "marketing"]


class OutboundMessage(Record):
    """One message to one person, on `outbound.replies` or `outbound.templates`.

    `to` is the address as the provider wrote it; `cause` the id of the event that it answers, `answers` those of
    messages that were told with it; `fallback` a template to send instead when the window is closed;
    `window_expires_ms` is when free-form sends end (0: no window is open; templates and controls need none); `attempt`
    counts deliberate sends from 1.
    """

    id: str
    tenant: str
    did: str
    contact: str
    to: str
    content: AnySendable
    send_class: SendClass = msgspec.field(name="class", default="reply")
    cause: str = ""
    agent: str = ""
    reply_to_id: str = ""
    window_expires_ms: int = 0
    not_before_ms: int = 0
    expires_ms: int = 0
    fallback: Template | None = None
    attempt: int = 1
    at_ms: int = 0
    answers: list[str] = []
