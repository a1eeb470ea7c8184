"""The forms of one person's number: as sent to, as the webhook's `from`, as `wa_id` (Chattigo's facts, sections
7.3 and Q30).

Argentina writes 54 or 549, Mexico 52 or 521, for the same person. Promises: `person` is equal for all forms of
one number.
"""

import re

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
