"""What must not stand in a log: numbers of people, words of messages, tokens. Facts of both sides, to be joined.

A message is known in a log by any `WORDS` of its words in a row, as a digest: so much is no coincidence. A shorter
message cannot be told from what a program says by itself, and is not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

from relevo.audit.facts import Fact, Logged, Person, Phrase

WORDS = 4
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<![\w.-])\+?(\d{8,15})(?![\w-])")
_SECRET = re.compile(r"eyJ[\w-]{10,}\.|(?i:bearer\s+[\w.-]{16,})")
SECRET = "\0secret"
"""The id of a fact about what is a secret by its looks."""


def people(*numbers: str) -> Iterator[Fact]:
    """Facts about numbers of people; of those who have no phone, none."""
    for one in dict.fromkeys(numbers):
        digits = one.lstrip("+")
        if digits.isdigit() and len(digits) >= 8:
            yield Person(digits)


def phrases(content: object) -> Iterator[Fact]:
    """Facts about what a message says in words."""
    for name in ("body", "caption"):
        text = getattr(content, name, "")
        if isinstance(text, str):
            yield from map(Phrase, _digests(text))


def logged(path: Path) -> Iterator[Fact]:
    """Facts about the lines of a log file. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            where = f"{path.name}:{number}"
            yield from (Logged(one, where) for one in dict.fromkeys(_NUMBER.findall(line)))
            yield from (Logged(one, where) for one in _digests(line))
            if _SECRET.search(line):
                yield Logged(SECRET, where)


def _digests(text: str) -> Iterable[str]:
    found = _WORD.findall(text.lower())
    rows = (" ".join(found[n : n + WORDS]) for n in range(len(found) - WORDS + 1))
    return dict.fromkeys("~" + blake2b(row.encode(), digest_size=10).hexdigest() for row in rows)
