"""Reading a Cloud API message object as WhatsApp does: every type of section 4.1 and templates (3.5), with Meta's
limits.

Written from the facts alone, so that it shares no mistake with the code that builds such objects. Promises:
`check` returns for what WhatsApp takes and raises `Invalid` with Meta's code for what it refuses; fields that it
does not know are ignored.
"""

from collections.abc import Callable
from typing import Any

from sandbox.chattigo.answers import Invalid
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_number, is_user_id


def check(body: Any) -> str:
    """The type of a sendable message; raises Invalid."""
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    if body.get("messaging_product") != "whatsapp":
        raise Invalid("messaging_product must be whatsapp")
    if body.get("recipient_type", "individual") != "individual":
        raise Invalid("recipient_type must be individual")
    if not is_number(body.get("to")) and not is_user_id(body.get("to") or body.get("recipient")):
        raise Invalid("to must be a number of digits", 131008 if "to" not in body else 131009)
    kind = body.get("type", "text")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise Invalid(f"unsupported type {kind!r}", 131051)
    if "context" in body:
        if kind == "reaction":
            raise Invalid("a reaction cannot be a contextual reply")
        string(body["context"], "message_id", "context")
    payload = body.get(kind)
    if payload is None:
        raise Invalid(f"{kind} is missing", 131008)
    reader(payload)
    return str(kind)


def string(holder: Any, name: str, where: str, most: int = 100_000, least: int = 1) -> str:
    """The text of a field, within its limits."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if value is None:
        raise Invalid(f"{where}.{name} is missing", 131008)
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise Invalid(f"{where}.{name} must be a text of {least} to {most} characters", 131009)
    return value


def rows(holder: Any, name: str, where: str, most: int) -> list[Json]:
    """The objects of a list field, 1 to `most`."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(value, list) or not 1 <= len(value) <= most or not all(isinstance(one, dict) for one in value):
        raise Invalid(f"{where}.{name} must be a list of 1 to {most} objects", 131009)
    return value


def _optional(holder: Json, name: str, where: str, most: int) -> None:
    if name in holder:
        string(holder, name, where, most, least=0)


def _text(payload: Any) -> None:
    string(payload, "body", "text", 4096)
    if not isinstance(payload.get("preview_url", False), bool):
        raise Invalid("text.preview_url must be true or false")


def _media(kind: str, *, caption: bool = False, filename: bool = False) -> Callable[[Any], None]:
    def read(payload: Any) -> None:
        if not isinstance(payload, dict) or ("link" in payload) == ("id" in payload):
            raise Invalid(f"{kind} needs either link or id")
        if "link" in payload and not string(payload, "link", kind, 2048).startswith(("https://", "http://")):
            raise Invalid(f"{kind}.link must be an http(s) address", 131009)
        for name, allowed, most in (("caption", caption, 1024), ("filename", filename, 240)):
            if name in payload and not allowed:
                raise Invalid(f"{kind} has no {name}")
            _optional(payload, name, kind, most)

    return read


def _location(payload: Any) -> None:
    for name, most in (("latitude", 90), ("longitude", 180)):
        value = payload.get(name) if isinstance(payload, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > most:
            raise Invalid(f"location.{name} must be a number of degrees", 131009)
    _optional(payload, "name", "location", 1000)
    _optional(payload, "address", "location", 1000)


def _contacts(payload: Any) -> None:
    for one in rows({"contacts": payload}, "contacts", "message", 257):
        name = one.get("name")
        string(name, "formatted_name", "contacts.name")
        parts = ("first_name", "last_name", "middle_name", "suffix", "prefix")
        if not isinstance(name, dict) or not any(name.get(part) for part in parts):
            raise Invalid("contacts.name needs formatted_name and one more part")


def _reaction(payload: Any) -> None:
    string(payload, "message_id", "reaction")
    string(payload, "emoji", "reaction", 16, least=0)


def _interactive(payload: Any) -> None:
    kind = string(payload, "type", "interactive")
    action = payload.get("action")
    if kind != "product" and kind != "catalog_message":
        string(payload.get("body"), "text", "interactive.body", 4096 if kind == "list" else 1024)
    if "footer" in payload:
        string(payload["footer"], "text", "interactive.footer", 60)
    if isinstance(header := payload.get("header"), dict) and header.get("type") == "text":
        string(header, "text", "interactive.header", 60)
    if not isinstance(action, dict):
        raise Invalid("interactive.action is missing", 131008)
    if kind == "button":
        _buttons(action)
    if kind == "list":
        _list(action)


def _buttons(action: Json) -> None:
    seen = set()
    for one in rows(action, "buttons", "action", 3):
        if one.get("type") != "reply":
            raise Invalid("a button's type must be reply")
        seen.add(string(one.get("reply"), "id", "button", 256))
        string(one.get("reply"), "title", "button", 20)
    if len(seen) != len(action["buttons"]):
        raise Invalid("two buttons have the same id")


def _list(action: Json) -> None:
    string(action, "button", "action", 20)
    sections = rows(action, "sections", "action", 10)
    ids = []
    for section in sections:
        if len(sections) > 1:
            string(section, "title", "section", 24)
        for row in rows(section, "rows", "section", 10):
            ids.append(string(row, "id", "row", 200))
            string(row, "title", "row", 24)
            _optional(row, "description", "row", 72)
    if len(ids) > 10 or len(set(ids)) != len(ids):
        raise Invalid("a list has at most 10 rows in all, each with its own id")


def _template(payload: Any) -> None:
    string(payload, "name", "template", 512)
    string(payload.get("language"), "code", "template.language")
    components = payload.get("components", [])
    if not isinstance(components, list):
        raise Invalid("components must be a list")
    for one in components:
        kind = string(one, "type", "component").lower()
        if kind not in ("header", "body", "button"):
            raise Invalid(f"component type {kind!r} is unknown")
        if kind == "button":
            string(one, "sub_type", "component")
            if not str(one.get("index", "")).isdigit():
                raise Invalid("a button component needs its index", 131008)
        if not isinstance(one.get("parameters", []), list):
            raise Invalid("parameters must be a list")


_READERS: dict[str, Callable[[Any], None]] = {
    "text": _text,
    "image": _media("image", caption=True),
    "document": _media("document", caption=True, filename=True),
    "video": _media("video", caption=True),
    "audio": _media("audio"),
    "sticker": _media("sticker"),
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": _interactive,
    "template": _template,
}
