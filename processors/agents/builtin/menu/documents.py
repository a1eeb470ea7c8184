"""Numbers of people's and companies' papers: read as they are written, checked by their own digit. Pure."""

from __future__ import annotations

import re

_APART = re.compile(r"[\s.\-]+")
_CUIT_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def rut(text: str) -> str:
    """A Chilean RUT as `12345678-5`; empty if it is none."""
    plain = _APART.sub("", text).upper()
    number, digit = plain[:-1], plain[-1:]
    if not (number.isascii() and number.isdigit() and 6 <= len(number) <= 8):
        return ""
    total = sum(int(one) * (2 + place % 6) for place, one in enumerate(reversed(number)))
    wanted = "0123456789K0"[11 - total % 11] if total % 11 else "0"
    return f"{number.lstrip('0')}-{digit}" if digit == wanted else ""


def cuit(text: str) -> str:
    """An Argentine CUIT or CUIL as `20-12345678-6`; empty if it is none."""
    plain = _APART.sub("", text)
    if not (plain.isascii() and plain.isdigit() and len(plain) == 11):
        return ""
    rest = sum(int(one) * weight for one, weight in zip(plain, _CUIT_WEIGHTS, strict=False)) % 11
    wanted = 0 if rest == 0 else 11 - rest
    return f"{plain[:2]}-{plain[2:10]}-{plain[10]}" if int(plain[10]) == wanted else ""


def dni(text: str) -> str:
    """An Argentine DNI as its 7 or 8 digits; empty if it is none."""
    plain = _APART.sub("", text)
    return plain if plain.isascii() and plain.isdigit() and 7 <= len(plain) <= 8 and plain[0] != "0" else ""
