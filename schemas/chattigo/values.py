"""Reading values that drift in type: a number as text, a flag as `"true"`, an object that is null.

Chattigo's types drift between services and versions (Chattigo's facts, 7.2); nothing here raises.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from schemas import ids

ID_MAX = 512  # characters; a provider's ids have under 100, and they travel in headers
_SECONDS_NOW = 10  # digits of a present time in seconds
_EXACT = 2**53  # up to here a JSON number that was read as a double is what was written


def text(value: Any) -> str:
    """A string or a number as text; anything else is empty.

    `569.0` is `"569"`, or a digit more would make it another person's number. A whole number so large that its
    digits were lost in reading is empty: what is left of it would stand for others, too.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value)) if abs(value) <= _EXACT else ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def identifier(value: Any) -> str:
    """A provider's id as text, empty for none; an unreasonably long one is a digest, the same wherever it is read."""
    found = text(value)
    return found if len(found) <= ID_MAX else ids.digest("id", found)


def flag(value: Any) -> bool:
    """true, `"true"` in any case, or 1."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() == "true")


def obj(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objs(value: Any) -> list[dict[str, Any]]:
    """The objects of an array, in order; what is not an object is passed over."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A number, also when it is written as text; NaN and infinities are none."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if abs(found) != float("inf") and found == found else None


def seconds_as_ms(value: Any) -> int:
    """A time in seconds (WhatsApp writes it as text) as milliseconds; 0 when there is none.

    A value too large for seconds is taken as milliseconds already, as some flat integrations send them.
    """
    if isinstance(value, str) and len(value) == _SECONDS_NOW and value.isascii() and value.isdigit():
        return int(value) * 1000
    found = number(value)
    if found is None or found <= 0 or found > 1e14:
        return 0
    return int(found) if found > 1e11 else int(found * 1000)


def rest(item: dict[str, Any], known: Container[str]) -> dict[str, Any]:
    """What an object holds besides the known fields."""
    return {name: value for name, value in item.items() if name not in known}
