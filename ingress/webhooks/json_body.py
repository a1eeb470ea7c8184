"""Reading a body as JSON within a limit of depth. Pure.

orjson itself refuses to go deeper than 1024, so it is safe to parse first; the limit that matters is lower, since
whoever walks the value later may recurse.
"""

from __future__ import annotations

from typing import Any

import orjson

_ORJSON_TOO_DEEP = "depth limit exceeded"


class NotJson(ValueError):
    """The bytes are not JSON in UTF-8 (RFC 8259: no NaN, no byte order mark, no lone surrogates)."""


class TooDeep(ValueError):
    """The value is nested deeper than the limit."""


def read(body: bytes, max_depth: int) -> Any:
    """The value of a body. Raises NotJson or TooDeep; `[[1]]` has depth 2."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if str(error).startswith(_ORJSON_TOO_DEEP):
            raise TooDeep from None
        raise NotJson from None
    # Counting brackets is far cheaper than walking, and settles nearly every body.
    if body.count(b"[") + body.count(b"{") > max_depth and not fits(value, max_depth):
        raise TooDeep
    return value


def fits(value: Any, max_depth: int) -> bool:
    """Whether a value is nested no deeper than the limit; walks level by level, so nothing recurses."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(max_depth):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return True
    return not level


def _children(parent: Any) -> Any:
    return parent.values() if isinstance(parent, dict) else parent
