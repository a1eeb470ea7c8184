"""Numbers of recipients: whether one is plausible in its country, and in which time zones it may be. Pure.

What countries have is known from `phonenumbers`. Mobile numbers tell more than the country in six calling codes alone
(the library's own list: North America, Mexico, Argentina, Brazil, Indonesia, China); there the area's zones count, else
all of the country's. Costs about a microsecond: prefixes are looked up, numbers are not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, ValidationResult, is_possible_number_with_reason
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from schemas import phone

UNKNOWN_ZONE = "Etc/Unknown"
_BY_AREA = frozenset({1, 52, 54, 55, 62, 86})
# A business-scoped user id: country, a dot, up to 128 letters and digits; a parent form has ENT before them.
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)


def is_user_id(address: str) -> bool:
    """Whether an address is a person's user id instead of a number (Chattigo's facts, 2.2)."""
    return _USER_ID.fullmatch(address) is not None


def _codes() -> dict[str, int]:
    """The calling code by the first three digits; no code begins another."""
    every = (f"{n:03}" for n in range(100, 1000))
    found = {text: [int(text[:n]) for n in (1, 2, 3) if int(text[:n]) in COUNTRY_CODE_TO_REGION_CODE] for text in every}
    return {text: codes[0] for text, codes in found.items() if codes}


_CODES = _codes()


def country_code(number: str) -> int:
    """The calling code that a number of digits begins with; 0 when no country has it."""
    return _CODES.get(number[:3], 0)


def plausible(number: str) -> bool:
    """Whether the country of a number, in its canonical form (`schemas.phone`), has numbers so long."""
    return phone.is_number(number) and _has_length(number[:3], len(number))


def all_plausible(addresses: Sequence[str]) -> bool:
    """Whether all of these are numbers in their canonical form and so long as their countries' are, as one short look
    tells; where it is not sure, each must be looked at."""
    text = "".join(addresses)
    if not text.isascii() or not text.isdigit():
        return False
    shapes = {(one[:3], len(one)) for one in addresses}
    return not any(
        length < phone.SHORTEST
        or length > phone.LONGEST
        or begin[:2] in phone.CHANGING
        or not _has_length(begin, length)
        for begin, length in shapes
    )


@lru_cache(maxsize=8192)
def _has_length(begin: str, digits: int) -> bool:
    """Of a number without its country code the library looks at nothing but the length here."""
    code = country_code(begin)
    own = digits - len(str(code))
    if not code or own < 1:
        return False
    shape = PhoneNumber(country_code=code, national_number=int("1" * own))
    return is_possible_number_with_reason(shape) == ValidationResult.IS_POSSIBLE


def zones(number: str) -> tuple[str, ...]:
    """The IANA zones in which the owner of a number (canonical) may be, none when they are not known."""
    code = country_code(number)
    if code not in _BY_AREA:
        return _zones_of(str(code))
    for length in range(TIMEZONE_LONGEST_PREFIX, 0, -1):
        if number[:length] in TIMEZONE_DATA:
            return _zones_of(number[:length])
    return ()


@lru_cache(maxsize=8192)
def _zones_of(prefix: str) -> tuple[str, ...]:
    found = TIMEZONE_DATA.get(prefix, ())
    return () if UNKNOWN_ZONE in found else found
