"""Redaction: what must never be read in a log is taken out of an event, whoever wrote it. Pure.

Rules, in this order:
1. A field whose name says that it is secret, or that it is what people wrote, is hidden whatever it holds.
2. In every text, here and in names of fields, secrets (`password=…`, JWTs, `Bearer …`, the path of a webhook, the
   user part of a URL, PEM keys), digit runs that may be phone numbers (8 and more, also `+56 9 1234-5678`) and
   provider ids (a wamid is a phone number in base64) are masked. Dates, times and IP addresses stay.
3. Numbers of 8 and more digits are masked like text, unless the field's name says that it is one of our counts,
   offsets or times.
4. Fields of ours that hold an id keep it if it has exactly the form of our ids or of coordinates in Kafka.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[hidden]"
TEXT_MAX = 8000  # characters of one text in an event
DEPTH_MAX = 6

_SECRET_NAME = re.compile(
    r"passw|pwd|secret|token|authori[sz]ation|cookie|credential|api[_-]?key|private[_-]?key|bearer|jwt|sasl[_.-]?pass",
    re.IGNORECASE,
)
_WRITTEN_BY_PEOPLE = frozenset({"text", "body", "content", "caption", "payload", "profile_name", "transcript", "note"})
_MEASURES = re.compile(
    r"(^|_)(ms|s|ns|seconds|bytes|offset|offsets|position|end|low|high|start|count|size|generation|epoch|lag|pid|port|"
    r"partition|records|line_no|lineno|attempt|status|total)$",
    re.IGNORECASE,
)
_ID_NAMES = frozenset({"id", "event_id", "trace_id", "span_id", "traceparent", "message_id", "plan_id", "at", "where"})
_ID_FORMS = re.compile(
    r"[a-z][a-z._-]{0,80}[-/]\d{1,5}[-/@]\d{1,12}"  # topic-partition-offset
    r"|(?=[0-9a-f]*[a-f])[0-9a-f]{16}(?:[0-9a-f]{16})?"  # span and trace
    r"|[0-9a-f]{2}-(?=[0-9a-f]*[a-f])[0-9a-f]{32}-(?=[0-9a-f]*[a-f])[0-9a-f]{16}-[0-9a-f]{2}"  # traceparent
)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_SENSITIVE = re.compile(
    rf"""
      (?P<pem>-----BEGIN[ A-Z]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*PRIVATE[ ]KEY-----|\Z))
    | (?P<jwt>\beyJ[\w-]{{5,}}\.[\w-]+(?:\.[\w-]*)?)
    | (?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=-]+
    | (?P<path>/v1/webhooks/)[^\s/?#"'<>]+
    | (?P<url>\b[a-z][a-z0-9+.-]*://)[^\s/@"'<>]+@
    | (?P<named>(?:passw(?:or)?d|secret|token|authori[sz]ation|api[_-]?key|cookie)[\w.-]{{0,20}}["']?\s*[=:]\s*)
      (?:b?"(?:[^"\\]|\\.)*"|b?'(?:[^'\\]|\\.)*'|(?:Bearer\s+|Basic\s+)?[^\s,;&}}\])"']+)
    | (?P<wamid>\bwamid\.[\w+/=-]+)
    | (?P<keep>(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![.]?\d)
             | (?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)
             | (?<!\d)[0-2]\d:[0-5]\d:[0-6]\d(?:[.,]\d{{1,6}}(?!\d))?(?!\d))
    | (?P<number>\+?\d(?:[ .()\u00a0\u2010-\u2015-]{{0,3}}\d){{7,}})
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_LETTERS = str.maketrans("0123456789abcdef", "ghjkmnpqrstvwxyz")


def redact(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event without secrets and numbers of people. Never raises, whatever the values are."""
    return {_name(name): _field(str(name), value, 0) for name, value in event.items()}


def redact_text(text: str) -> str:
    """The text without secrets and numbers of people."""
    masked = _SENSITIVE.sub(_mask, text[:TEXT_MAX])
    return masked if len(text) <= TEXT_MAX else f"{masked}… ({len(text):,} characters)"


def _mask(match: re.Match[str]) -> str:
    kind = match.lastgroup
    found = match[0]
    if kind == "keep":
        return found
    if kind == "number":
        digits = [c for c in found if c.isdigit()]
        return f"<number …{digits[-2]}{digits[-1]}>"
    if kind == "wamid":
        return f"wamid.~{_mark(found)}"
    if kind in ("pem", "jwt"):
        return HIDDEN
    return f"{match[str(kind)]}{HIDDEN}" + ("@" if kind == "url" else "")


def _mark(text: str) -> str:
    """Ten letters by which equal texts are recognised; letters only, so that no digit run can come of it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:10].translate(_LETTERS)


def _name(name: object) -> str:
    return redact_text(str(name))


def _field(name: str, value: Any, depth: int) -> Any:
    measure = isinstance(value, int | float) and bool(_MEASURES.search(name))
    if value is None or isinstance(value, bool) or measure:
        return value
    if _SECRET_NAME.search(name) or name in _WRITTEN_BY_PEOPLE:
        return "" if value == "" else HIDDEN
    if name in _ID_NAMES and isinstance(value, str) and _ID_FORMS.fullmatch(value):
        return value
    return _value(name, value, depth)


def _value(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int | float):
        return value if abs(value) < 10_000_000 else redact_text(_plain(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        return {_name(key): _field(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_field(name, item, depth + 1) for item in value]
    return redact_text(_shown(value))


def _plain(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:f}"


def _shown(value: object) -> str:
    try:
        return str(value) if isinstance(value, BaseException) else repr(value)
    except Exception as error:  # noqa: BLE001  a broken repr must not stop a log line, nor hide that it is broken
        return f"<{type(value).__name__} whose text fails with {type(error).__name__}>"
