"""Always: what the gate would refuse of a campaign whenever it is asked, so that it need not be submitted. Pure.

Promises: the rules, the codes and the reasons are the gate's, asked of the messages that a line's owner would make.
What passes here may still wait or be refused: for an opt-out, a stop, a pause, the hour, the day's cap.
"""

from __future__ import annotations

from collections.abc import Sequence

from egress.lines.campaigns.recipients import personal
from egress.lines.gate import gate, routes
from egress.lines.gate.alike import Alike
from egress.lines.gate.gate import RULES, Question, Refusal, Verdict
from egress.lines.gate.terms import Terms
from schemas import phone
from schemas.campaign import Recipient
from schemas.outbound import OutboundMessage, SendClass
from schemas.session import Template
from schemas.tenant import Line, Tenant

# Asked of all recipients together, and of each alone.
WHOLE = ("configuration", "template")
EACH = ("number", "parameters")
_NEVER_OPEN = "never_open"


class Always:
    """One template of a tenant, to be sent by some lines as a campaign; `now_ms` is some moment of these days."""

    def __init__(
        self,
        template: Template,
        send_class: SendClass,
        tenant: Tenant,
        lines: Sequence[Line],
        now_ms: int,
        *,
        check_numbers: bool = True,
    ) -> None:
        self._template, self._tenant, self._lines = template, tenant, lines
        self._terms = [Terms(tenant, line) for line in lines]
        self._sample = OutboundMessage(
            id="sample",
            tenant=tenant.tenant,
            did=lines[0].did,
            contact="sample",
            to="sample",
            content=template,
            send_class=send_class,
        )
        self._questions = [
            Question(self._sample, now_ms, terms, campaign=True, check_numbers=check_numbers) for terms in self._terms
        ]
        # Lines with the same hours refuse the same people; each has numbers of its own.
        self._hours = list({line.quiet: q for line, q in zip(lines, self._questions, strict=True)}.values())
        self._owners = {number: q for q in self._questions for number in q.terms.own}
        alike = Alike.of(self._questions[0], 1) if len(self._hours) == 1 else None
        self._alike = alike if alike is not None and alike.takes(template) else None

    def of_all(self) -> Refusal | None:
        """What is wrong with it on some line, whoever gets it."""
        for line, question in zip(self._lines, self._questions, strict=True):
            refusal = gate.at_admission(self._sample, self._tenant, line) or _refused(
                *(RULES[n](question) for n in WHOLE)
            )
            channel = routes.channel(self._sample, self._tenant, line)
            if refusal is None and isinstance(channel, Refusal):
                refusal = channel
            if refusal is not None:
                return refusal
        return None

    def of(self, row: Recipient) -> Refusal | None:
        """What is wrong with one recipient, whichever line has it."""
        return None if self._passes(row) else self._judged(row)

    def _passes(self, row: Recipient) -> bool:
        """Whether a short look tells that nothing is: of most it does."""
        if self._alike is None or row.header or not row.to.isdigit():
            return False
        number = phone.canonical(row.to)
        return number not in self._owners and self._alike.passes(number, None, row.body, row.buttons)

    def _judged(self, row: Recipient) -> Refusal | None:
        content = personal(self._template, row)
        message = OutboundMessage(
            id=self._sample.id,
            tenant=self._sample.tenant,
            did=self._sample.did,
            contact=row.to,
            to=row.to,
            content=content,
            send_class=self._sample.send_class,
        )
        owner = self._owners.get(phone.canonical(row.to), self._questions[0])._replace(message=message)
        refusal = _refused(*(RULES[name](owner) for name in EACH))
        return refusal or next(filter(None, (self._never(q, message) for q in self._hours)), None)

    @staticmethod
    def _never(question: Question, message: OutboundMessage) -> Refusal | None:
        if question.terms.hours is None:
            return None
        refusal = _refused(RULES["send window"](question._replace(message=message)))
        return refusal if refusal is not None and refusal.code == _NEVER_OPEN else None


def _refused(*verdicts: Verdict) -> Refusal | None:
    return next((verdict for verdict in verdicts if isinstance(verdict, Refusal)), None)
