"""Numbers as people write them, and as a computer does. Pure."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_MOST = 24
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*", re.ASCII)
_MONEY = re.compile(
    r"(?:clp|ars|usd|brl|mxn|us\$|r\$|s/|[$€])\s*|\s*(?:clp|ars|usd|brl|mxn|pesos|reais|dolares|dólares|%)$"
)


def number(text: str) -> Decimal | None:
    """A number as people write it: `12.000`, `12,5`, `$ 1.234,50`, `1,234.50`. None if it is none."""
    bare = _MONEY.sub("", text.strip().lower()).strip()
    if not bare or len(bare) > _MOST:
        return None
    sign, digits = ("-", bare[1:].strip()) if bare[0] == "-" else ("", bare)
    if "." in digits and "," in digits:
        last = max(digits.rfind("."), digits.rfind(","))
        whole = digits[:last]
        if not _THOUSANDS.fullmatch(whole) or digits[last] in whole:
            return None
        digits = f"{re.sub('[.,]', '', whole)}.{digits[last + 1 :]}"
    elif _THOUSANDS.fullmatch(digits) and not digits.startswith("0"):
        digits = re.sub("[.,]", "", digits)
    digits = digits.replace(",", ".").replace(" ", "")
    return number_bound(sign + digits)


def number_bound(text: str) -> Decimal | None:
    """A number as a computer writes it; None if it is none."""
    if not re.fullmatch(r"-?\d{1,18}(\.\d{1,9})?", text, re.ASCII):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def plain(value: Decimal) -> str:
    """Without an exponent and without noughts at the end."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
