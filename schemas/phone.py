"""Numbers of people: one identity for the forms in which a provider or a company writes the same person.

Argentine, Mexican and Brazilian mobiles are written with and without an inserted digit (Chattigo's facts, 7.3), and
companies write them with the digits that are dialled inside the country.
The canonical form is for identity only; a reply always goes to the form that the provider sent.
"""

from __future__ import annotations

import re

_NOT_DIGITS = re.compile(r"[^0-9]+")
CHANGING = ("52", "54", "55")  # countries whose numbers have several forms
SHORTEST, LONGEST = 7, 15  # E.164 allows 15; the shortest subscriber numbers with a country code have 7

# Argentina: area (2 to 4 digits) and number are 10 digits together. Mobiles abroad have a 9 before them, at home a
# 0 before the area and a 15 behind it; no two areas can be read into the same digits with a 15.
_ARGENTINE = re.compile(r"549?0?(?=[123])(?:([123]\d{9})|(11|[23]\d{2}|[23]\d{3})15(\d{6,8}))")
# Mexico: 10 digits. Mobiles had a 1 before them abroad, at home 01, 044 or 045.
_MEXICAN = re.compile(r"52(?:1|01|044|045)(\d{10})")
# Brazil: area (2 digits without a 0) and 8 digits; mobiles, which begin with 6 to 9, got a 9 before them.
_BRAZILIAN = re.compile(r"550?([1-9]{2})(?:([2-5]\d{7}|9\d{8})|([6-9]\d{7}))")


def digits(text: str) -> str:
    """The digits of a number, however it was formatted."""
    return text if text.isascii() and text.isdigit() else _NOT_DIGITS.sub("", text)


def is_number(text: str) -> bool:
    """Whether the text is a plausible international number of digits alone."""
    return text.isascii() and text.isdigit() and SHORTEST <= len(text) <= LONGEST


def identity(contact: str) -> str:
    """Who a contact is: of a number its canonical form; a user id stays as it is."""
    changes = contact[:2] in CHANGING and is_number(contact)
    return canonical(contact) if changes else contact


def canonical(number: str) -> str:
    """The one form that stands for a person; the argument may be formatted in any way.

    Argentina is 549 and area and number, Mexico 52 and 10 digits, Brazil 55 and area and 9 digits for a mobile, 8 for
    a landline. Argentine landlines have no form of their own: area and number alone do not tell them from mobiles,
    and no two share them. Everything else stays as it is.
    """
    text = digits(number)
    if text[:2] not in CHANGING:
        return text
    match text[:2]:
        case "54":
            return _argentine(text)
        case "52":
            found = _MEXICAN.fullmatch(text)
            return "52" + found[1] if found else text
        case "55":
            found = _BRAZILIAN.fullmatch(text)
            return f"55{found[1]}{found[2] or '9' + found[3]}" if found else text
        case _:
            return text


def _argentine(text: str) -> str:
    found = _ARGENTINE.fullmatch(text)
    if not found:
        return text
    subscriber = found[1] or found[2] + found[3]
    return "549" + subscriber if len(subscriber) == 10 else text
