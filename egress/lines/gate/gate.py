"""The gate: may this message go now? One pure function with an explained verdict; a refusal is an outcome.

The rules are asked in turn and the first that objects is the verdict; `explain` asks them all. But for what stands
still, those that refuse come before those that make a message wait, so nothing waits that could not go afterwards.
Everything is an argument: time, the tenant's terms, the person's opt-out, what was paid today, what stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from egress.lines.gate import numbers
from egress.lines.gate.terms import Terms
from egress.lines.gate.verdict import Fallback, Refusal, Verdict, Wait
from schemas import phone
from schemas.keys import SEPARATOR
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.session import Control, Template
from schemas.tenant import Line, Tenant

_NONE: frozenset[str] = frozenset()
_AT_ALL_HOURS = (frozenset({"otp"}), frozenset({"otp", "reply"}))
NUMBERS = frozenset("+0123456789(")

__all__ = ["RULES", "Fallback", "Question", "Refusal", "Verdict", "Wait", "at_admission", "explain", "judge"]


class Question(NamedTuple):
    """What is asked. `paid` are the tenant's paid messages of the day, with those that go before this one in its call;
    `counted` says that this one is among them already. `in_lane`: it has its place in a person's conversation.
    `standing` says why all sending stands still, `stopped` has the provider's codes by `name/language`.
    """

    message: OutboundMessage
    now_ms: int
    terms: Terms
    optout: Optout | None = None
    paid: int = 0
    counted: bool = False
    in_lane: bool = False
    campaign: bool = False
    standing: str = ""
    stopped: Mapping[str, str] = {}
    check_numbers: bool = True

    @property
    def number(self) -> str:
        """The recipient's number in its canonical form; what is none stays as it is."""
        return number_of(self.message.to)


def number_of(to: str) -> str:
    """The canonical form of a number; what is none stays as it is."""
    return phone.canonical(to) if to[:1] in NUMBERS else to


Rule = Callable[[Question], Verdict]


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


def judge(question: Question) -> Verdict:
    """The verdict at the moment of sending."""
    rules = _TEMPLATE_RULES if isinstance(question.message.content, Template) else _OTHER_RULES
    for rule in rules:
        verdict = rule(question)
        if verdict is not None:
            return verdict
    return None


def explain(question: Question) -> Iterator[tuple[str, Verdict]]:
    """Each rule by its name, with what it says alone."""
    return ((name, rule(question)) for name, rule in RULES.items())


# -- for all messages


def _standing(q: Question) -> Verdict:
    return Wait(0, "paused", q.standing) if q.standing else None


def _terms(q: Question) -> Verdict:
    return Refusal("tenant_invalid", f"tenant {q.terms.name}: {q.terms.fault}") if q.terms.fault else None


def _expiry(q: Question) -> Verdict:
    expired = 0 < q.message.expires_ms <= q.now_ms
    return Refusal("expired", "it was to be said earlier", "expired") if expired else None


def _number(q: Question) -> Verdict:
    if q.campaign and numbers.is_user_id(q.message.to):
        return Refusal("user_id", "a campaign's recipient is a user id, and no batch call is known to take one")
    return wrong_number(q.number, q.terms) if q.check_numbers else None


def wrong_number(number: str, terms: Terms) -> Refusal | None:
    """Why nothing can go to this number, in its canonical form."""
    if not numbers.plausible(number):
        if numbers.is_user_id(number):
            return None
        return Refusal("bad_number", "the recipient's number has not as many digits as numbers of its country have")
    if number in terms.own:
        return Refusal("own_number", "the recipient is the line itself (131021)")
    return None


def _session_window(q: Question) -> Verdict:
    message = q.message
    if isinstance(message.content, Template | Control) or q.now_ms < message.window_expires_ms:
        return None
    if message.fallback is not None:
        return Fallback(message.fallback)
    return Refusal("window_closed", "the 24-hour window is closed and no fallback template was named")


