"""Templates: texts with `{names}` of what is known, and values that keep their type. Pure.

`{fields.email}` looks inside; `{name|amiga}` says what stands where nothing is known; `{{` and `}}` are braces. A
template that is one name alone keeps the value's type. Where something is not known, and nothing is said instead, there
is no value at all (`MISSING`): a property is left out, not emptied. No expressions, nothing that computes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

TYPES = ("text", "number", "boolean", "date", "datetime")
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_ -]+)*")
_TRUE, _FALSE = frozenset(("true", "1", "yes", "si", "sí", "sim")), frozenset(("false", "0", "no", "não", "nao"))


class Missing:
    """No value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


class TemplateError(ValueError):
    """A template that cannot be one; says what to write."""


class Template:
    """A text with names in it, and the type that its value is to have (none: as it comes)."""

    def __init__(self, text: str, kind: str = "") -> None:
        """Raises TemplateError."""
        if kind and kind not in TYPES:
            raise TemplateError(f"a type is one of {', '.join(TYPES)}, not {kind!r}")
        self._kind = kind
        self._parts = _parsed(text)

    @property
    def names(self) -> list[str]:
        """The names that it asks for."""
        return [part[0] for part in self._parts if isinstance(part, tuple)]

    def value(self, known: Mapping[str, Any]) -> Any:
        """Its value, or MISSING."""
        found = [part if isinstance(part, str) else _known(known, *part) for part in self._parts]
        if any(one is MISSING for one in found):
            return MISSING
        if len(found) == 1:
            return _typed(found[0], self._kind)
        return _typed("".join(map(text_of, found)), self._kind)


def _parsed(text: str) -> list[str | tuple[str, str | None]]:
    """Texts, and names with what is said instead."""
    parts: list[str | tuple[str, str | None]] = []
    plain, at = "", 0
    for match in _PART.finditer(text):
        plain += text[at : match.start()]
        at = match.end()
        if match[0] in ("{{", "}}"):
            plain += match[0][0]
            continue
        if match[2]:
            raise TemplateError(f"a {match[2]} stands alone; write {match[2] * 2} for one")
        name, bar, instead = match[1].partition("|")
        if not _NAME.fullmatch(name.strip()):
            raise TemplateError(f"{{{match[1]}}} names nothing; write {{name}}, {{fields.email}} or {{name|instead}}")
        parts += [plain] if plain else []
        parts.append((name.strip(), instead if bar else None))
        plain = ""
    plain += text[at:]
    return [*parts, plain] if plain or not parts else parts


def _known(known: Mapping[str, Any], name: str, instead: str | None) -> Any:
    value: Any = known
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None or value == "":
        return MISSING if instead is None else instead
    return value


def text_of(value: Any) -> str:
    """A value as a text."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case list() | tuple():
            return ";".join(map(text_of, value))
        case dict():
            return ", ".join(f"{name}: {text_of(inner)}" for name, inner in value.items())
        case None:
            return ""
        case _:
            return str(value)


def _typed(value: Any, kind: str) -> Any:
    """The value as its type wants it; MISSING if it is none of these."""
    match kind:
        case "":
            return value
        case "text":
            return text_of(value)
        case "number":
            return _number(value)
        case "boolean":
            said = text_of(value).strip().lower()
            return True if said in _TRUE else False if said in _FALSE else MISSING
        case _:
            return _moment(value, kind)


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        number = float(text_of(value).strip())
    except ValueError:
        return MISSING
    if number != number or number in (float("inf"), float("-inf")):
        return MISSING
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _moment(value: Any, kind: str) -> Any:
    """ISO 8601 in UTC, of milliseconds since 1970 or of a text that says a time."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value / 1000, UTC)
        else:
            at = datetime.fromisoformat(text_of(value).strip())
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return MISSING
    return at.date().isoformat() if kind == "date" else at.isoformat(timespec="seconds").replace("+00:00", "Z")
