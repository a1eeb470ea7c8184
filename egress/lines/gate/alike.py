"""Alike: what the gate would say of each of many messages of one template, class and tenant on one line. Pure.

But for the person and the parameters it says the same of all, so those rules are asked once (`of`), with the
number of paid messages that there will be before the last of them. Then a short look at each is enough (`passes`).
Promises: what passes here, the gate lets go; `gate.judge` alone says why something may not. So what does not pass is
judged by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from egress.lines.gate import gate, numbers
from egress.lines.gate.catalogue import Shape
from egress.lines.gate.gate import RULES, Question
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.session import Template

# Asked once; of the others something depends on the person, or on what the person is told.
COMMON = ("pauses", "configuration", "template", "daily cap")
OWN = ("expiry", "number", "parameters", "opt-out", "send window")
_COMMON_RULES = tuple(RULES[name] for name in COMMON)


class Alike:
    """Messages of which those rules that are common have nothing to say."""

    def __init__(self, sample: Question, shape: Shape) -> None:
        self._now_ms, self._terms, self._shape = sample.now_ms, sample.terms, shape
        self._check_numbers, self._numbers_alone = sample.check_numbers, sample.campaign
        self._categories = gate.categories(sample)
        self._at_all_hours = gate.goes_at_all_hours(sample)

    @classmethod
    def of(cls, sample: Question, count: int) -> Alike | None:
        """So many that are like this one and go in one call; None where each must be judged by itself."""
        content = sample.message.content
        shape = sample.terms.shape(content) if isinstance(content, Template) else None
        last = sample._replace(paid=sample.paid + count - 1)
        if shape is None or any(rule(last) is not None for rule in _COMMON_RULES):
            return None
        return cls(sample, shape)

    def expired(self, expires_ms: int) -> bool:
        return 0 < expires_ms <= self._now_ms

    def takes(self, template: Template) -> bool:
        """Whether the header is right, and the kinds of the buttons."""
        return self._shape.takes(template)

    def passes(self, number: str, optout: Optout | None, body: Sequence[str], buttons: Sequence[str]) -> bool:
        """Whether one goes for sure, to this number in its canonical form and with these parameters, where the template
        without them is `takes` and not `expired`."""
        return self._reaches(number, optout) and self._shape.fits(body, buttons)

    def lets(self, message: OutboundMessage, optout: Optout | None) -> bool:
        """Whether this message goes for sure."""
        content = message.content
        if self.expired(message.expires_ms) or not isinstance(content, Template):
            return False
        return self._reaches(gate.number_of(message.to), optout) and self._shape.wrong(content) is None

    def let_all(self, messages: Sequence[OutboundMessage]) -> bool:
        """Whether all of these go for sure, to people who do not mind, as one short look tells."""
        contents = [message.content for message in messages]
        templates = [content for content in contents if isinstance(content, Template)]
        if len(templates) != len(contents) or not self._at_all_hours:
            return False
        if any(0 < message.expires_ms <= self._now_ms for message in messages):
            return False
        to = [message.to for message in messages]
        if self._numbers_alone and any(map(numbers.is_user_id, to)):
            return False
        if self._check_numbers and not (numbers.all_plausible(to) and self._terms.own.isdisjoint(to)):
            return False
        return self._shape.all_fit(templates)

    def minds(self, optout: Optout | None) -> bool:
        """Whether a person does not want it."""
        return optout is not None and bool(self._terms.covers(optout, self._categories))

    def _reaches(self, number: str, optout: Optout | None) -> bool:
        if self._numbers_alone and numbers.is_user_id(number):
            return False
        if self._check_numbers and gate.wrong_number(number, self._terms) is not None:
            return False
        if self.minds(optout):
            return False
        return self._at_all_hours or self._is_day(number)

    def _is_day(self, number: str) -> bool:
        window = self._terms.window(number)
        return window is None or window.opens_at(self._now_ms) == self._now_ms
