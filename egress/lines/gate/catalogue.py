"""The catalogue of templates: whether a message's template is what was approved. Pure.

WhatsApp refuses what does not fit (132000, 132005, 132012), on the batch route only after the message was taken. So
it is looked at before. Where a limit comes from stands beside it: META is WhatsApp's documentation, ASSUMED is
ours. What depends on the record alone is worked out once, when the record is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import get_args

from egress.lines.gate.verdict import Refusal
from schemas.outbound import SendClass
from schemas.session import Template
from schemas.tenant import TemplateSpec

BODY_MAX = 1024  # META: the body after substitution
HEADER_MAX = 60  # META: a text header after substitution
LINK_MAX = 2000  # META: a button's address after substitution; ASSUMED for links of media
COUPON_MAX = 20  # META, recalled: the code of a copy_code button
PAYLOAD_MAX = 256  # ASSUMED: as of a reply button's id
_BUTTON_MAX = {"url": LINK_MAX, "copy_code": COUPON_MAX, "quick_reply": PAYLOAD_MAX, "flow": LINK_MAX}
# META: "Param text cannot have new-line/tab characters or more than 4 consecutive spaces".
_UNWANTED = re.compile(r"[\n\r\t]| {5}")
_MEDIA = ("image", "video", "document")
_HEADER = {"none": (0, 0), "location": (2, 4)}  # of the others one
_PLACE = {"latitude": 90.0, "longitude": 180.0}


class Shape:
    """One template of the catalogue, ready to be compared with."""

    def __init__(self, spec: TemplateSpec) -> None:
        self.spec = spec
        self.name = f"{spec.name} ({spec.language})"
        self.key = f"{spec.name}/{spec.language}"
        self.category = spec.category
        self._buttons = {button.index: button.type for button in spec.taking}
        self._in_order = sorted(self._buttons.items())
        self._shortest = min((_BUTTON_MAX[kind] for kind in self._buttons.values()), default=0)
        self.unusable = _unusable(spec, self.name)
        self._categories = {sent: frozenset({spec.category, sent}) for sent in get_args(SendClass)}

    def categories(self, sent_as: SendClass) -> frozenset[str]:
        """What a message counts as: the template's category and what it is sent as."""
        return self._categories[sent_as]

    def wrong(self, template: Template) -> Refusal | None:
        """Why WhatsApp would not take these parameters; None when it would, as far as is known."""
        return None if self._plain(template) else self._counts(template) or self._texts(template)

    def _plain(self, template: Template) -> bool:
        """Whether it has no header, as it should, and `fits`: that is what most are."""
        buttons = template.buttons
        if template.header or self.spec.header != "none" or [(b.index, b.kind) for b in buttons] != self._in_order:
            return False
        return self.fits(template.body, [button.parameter for button in buttons])

    def all_fit(self, templates: Sequence[Template]) -> bool:
        """Whether all of these are plain, as one short look at all their parameters tells; where it is not sure,
        each must be looked at."""
        if self.spec.header != "none" or any(one.header for one in templates):
            return False
        if {len(one.body) for one in templates} != {self.spec.body}:
            return False
        given = {tuple([(button.index, button.kind) for button in one.buttons]) for one in templates}
        if given != {tuple(self._in_order)}:
            return False
        body = list(chain.from_iterable([one.body for one in templates]))
        taps = [button.parameter for one in templates for button in one.buttons]
        longest, longest_tap = max(map(len, body), default=0), max(map(len, taps), default=0)
        most = (longest + 1) * self.spec.body + (longest_tap + 1) * len(self._buttons) + self.spec.body_chars
        text = "|".join((*body, *taps))
        plain = text.isprintable() and "     " not in text and "" not in body and "" not in taps
        return plain and most <= BODY_MAX and longest_tap <= self._shortest

    def takes(self, template: Template) -> bool:
        """Whether its header and the kinds of its buttons are right; `fits` tells of the other parameters."""
        given = {button.index: button.kind for button in template.buttons}
        kinds = given == self._buttons and len(given) == len(template.buttons)
        return kinds and (self._header(template) or self._header_text(template)) is None

    def fits(self, body: Sequence[str], buttons: Sequence[str]) -> bool:
        """Whether there is nothing wrong with these parameters, as a short look tells; of all that is unusual it leaves
        `wrong` to say so."""
        if len(body) != self.spec.body or len(buttons) != len(self._buttons) or not all(body) or not all(buttons):
            return False
        text = "|".join((*body, *buttons))
        plain = text.isprintable() and "     " not in text and len(text) + self.spec.body_chars <= BODY_MAX
        return plain and all(len(one) <= self._shortest for one in buttons)

    def _counts(self, template: Template) -> Refusal | None:
        if len(template.body) != self.spec.body:
            return self._mismatch(f"takes {self.spec.body} body parameters, not {len(template.body)}")
        if template.buttons or self._buttons:
            given = {button.index: button.kind for button in template.buttons}
            if len(template.buttons) != len(self._buttons) or len(given) != len(template.buttons):
                return self._mismatch(f"takes {len(self._buttons)} button parameters, not {len(template.buttons)}")
            if given != self._buttons:
                return self._mismatch(f"has other buttons that take one: {_told(self._buttons)}, not {_told(given)}")
        return self._header(template)

    def _header(self, template: Template) -> Refusal | None:
        takes, has = self.spec.header, len(template.header)
        least, most = header_takes(self.spec)
        if not least <= has <= most:
            return self._mismatch(f"takes a header of {takes}, with {_span(least, most)} parameters, not {has}")
        if has and template.header_kind != takes:
            return self._mismatch(f"takes a header of {takes}, not of {template.header_kind}")
        if takes in _MEDIA and not template.header[0].startswith("https://"):
            return self._mismatch(f"takes an https:// address ({takes}) in its header")
        if takes == "location" and not _is_place(template.header):
            return self._mismatch("takes degrees in its header: latitude, then longitude")
        return None

    def _texts(self, template: Template) -> Refusal | None:
        for number, text in enumerate(template.body, 1):
            if not text or _UNWANTED.search(text):
                return _text(self.name, f"body parameter {number}")
        if sum(map(len, template.body)) + self.spec.body_chars > BODY_MAX:
            return _length(self.name, "the body", BODY_MAX)
        return self._header_text(template) or self._buttons_text(template)

    def _header_text(self, template: Template) -> Refusal | None:
        if self.spec.header == "text" and template.header:
            text = template.header[0]
            if not text or _UNWANTED.search(text):
                return _text(self.name, "the header's parameter")
            if len(text) > HEADER_MAX:
                return _length(self.name, "the header", HEADER_MAX)
        elif template.header and max(map(len, template.header)) > LINK_MAX:
            return _length(self.name, "the header", LINK_MAX)
        return None

    def _buttons_text(self, template: Template) -> Refusal | None:
        for button in template.buttons:
            if not button.parameter:
                return _text(self.name, f"the parameter of button {button.index}")
            limit = _BUTTON_MAX[self._buttons[button.index]]
            if len(button.parameter) > limit:
                return _length(self.name, f"the parameter of button {button.index}", limit)
        return None

    def _mismatch(self, what: str) -> Refusal:
        return Refusal("template_parameters", f"template {self.name} {what}")


