"""Asking: what a line tells the gate of one of its messages, and what it notes of those that are planned. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.gate import gate
from egress.lines.gate.gate import Question, Wait
from egress.lines.item import Item
from egress.lines.now import Now
from runtime import metrics
from schemas.session import Template
from schemas.tenant import Line as LineConfig
from schemas.tenant import Tenant

if TYPE_CHECKING:
    from egress.lines.line import Line


def question(line: Line, item: Item, tenant: Tenant, config: LineConfig, now: Now, ahead: int = 0) -> Question:
    """What the gate is asked of a message, `ahead` of which others go in the same call."""
    terms = line.rules.terms.get(tenant, config)
    paid = 0
    if terms.cap is not None:
        paid = line.rules.ledger.total(terms.name, terms.calendar.day(now.wall_ms)) + ahead
    return Question(
        item.message,
        now.wall_ms,
        terms,
        line.wishes.joined(item.contact, line.optouts.get(item.contact), tenant.tenant, now.wall_ms),
        paid,
        counted=bool(item.retry_of) and not item.resend_of,
        in_lane=item.reply,
        campaign=bool(item.campaign),
        stopped=line.stance.stops.templates,
        check_numbers=line.rules.settings.check_numbers,
    )


def window_of(line: Line, item: Item, now: Now) -> Wait | None:
    """The wait for its recipient's send window, if that is what keeps a message now."""
    tenant, config = line.owner(item)
    if item.reply or tenant is None or config is None:
        return None
    verdict = gate.RULES["send window"](question(line, item, tenant, config, now))
    return verdict if isinstance(verdict, Wait) else None


def learn_paid(line: Line, tenant: str, day: str, count: int) -> None:
    """What the line's record says was paid, by whoever owned it before; only before anything is granted."""
    line.paid.restore(day, count)
    line.rules.ledger.heard(line.did, tenant, line.paid.day, line.paid.count)


def is_capped(line: Line) -> bool:
    """Whether a daily cap rests on the line's count: then it must be exact over a crash."""
    tenant = line.rules.tenants.owner(line.did)
    config = tenant.line(line.did) if tenant is not None else None
    return tenant is not None and config is not None and line.rules.terms.get(tenant, config).cap is not None


def pay(line: Line, items: list[Item], now: Now) -> None:
    """Templates of a first attempt, or of one that may come twice, count among the tenant's paid messages."""
    tenant, config = line.owner(items[0])
    paid = sum(isinstance(i.message.content, Template) and (not i.retry_of or bool(i.resend_of)) for i in items)
    if not paid or tenant is None or config is None:
        return
    terms = line.rules.terms.get(tenant, config)
    metrics.counter(metrics.EGRESS_PAID).labels(tenant=terms.name).inc(paid)
    if not terms.fault:
        line.paid.add(paid, terms.calendar.day(now.wall_ms))
        line.rules.ledger.heard(line.did, terms.name, line.paid.day, line.paid.count)
