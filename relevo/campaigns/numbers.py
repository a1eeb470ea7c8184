"""Numbers as companies write them, read into digits with a country code; and the country of a number.

Promises: what could be a number with digits lost or added by a spreadsheet (`5.69E+10`) is refused, not sent to; the
length must be one that the country has. Leaves identity to `schemas.phone`.
"""

from __future__ import annotations

import re
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata

from relevo.campaigns.refused import MappingError
from schemas import phone

_WRITTEN = re.compile(r"\+?[\d\s().\-/\u2010-\u2015]+")
_FLOAT = re.compile(r"\d{7,15}\.0")


class NotANumber(ValueError):
    """Why a text is no number that can be sent to."""


class Numbers:
    """Reads numbers; those without a country code are of `country` (`CL`), if one is given."""

    def __init__(self, country: str = "") -> None:
        """Raises MappingError for a country that does not exist."""
        self._country = country.upper()
        if self._country and self._country not in phonenumbers.SUPPORTED_REGIONS:
            raise MappingError(f"no country is called {country!r}; give two letters, like CL")

    def read(self, text: str) -> str:
        """The digits, with country code. Raises NotANumber."""
        written = text.strip()
        if not (written.isascii() and written.isdigit()):
            if _FLOAT.fullmatch(written):
                written = written[:-2]
            elif not _WRITTEN.fullmatch(written):
                raise NotANumber("it has other characters than digits" if written else "the number is missing")
        digits = phone.digits(written)
        if written.startswith("+"):
            return _international(digits)
        if digits.startswith("00"):
            return _international(digits[2:])
        return self._national(written, digits) if self._country else _international(digits)

    def _national(self, written: str, digits: str) -> str:
        """As the country writes it at home, unless only a number with its country code can be meant."""
        home = _parsed(written, self._country)
        if home is not None and phonenumbers.is_valid_number(home):
            return _digits(home)
        abroad = _parsed("+" + digits)
        if abroad is not None and phonenumbers.is_valid_number(abroad):
            return digits
        if home is not None and phonenumbers.is_possible_number(home):
            return _digits(home)
        return _international(digits)


def _parsed(text: str, region: str | None = None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _digits(number: phonenumbers.PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def _international(digits: str) -> str:
    if not phone.is_number(digits):
        raise NotANumber("a number has 7 to 15 digits, with its country code")
    code = calling_code(digits)
    if not code:
        raise NotANumber("no country has numbers that begin so; is the country code missing?")
    if not _fits(digits, code) and not _fits(phone.canonical(digits), code):
        raise NotANumber(f"no number of +{code} has {len(digits)} digits with the country code")
    return digits


def _fits(digits: str, code: str) -> bool:
    return len(digits) - len(code) in _lengths(code)


def calling_code(digits: str) -> str:
    """The country's code (`56`); empty for none."""
    for length in (2, 1, 3):
        if digits[:length] in _CODES:
            return digits[:length]
    return ""


def country(code: str) -> str:
    """`CL (+56)`; the main country where several share a code."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code or 0), ("?",))
    return f"{regions[0]} (+{code})"


_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


@cache
def _lengths(code: str) -> frozenset[int]:
    """How many digits may follow the code."""
    found: set[int] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]:
        metadata = (
            PhoneMetadata.metadata_for_nongeo_region(int(code), None)
            if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
            else PhoneMetadata.metadata_for_region(region, None)
        )
        if metadata is not None:
            found.update(length for desc in _people(metadata) for length in desc.possible_length)
    return frozenset(found)


def _people(metadata: PhoneMetadata) -> list[phonenumbers.PhoneNumberDesc]:
    """What is said of numbers that people have; those that are dialled for free and the like are longer."""
    # Where a kind has the lengths of all numbers together, it names none.
    kinds = [kind for kind in (metadata.mobile, metadata.fixed_line, metadata.voip) if kind is not None]
    found = [kind if kind.possible_length else metadata.general_desc for kind in kinds]
    return [kind for kind in found if kind is not None]