def header_takes(spec: TemplateSpec) -> tuple[int, int]:
    """How many parameters the header takes at least and at most."""
    return _HEADER.get(spec.header, (1, 1))


def shapes(specs: Iterable[TemplateSpec]) -> dict[tuple[str, str], Shape]:
    """Templates by name and language; of two with the same the first counts."""
    found: dict[tuple[str, str], Shape] = {}
    for spec in specs:
        found.setdefault((spec.name, spec.language), Shape(spec))
    return found


def _unusable(spec: TemplateSpec, name: str) -> Refusal | None:
    if not spec.enabled:
        return Refusal("template_disabled", f"template {name} is disabled")
    if spec.status != "approved":
        return Refusal("template_status", f"template {name} is {spec.status.replace('_', ' ')}, not approved")
    return None


def _text(name: str, what: str) -> Refusal:
    reason = f"{what} of template {name} is empty, or has line breaks, tabs or more than four spaces in a row"
    return Refusal("template_text", reason)


def _length(name: str, what: str, limit: int) -> Refusal:
    return Refusal("template_length", f"{what} of template {name} would have more than {limit} characters")


def _told(buttons: Mapping[int, str]) -> str:
    return ", ".join(f"{index} ({kind})" for index, kind in sorted(buttons.items())) or "none"


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _is_place(header: Sequence[str]) -> bool:
    try:
        degrees = [float(text) for text in header[:2]]
    except ValueError:
        return False
    return all(-limit <= one <= limit for one, limit in zip(degrees, _PLACE.values(), strict=True))
