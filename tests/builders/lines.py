"""What unit tests of lines are built of: a tenant, rules, messages, and a moment."""

from __future__ import annotations

from typing import Any

from egress.lines.gate.rules import Rules
from egress.lines.item import Item
from egress.lines.now import Now
from runtime.settings import EgressSettings
from schemas.journal import Plan, PlannedMessage
from schemas.outbound import OutboundMessage
from schemas.session import AnySendable, Template, Text
from schemas.tenant import Account, ButtonSpec, Line, TemplateSpec, Tenant

DID = "56911111111"
WALL = 1_700_000_000_000
START = Now(WALL, 1000.0)


def at(seconds: float) -> Now:
    """So many seconds after the start."""
    return Now(WALL + round(seconds * 1000), 1000.0 + seconds)


def tenant(**fields: Any) -> Tenant:
    accounts = {
        "isv": Account(service="isv", base="http://isv", username="i", password="x", auth="raw"),
        "hsm": Account(service="hsm", base="http://hsm", username="h", password="x"),
    }
    line = Line(did=DID, sends="isv", templates="hsm", rate=10_000, batch_max=fields.pop("batch_max", 1000))
    templates = [
        TemplateSpec(name="promo", language="es", category="marketing", body=1),
        TemplateSpec(name="order", language="es", category="utility", body=1, buttons=[ButtonSpec(index=0)]),
        TemplateSpec(name="code", language="es", category="otp", body=1),
        TemplateSpec(name="off", language="es", enabled=False),
    ]
    defaults = {"tenant": "acme", "accounts": accounts, "lines": [line], "templates": templates}
    return Tenant(**(defaults | fields))


class OneTenant:
    """The read model of tenants with a single one in it."""

    def __init__(self, only: Tenant) -> None:
        self.only = only

    def tenant(self, name: str) -> Tenant | None:
        return self.only if name == self.only.tenant else None

    def line(self, did: str) -> Line | None:
        return self.only.line(did)

    def owner(self, did: str) -> Tenant | None:
        return self.only if self.only.line(did) else None


def rules(only: Tenant | None = None, **settings: Any) -> Rules:
    """Numbers are as short as a test likes, unless it says `check_numbers`."""
    return Rules(EgressSettings(**({"check_numbers": False} | settings)), OneTenant(only or tenant()))


def message(
    name: str = "m", contact: str = "5691", content: AnySendable | None = None, **fields: Any
) -> OutboundMessage:
    window: dict[str, Any] = {"window_expires_ms": 10**13}  # open, unless a test says otherwise
    return OutboundMessage(
        id=name,
        tenant="acme",
        did=DID,
        contact=contact,
        to=contact,
        content=content or Text(body=name),
        **(window | fields),
    )


def promo(name: str, contact: str, **fields: Any) -> OutboundMessage:
    return message(name, contact, Template(name="promo", language="es", body=["x"]), send_class="marketing", **fields)


def reply_item(name: str, contact: str = "5691", position: int = 0, **fields: Any) -> Item:
    return Item(message(name, contact, **fields), "outbound.replies", position, 1000.0, pending=True)


def template_item(name: str, contact: str = "5691", position: int = 0, **fields: Any) -> Item:
    return Item(promo(name, contact, **fields), "outbound.templates", position, 1000.0, pending=True)


def plan(plan_id: str = "p", contacts: tuple[str, ...] = ("5691",), **fields: Any) -> Plan:
    messages = [PlannedMessage(f"{plan_id}-{c}", c, c, fields.pop("source", "outbound.replies"), 0) for c in contacts]
    defaults: dict[str, Any] = {
        "plan_id": plan_id,
        "tenant": "acme",
        "did": DID,
        "account": "isv|i",
        "route": "session",
        "send_class": "reply",
        "messages": messages,
        "digest": "d",
        "deadline_ms": WALL + 5000,
        "at_ms": WALL,
    }
    return Plan(**(defaults | fields))
