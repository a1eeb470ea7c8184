"""Patterns that tenants write: regular expressions that cannot hold up the others.

Python's matcher may take exponential time. A pattern is therefore accepted only in forms whose time is bounded:
no repeat inside a repeat, no choice inside a repeat, no look-around, no back reference, at most two unbounded
repeats; and it is to be searched in the first `TEXT_MAX` characters alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

TEXT_MAX = 256
_PATTERN_MAX = 256
_UNBOUNDED_MAX = 2
_SMALL = 16
_REFUSED = {code.GROUPREF, code.GROUPREF_EXISTS, code.ASSERT, code.ASSERT_NOT}


class PatternError(ValueError):
    """A pattern that is not accepted; the message says why."""


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, ready to search in any case of letters. Raises PatternError."""
    if len(pattern) > _PATTERN_MAX:
        raise PatternError(f"a pattern has at most {_PATTERN_MAX} characters")
    try:
        parsed = parser.parse(pattern)
        found = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"not a regular expression: {error}") from None
    if sum(_unbounded(parsed)) > _UNBOUNDED_MAX:
        raise PatternError(f"more than {_UNBOUNDED_MAX} unbounded repeats could take too long")
    return found


def _unbounded(parsed: Any) -> Iterator[bool]:
    """True for each unbounded repeat; PatternError for what could take too long."""
    for op, value in parsed:
        if op in _REFUSED:
            raise PatternError("look-around and back references could take too long")
        if op in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
            _simple(value[2])
            yield value[1] > _SMALL
        else:
            for part in _parts(op, value):
                yield from _unbounded(part)


def _simple(parsed: Any) -> None:
    for op, value in parsed:
        if op in _REFUSED or op in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT, code.BRANCH):
            raise PatternError("a repeat or a choice inside a repeat could take too long")
        for part in _parts(op, value):
            _simple(part)


def _parts(op: Any, value: Any) -> list[Any]:
    """The patterns inside a group or a choice."""
    if op is code.SUBPATTERN:
        return [value[3]]
    if op is code.ATOMIC_GROUP:
        return [value]
    return list(value[1]) if op is code.BRANCH else []