# -- for templates


def _template_status(q: Question) -> Verdict:
    content = q.message.content
    if not isinstance(content, Template):
        return None
    shape = q.terms.shape(content)
    if shape is None:
        reason = f"template {content.name} ({content.language}) is not in the catalogue"
        return Refusal("template_unknown", reason)
    if shape.unusable is None and q.stopped and shape.key in q.stopped:
        reason = f"template {shape.name} was stopped on this line by the provider ({q.stopped[shape.key]})"
        return Refusal("template_stopped", reason)
    return shape.unusable


def _template_parameters(q: Question) -> Verdict:
    content = q.message.content
    shape = q.terms.shape(content) if isinstance(content, Template) else None
    return shape.wrong(content) if shape is not None and isinstance(content, Template) else None


def categories(q: Question) -> frozenset[str]:
    """What a template counts as: its own category and what it was sent as, so that neither hides the other."""
    content = q.message.content
    shape = q.terms.shape(content) if isinstance(content, Template) else None
    return shape.categories(q.message.send_class) if shape is not None else _NONE


def _optout(q: Question) -> Verdict:
    if q.optout is None:
        return None
    unwanted = q.terms.covers(q.optout, categories(q))
    return Refusal("opted_out", f"the person opted out of {unwanted}") if unwanted else None


def goes_at_all_hours(q: Question) -> bool:
    """Whether no quiet hours hold for it, whoever gets it."""
    if q.terms.hours is None or q.in_lane or not isinstance(q.message.content, Template):
        return True
    return categories(q) in _AT_ALL_HOURS


def _send_window(q: Question) -> Verdict:
    if goes_at_all_hours(q):
        return None
    window = q.terms.window(q.number)
    opens_ms = window.opens_at(q.now_ms) if window is not None else q.now_ms
    if opens_ms is None:
        return Refusal("never_open", "in the zones of the recipient's number there is no hour that is quiet in none")
    if opens_ms <= q.now_ms:
        return None
    if 0 < q.message.expires_ms <= opens_ms:
        return Refusal("expired", "it expires before the quiet hours of its recipient are over", "expired")
    return Wait(opens_ms, "send_window", "it is a quiet hour where its recipient is")


def _daily_cap(q: Question) -> Verdict:
    cap = q.terms.cap
    if cap is None or q.counted or q.paid < cap or not isinstance(q.message.content, Template):
        return None
    next_ms = q.terms.calendar.ends_at(q.now_ms)
    reason = f"the tenant's {cap} paid messages of the day are used up"
    expires_ms = q.message.expires_ms
    waits = not q.in_lane and (expires_ms > next_ms or (q.campaign and not expires_ms))
    if waits and q.message.send_class in ("utility", "marketing"):
        return _after_the_cap(q, next_ms, reason)
    return Refusal("daily_cap", reason)


def _after_the_cap(q: Question, next_ms: int, reason: str) -> Verdict:
    """The next day may begin in quiet hours."""
    there = _send_window(q._replace(now_ms=next_ms))
    return there._replace(code="daily_cap", reason=reason) if isinstance(there, Wait) else there or Wait(
        next_ms, "daily_cap", reason
    )  # fmt: skip


RULES: dict[str, Rule] = {
    "pauses": _standing,
    "configuration": _terms,
    "expiry": _expiry,
    "number": _number,
    "24-hour window": _session_window,
    "template": _template_status,
    "parameters": _template_parameters,
    "opt-out": _optout,
    "send window": _send_window,
    "daily cap": _daily_cap,
}
"""By the names under which they are explained, in the order in which they are asked."""

_OF_TEMPLATES = (_template_status, _template_parameters, _optout, _send_window, _daily_cap)
_TEMPLATE_RULES = tuple(rule for rule in RULES.values() if rule is not _session_window)
_OTHER_RULES = tuple(rule for rule in RULES.values() if rule not in _OF_TEMPLATES)
