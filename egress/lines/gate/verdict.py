"""Verdicts of the gate: what may be said of a message, and the codes by which it is said.

None stands for "it may go". Every code of a refusal or a wait is in `CODES`; docs/gate.md has the same table, and
`Refusal` with another code than these comes from the provider (its number) or from later stages (docs/egress.md).
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.outcome import State
from schemas.session import Template


class Refusal(NamedTuple):
    """Why not. `code` is one of a few words; `reason` is for people and holds no text or number of a message.

    `counted` is the word in metrics where `code` is the provider's.
    """

    code: str
    reason: str
    state: State = "refused"
    counted: str = ""


class Fallback(NamedTuple):
    """The window is closed, but a template that the sender named may go instead."""

    template: Template


class Wait(NamedTuple):
    """Not now. `until_ms` is the first moment at which it would go, as things stand; 0: when a person says so."""

    until_ms: int
    code: str
    reason: str


Verdict = Refusal | Fallback | Wait | None
"""None: it may go."""

CODES: dict[str, str] = {
    "tenant_unknown": "no tenant of this name is configured",
    "tenant_inactive": "the tenant is switched off",
    "tenant_invalid": "the tenant's record names hours, a zone or a limit that cannot be read; apply its file again",
    "line_unknown": "the line does not belong to the tenant",
    "no_id": "the message has no id, or one that could be no key",
    "no_recipient": "the message names nobody",
    "paused": "all sending, the tenant's or the line's, stands still; it waits until a person resumes it",
    "expired": "its `expires_ms` is over, or will be before the send window opens",
    "bad_number": "the recipient's number has a length that its country has not, or is neither number nor user id",
    "own_number": "the recipient is the line itself (WhatsApp's 131021)",
    "user_id": "a campaign's recipient is named by a user id: a batch call is only known to take numbers",
    "window_closed": "the 24-hour window is closed and no fallback template was named",
    "template_unknown": "the catalogue has no such template in this language, and no other language goes instead",
    "template_disabled": "the catalogue says `enabled: false`",
    "template_status": "WhatsApp has not approved it, or has taken the approval back",
    "template_stopped": "the provider stopped it on this line, until a person resumes it",
    "template_parameters": "body, buttons or header take something else than the message has",
    "template_text": "a parameter is empty or has line breaks, tabs or more than four spaces in a row",
    "template_length": "a parameter, or the body with all of its parameters, is too long",
    "opted_out": "the person does not want messages of this category",
    "send_window": "these are quiet hours for the recipient; it waits until they are over",
    "never_open": "there is no hour at which it is not quiet in one of the recipient's zones",
    "daily_cap": "the tenant's paid messages of the day are used up; refused, or it waits for the next day",
}
