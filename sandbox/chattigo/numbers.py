"""The forms of one person's number: as sent to, as the webhook's `from`, as `wa_id` (Chattigo's facts, sections
7.3 and Q30).

Argentina writes 54 or 549, Mexico 52 or 521, for the same person. Promises: `person` is equal for all forms of
one number.
"""

import re

from sandbox.chattigo.dice import Dice

_COUNTRIES = {"54": "AR", "52": "MX", "55": "BR", "56": "CL", "57": "CO"}
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_DIGITS = re.compile(r"[0-9]{7,15}")


def is_number(text: object) -> bool:
    """Digits with the country code first, no plus sign."""
    return isinstance(text, str) and _DIGITS.fullmatch(text) is not None


def person(number: str) -> str:
    """One text for all forms of a number: Argentina 549…, Mexico 52…, Brazil with the ninth digit."""
    if number.startswith("54") and len(number) == 12 and number[2] != "9":
        return "549" + number[2:]
    if number.startswith("521") and len(number) == 13:
        return "52" + number[3:]
    if number.startswith("55") and len(number) == 12 and number[4] in "6789":
        return f"{number[:4]}9{number[4:]}"
    return number


def wa_id(number: str, forms: bool = True) -> str:
    """The id that answers and statuses carry: with `forms` it can differ from `to`, and from the customer's
    `from`.
    """
    return person(number) if forms else number


def short(number: str) -> str:
    """The form without the digit that Argentina, Mexico and Brazil may leave out."""
    long = person(number)
    if long.startswith("549") and len(long) == 13:
        return "54" + long[3:]
    if long.startswith("55") and len(long) == 13:
        return long[:4] + long[5:]
    return long


def written(number: str, form: str) -> str:
    """The number in the form `given`, `short` or `long`; Mexico's long form is 521…"""
    if form == "given":
        return number
    if form == "long" and number.startswith("52") and len(person(number)) == 12:
        return "521" + person(number)[2:]
    return short(number) if form == "short" else person(number)


def is_user_id(text: object) -> bool:
    """A business-scoped user id: a country, a dot, letters and digits (section 2.2)."""
    return isinstance(text, str) and _USER_ID.fullmatch(text) is not None


def user_id(dice: Dice, number: str) -> str:
    """The one id of a person under this seed."""
    country = _COUNTRIES.get(number[:2], "US")
    return f"{country}.{int.from_bytes(dice.digest('user id', person(number), size=8), 'big')}"
