"""Holds: what keeps a whole campaign for a while, so that its recipients need not be looked at one by one. Pure.

The tenant's paid messages of the day are used up, or it is a quiet hour for everybody (in one zone, whoever the
recipients are). The campaign stays `running`, with why in its progress, and goes on by itself. Nothing of it is on
record otherwise: a new owner finds the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.gate.gate import Wait
from egress.lines.gate.terms import OTP, Terms
from egress.lines.now import Now

if TYPE_CHECKING:
    from egress.lines.campaigns.campaign import Campaign
    from egress.lines.line import Line

_TELLS = "until "


def of(line: Line, campaign: Campaign, now: Now) -> Wait | None:
    """What keeps the campaign now; None for nothing."""
    terms = _terms(line, campaign)
    if terms is None or terms.fault:
        return None
    window = terms.everybody if _is_quiet_for(terms, campaign) else None
    opens_ms = window.opens_at(now.wall_ms) if window is not None else now.wall_ms
    if opens_ms is not None and opens_ms > now.wall_ms:
        return Wait(opens_ms, "send_window", "it is a quiet hour")
    if _room(line, terms, now) == 0:
        return Wait(terms.calendar.ends_at(now.wall_ms), "daily_cap", "the tenant's paid messages are used up")
    return None


def room(line: Line, campaign: Campaign, now: Now) -> int:
    """How many of its recipients may go in the next call, as far as the day's paid messages are concerned."""
    terms = _terms(line, campaign)
    left = _room(line, terms, now) if terms is not None and not terms.fault else None
    return line.batch_max if left is None else max(1, left)


def tell(line: Line, now: Now) -> None:
    """Each campaign's progress says why it is held, once, and that it is held no longer."""
    for campaign in line.campaigns.able(now.wall_ms):
        hold = of(line, campaign, now)
        why = f"{_TELLS}{hold.until_ms}: {hold.code}, {hold.reason}" if hold else ""
        if why != campaign.why and (why or campaign.why.startswith(_TELLS)):
            campaign.why, campaign.touched = why, True


def _room(line: Line, terms: Terms, now: Now) -> int | None:
    if terms.cap is None:
        return None
    return max(0, terms.cap - line.rules.ledger.total(terms.name, terms.calendar.day(now.wall_ms)))


def _terms(line: Line, campaign: Campaign) -> Terms | None:
    tenants, definition = line.rules.tenants, campaign.definition
    tenant = tenants.tenant(definition.tenant) if definition is not None else None
    config = tenant.line(line.did) if tenant is not None else None
    return line.rules.terms.get(tenant, config) if tenant is not None and config is not None else None


def _is_quiet_for(terms: Terms, campaign: Campaign) -> bool:
    """One-time passwords go at all hours; of a template that is not known the gate says so."""
    definition = campaign.definition
    shape = terms.shape(definition.template) if definition is not None else None
    if definition is None or shape is None:
        return False
    return frozenset({shape.category, definition.send_class}) - {"reply"} != OTP
