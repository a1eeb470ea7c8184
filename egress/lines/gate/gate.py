"""The gate: may this message go now? One pure function with an explained verdict; a refusal is an outcome."""

from __future__ import annotations

from typing import NamedTuple

from schemas.keys import SEPARATOR
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.outcome import State
from schemas.session import Control, Template
from schemas.tenant import Line, TemplateSpec, Tenant


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


Verdict = Refusal | Fallback | None
"""None: it may go."""


def at_admission(message: OutboundMessage, tenant: Tenant | None, line: Line | None) -> Refusal | None:
    """What is wrong with a message whoever else waits: its tenant, its line, its form."""
    if tenant is None:
        return Refusal("tenant_unknown", f"no tenant {message.tenant} is configured")
    if not tenant.active:
        return Refusal("tenant_inactive", f"tenant {message.tenant} is not active")
    if line is None:
        return Refusal("line_unknown", f"the line does not belong to tenant {message.tenant}")
    if not message.id or SEPARATOR in message.id:
        return Refusal("no_id", "the message's id is empty or could be no key")
    if not message.to or not message.contact or SEPARATOR in message.contact:
        return Refusal("no_recipient", "the message names no recipient")
    return None


def judge(message: OutboundMessage, now_ms: int, tenant: Tenant, optout: Optout | None) -> Verdict:
    """The verdict at the moment of sending."""
    if message.expires_ms and now_ms >= message.expires_ms:
        return Refusal("expired", "it was to be said earlier", "expired")
    content = message.content
    if isinstance(content, Template):
        return _template(message, content, tenant, optout)
    if isinstance(content, Control):
        return None
    if now_ms >= message.window_expires_ms:
        if message.fallback is not None:
            return Fallback(message.fallback)
        return Refusal("window_closed", "the 24-hour window is closed and no fallback template was named")
    return None


def _template(message: OutboundMessage, template: Template, tenant: Tenant, optout: Optout | None) -> Refusal | None:
    spec = tenant.template(template.name, template.language)
    if spec is None:
        return Refusal("template_unknown", f"template {template.name} ({template.language}) is not in the catalogue")
    if not spec.enabled:
        return Refusal("template_disabled", f"template {template.name} ({template.language}) is disabled")
    if (wrong := _parameters(template, spec)) is not None:
        return wrong
    category = spec.category if message.send_class == "reply" else message.send_class
    if optout is not None and _covers(optout, category):
        return Refusal("opted_out", f"the person opted out of {category}")
    return None


def _parameters(template: Template, spec: TemplateSpec) -> Refusal | None:
    if len(template.body) != spec.body:
        return Refusal(
            "template_parameters", f"template {spec.name} takes {spec.body} body parameters, not {len(template.body)}"
        )
    if len(template.buttons) != len(spec.buttons):
        return Refusal(
            "template_parameters",
            f"template {spec.name} takes {len(spec.buttons)} button parameters, not {len(template.buttons)}",
        )
    return None


def _covers(optout: Optout, category: str) -> bool:
    """Empty categories: all but OTP."""
    return category in optout.categories if optout.categories else category != "otp"
