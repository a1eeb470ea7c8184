"""Text as people type it, folded so that it can be compared: case, accents, punctuation and blanks do not count."""

from __future__ import annotations

import re
import unicodedata

_NOT_WORDS = re.compile(r"[^\w]+")


def fold(text: str) -> str:
    """`"  ¡Humano, por favor! "` becomes `"humano por favor"`; text of signs alone (an emoji) stays as it is."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return _NOT_WORDS.sub(" ", plain).strip() or text.strip()


def has_words(folded: str, words: str) -> bool:
    """Whether the folded text holds these words side by side, as whole words."""
    return f" {fold(words)} " in f" {folded} "
