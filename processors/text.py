"""Text as people type it, folded so that it can be compared: case, accents, punctuation and blanks do not count."""

from __future__ import annotations

import re
import unicodedata

_NOT_WORDS = re.compile(r"[^\w]+")
_REMEMBERED = 4096


def _folded(character: str) -> str:
    """What a character becomes: letters without case and marks, a blank for what belongs to no word."""
    decomposed = unicodedata.normalize("NFKD", character.casefold())
    return _NOT_WORDS.sub(" ", "".join(c for c in decomposed if not unicodedata.combining(c)))


class _Folded(dict[int, str]):
    """What each character becomes, reckoned once; how many are remembered is bounded, whatever people write."""

    def __missing__(self, code: int) -> str:
        found = _folded(chr(code))
        if len(self) < _REMEMBERED:
            self[code] = found
        return found


_FOLDED = _Folded()

# Most text is of the first 256 characters, and most of these become one of them: bytes are translated much faster.
_OTHERWISE = 0
_FIRST = [_folded(chr(code)) for code in range(256)]
_BYTES = bytes(ord(one) if len(one) == 1 and one <= "\xff" else _OTHERWISE for one in _FIRST)


def spread(text: str) -> str:
    """The text with its words folded and blanks where anything else is; nothing but blanks where it has no words."""
    try:
        found = text.encode("latin-1").translate(_BYTES)
    except UnicodeEncodeError:
        return text.translate(_FOLDED)
    return text.translate(_FOLDED) if _OTHERWISE in found else found.decode("latin-1")


def tongue(language: str) -> str:
    """Of a language with its country, however it is written (`pt_BR`, `pt-BR`), the language alone."""
    return language.replace("-", "_").partition("_")[0].lower()


def fold(text: str) -> str:
    """`"  ¡Humano, por favor! "` becomes `"humano por favor"`; text of signs alone (an emoji) stays as it is."""
    return " ".join(spread(text).split()) or text.strip()
