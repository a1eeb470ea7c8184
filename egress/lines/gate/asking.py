"""Asking: what a line tells the gate of one of its messages, and what it notes of those that are planned. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from egress.lines.campaigns.recipients import Rows
from egress.lines.gate import gate
from egress.lines.gate.alike import Alike
from egress.lines.gate.gate import Question, Wait
from egress.lines.item import Item
from egress.lines.now import Now
from runtime import metrics
from schemas.optout import Optout
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


def clear(line: Line, items: Sequence[Item], now: Now) -> list[bool]:
    """Of messages that wait for one call, each for the first time: which of them the gate lets go for sure. The others
    are judged one by one."""
    first = items[0]
    tenant, config = line.owner(first)
    if tenant is None or config is None or gate.at_admission(first.message, tenant, config) is not None:
        return [False] * len(items)
    alike = Alike.of(question(line, first, tenant, config, now), len(items))
    if alike is None or first.retry_of or first.part or line.campaigns.cancelled(first.campaign):
        return [False] * len(items)
    if isinstance(items, Rows):
        return _clear_rows(line, items, alike, now)
    optout, message = _optout_of(line, tenant.tenant, now), first.message
    messages = [item.message for item in items]
    same = {(one.tenant, one.send_class) for one in messages} == {(message.tenant, message.send_class)}
    if same and alike.let_all(messages):
        minds = alike.minds
        return [not minds(optout(item.contact)) for item in items]
    return [
        alike.lets(item.message, optout(item.contact))
        and item.message.tenant == message.tenant
        and item.message.send_class == message.send_class
        for item in items
    ]


def _clear_rows(line: Line, rows: Rows, alike: Alike, now: Now) -> list[bool]:
    """What all share is what the campaign says; only rows with a header of their own are looked at as messages."""
    message = rows[0].message
    if alike.expired(message.expires_ms) or not alike.takes(rows.template):
        return [False] * len(rows)
    optout, passes, own = _optout_of(line, message.tenant, now), alike.passes, gate.NUMBERS
    return [
        contact != "" and row.to[:1] in own and not row.header and passes(contact, optout(contact), body, buttons)
        for contact, row, body, buttons in zip(rows.contacts, rows.rows, rows.bodies, rows.buttons, strict=True)
    ]


def _optout_of(line: Line, tenant: str, now: Now) -> Callable[[str], Optout | None]:
    """What a person of the line does not want."""
    known = line.optouts.get
    if not len(line.wishes):
        return known
    return lambda contact: line.wishes.joined(contact, known(contact), tenant, now.wall_ms)


def window_of(line: Line, item: Item, owner: tuple[Tenant | None, LineConfig | None], now: Now) -> Wait | None:
    """The wait for its recipient's send window, if that is what keeps a message now."""
    tenant, config = owner
    if tenant is None or config is None or line.rules.terms.get(tenant, config).hours is None:
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


def pay(line: Line, items: Sequence[Item], now: Now) -> None:
    """Templates of a first attempt, or of one that may come twice, count among the tenant's paid messages."""
    tenant, config = line.owner(items[0])
    paid = len(items) if isinstance(items, Rows) else sum(map(_is_paid, items))
    if not paid or tenant is None or config is None:
        return
    terms = line.rules.terms.get(tenant, config)
    metrics.counter(metrics.EGRESS_PAID).labels(tenant=terms.name).inc(paid)
    if not terms.fault:
        line.paid.add(paid, terms.calendar.day(now.wall_ms))
        line.rules.ledger.heard(line.did, terms.name, line.paid.day, line.paid.count)


def _is_paid(item: Item) -> bool:
    return isinstance(item.message.content, Template) and (not item.retry_of or bool(item.resend_of))
