"""The gate's verdict on one message, with what each of its rules says, in the order in which they are asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from egress.lines.gate import gate, routes
from egress.lines.gate.gate import Question, Refusal, Verdict, Wait
from egress.lines.gate.terms import Terms
from relevo.gate.facts import Facts
from schemas import phone
from schemas.outbound import OutboundMessage, SendClass
from schemas.record import Frozen
from schemas.session import Template, TemplateButton
from schemas.tenant import Line, Tenant

Word = Literal["go", "refuse", "wait"]


class Step(Frozen):
    """What one rule says alone. `until_ms` is when it would say otherwise; 0: not by itself."""

    rule: str
    verdict: Word
    code: str = ""
    reason: str = ""
    until_ms: int = 0


class Explained(Frozen):
    """The verdict is that of the first step that objects."""

    tenant: str
    line: str
    template: str
    at_ms: int
    verdict: Word
    code: str = ""
    reason: str = ""
    until_ms: int = 0
    steps: list[Step] = []


class Asked(Frozen):
    """A template to somebody, as its sender would ask for it."""

    tenant: str
    line: str
    to: str
    name: str
    language: str
    body: list[str] = []
    header: list[str] = []
    buttons: list[str] = []
    send_class: SendClass | Literal[""] = ""
    expires_ms: int = 0
    in_lane: bool = False
    campaign: bool = False


def explain(asked: Asked, facts: Facts, now_ms: int, *, check_numbers: bool = True) -> Explained:
    """What would become of it at this moment, as far as is known."""
    message = _message(asked, facts.tenant)
    steps = list(_steps(message, asked, facts, now_ms, check_numbers))
    last = next((step for step in steps if step.verdict != "go"), Step(rule="", verdict="go"))
    return Explained(
        tenant=asked.tenant,
        line=asked.line,
        template=f"{asked.name}/{asked.language}",
        at_ms=now_ms,
        verdict=last.verdict,
        code=last.code,
        reason=last.reason,
        until_ms=last.until_ms,
        steps=steps,
    )


def _steps(message: OutboundMessage, asked: Asked, facts: Facts, now_ms: int, check_numbers: bool) -> Iterator[Step]:
    tenant = facts.tenant
    line = tenant.line(asked.line) if tenant is not None and facts.owner == tenant.tenant else None
    yield _step("tenant and line", gate.at_admission(message, tenant, line))
    if tenant is None or line is None:
        return
    question = _question(message, asked, facts, Terms(tenant, line), now_ms)._replace(check_numbers=check_numbers)
    yield from (_step(name, verdict) for name, verdict in gate.explain(question))
    yield _step("route", _route(message, tenant, line))


def _question(message: OutboundMessage, asked: Asked, facts: Facts, terms: Terms, now_ms: int) -> Question:
    paid = 0 if terms.fault else facts.ledger().total(terms.name, terms.calendar.day(now_ms))
    return Question(
        message,
        now_ms,
        terms,
        facts.optout,
        paid,
        in_lane=asked.in_lane,
        campaign=asked.campaign,
        standing=facts.standing(asked.line),
        stopped=facts.stopped(asked.line),
    )


def _route(message: OutboundMessage, tenant: Tenant, line: Line) -> Refusal | None:
    channel = routes.channel(message, tenant, line)
    return channel if isinstance(channel, Refusal) else None


def _step(rule: str, verdict: Verdict) -> Step:
    match verdict:
        case Refusal():
            return Step(rule=rule, verdict="refuse", code=verdict.code, reason=verdict.reason)
        case Wait():
            said = {"code": verdict.code, "reason": verdict.reason}
            return Step(rule=rule, verdict="wait", until_ms=verdict.until_ms, **said)
        case _:
            return Step(rule=rule, verdict="go")


def _message(asked: Asked, tenant: Tenant | None) -> OutboundMessage:
    """Without a class it is sent as what its template is."""
    spec = tenant.template(asked.name, asked.language) if tenant is not None else None
    taking = spec.taking if spec is not None else []
    kinds = [(button.index, button.type) for button in taking]
    kinds += [(index, "url") for index in range(len(kinds), len(asked.buttons))]
    template = Template(
        name=asked.name,
        language=asked.language,
        body=asked.body,
        header=asked.header,
        header_kind=spec.header if spec is not None and spec.header != "none" else "text",
        buttons=[TemplateButton(index, text, kind) for (index, kind), text in zip(kinds, asked.buttons, strict=False)],
    )
    return OutboundMessage(
        id="explained",
        tenant=asked.tenant,
        did=asked.line,
        contact=phone.identity(asked.to),
        to=asked.to,
        content=template,
        send_class=asked.send_class or (spec.category if spec is not None else "utility"),
        expires_ms=asked.expires_ms,
    )
