"""What tests of the gate ask: a message, a moment, and whatever else the verdict depends on."""

from __future__ import annotations

from typing import Any

from egress.lines.gate.gate import Question, Refusal, Verdict, Wait, judge
from egress.lines.gate.terms import Terms
from schemas.outbound import OutboundMessage
from schemas.session import Template, TemplateButton
from schemas.tenant import Quiet, Tenant
from tests.builders.lines import DID, WALL, message, tenant

NIGHT = Quiet(start="21:00", end="09:00")


def terms(**fields: Any) -> Terms:
    """Of the usual tenant, with these fields of its record."""
    only: Tenant = tenant(**fields)
    return Terms(only, only.lines[0])


def question(sent: OutboundMessage, now_ms: int = WALL, asked: Terms | None = None, **fields: Any) -> Question:
    return Question(sent, now_ms, asked or terms(), **({"check_numbers": False} | fields))


def code(verdict: Verdict) -> str:
    """The verdict in a word; empty for one that may go."""
    return verdict.code if isinstance(verdict, Refusal | Wait) else "" if verdict is None else type(verdict).__name__


def asked(sent: OutboundMessage, now_ms: int = WALL, of: Terms | None = None, **fields: Any) -> str:
    return code(judge(question(sent, now_ms, of, **fields)))


def order(name: str = "o", to: str = "5691", **fields: Any) -> OutboundMessage:
    """A template of category utility."""
    content = Template(name="order", language="es", body=["x"], buttons=[TemplateButton(0, "u")])
    return message(name, to, content, **({"send_class": "utility"} | fields))


def otp(name: str = "c", to: str = "5691", **fields: Any) -> OutboundMessage:
    return message(name, to, Template(name="code", language="es", body=["1"]), **({"send_class": "otp"} | fields))


__all__ = ["DID", "NIGHT", "asked", "code", "order", "otp", "question", "terms"]
