"""Numbers of people: one identity for the forms in which a provider writes the same person.

Argentine, Mexican and Brazilian mobiles are written with and without an inserted digit (Chattigo's facts, 7.3).
The canonical form is for identity only; a reply always goes to the form that the provider sent.
"""

from __future__ import annotations

import re

_NOT_DIGITS = re.compile(r"[^0-9]+")
_MIN, _MAX = 7, 15  # E.164 allows 15; the shortest subscriber numbers with a country code have 7


def digits(text: str) -> str:
    """The digits of a number, however it was formatted."""
    return text if text.isascii() and text.isdigit() else _NOT_DIGITS.sub("", text)


def is_number(text: str) -> bool:
    """Whether the text is a plausible international number of digits alone."""
    return text.isascii() and text.isdigit() and _MIN <= len(text) <= _MAX


def canonical(number: str) -> str:
    """The one form that stands for a person; the argument may be formatted in any way.

    Argentina 54 + 10 digits gains its 9, Mexico 521 + 10 loses its 1, Brazil 55 + area + 8 mobile digits gains
    its 9. Everything else stays as it is.
    """
    text = digits(number)
    if len(text) == 12 and text.startswith("54") and text[2] != "9":
        return "549" + text[2:]
    if len(text) == 13 and text.startswith("521"):
        return "52" + text[3:]
    if len(text) == 12 and text.startswith("55") and text[4] in "6789":
        return text[:4] + "9" + text[4:]
    return text
