"""Text as people type it, folded so that it can be compared: case, accents, punctuation and blanks do not count."""

from __future__ import annotations

import re
import unicodedata

_NOT_WORDS = re.compile(r"[^\w]+")
_REMEMBERED = 4096


class _Folded(dict[int, str]):
    """What each character becomes, reckoned once; how many are remembered is bounded, whatever people write."""

    def __missing__(self, code: int) -> str:
        plain = "".join(c for c in unicodedata.normalize("NFKD", chr(code).casefold()) if not unicodedata.combining(c))
        found = _NOT_WORDS.sub(" ", plain)
        if len(self) < _REMEMBERED:
            self[code] = found
        return found


_FOLDED = _Folded()


def fold(text: str) -> str:
    """`"  ¡Humano, por favor! "` becomes `"humano por favor"`; text of signs alone (an emoji) stays as it is."""
    return " ".join(text.translate(_FOLDED).split()) or text.strip()
