"""What a person sees of a message from the business: its words, and what there is to press or to choose. Pure.

Reads the bodies as the ledger has them: Cloud API objects, Chattigo's flat objects, templates. Promises: whatever the
body is, nothing is raised; what is not understood offers nothing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["button_reply", "list_reply", "button", "nfm_reply", "typed"]
_NUMBERED = re.compile(r"^\s*(\d{1,2})\s*[.):-]\s*(\S.*?)\s*$", re.MULTILINE)


class Choice(NamedTuple):
    """Something to press. `kind`: how it is told to the business; `typed` for a number in front of a line of a text."""

    kind: Kind
    id: str
    title: str
    description: str = ""


class Offer(NamedTuple):
    """A message as its recipient has it. `wamid` is what a quotation or a reaction names."""

    wamid: str
    text: str = ""
    choices: tuple[Choice, ...] = ()


def of_message(wamid: str, kind: str, body: Any) -> Offer:
    """A session message, or a template through the ISV service."""
    found = _obj(body)
    if kind == "template":
        return Offer(wamid, "", tuple(_quick_replies(found)))
    if kind == "interactive":
        text = str(_obj(found.get("body")).get("text", ""))
        return Offer(wamid, text, tuple(_interactive(found)))
    flat = _obj(found.get("interactiveMsg"))
    text = str(found.get("body") or found.get("content") or found.get("caption") or "")
    if flat:
        return Offer(wamid, text, tuple(_flat(flat)))
    return Offer(wamid, text, tuple(Choice("typed", digits, title) for digits, title in _NUMBERED.findall(text)))


def of_template(wamid: str, labels: list[str], payloads: list[Any]) -> Offer:
    """A template of a batch: its quick replies by their labels, with the payloads that the send put in."""
    said = [payloads[place] if place < len(payloads) else label for place, label in enumerate(labels)]
    choices = (Choice("button", str(payload), label) for payload, label in zip(said, labels, strict=True))
    return Offer(wamid, "", tuple(choices))


def _interactive(found: Mapping[str, Any]) -> Iterator[Choice]:
    action = _obj(found.get("action"))
    for button in _objs(action.get("buttons")):
        reply = _obj(button.get("reply"))
        yield Choice("button_reply", str(reply.get("id", "")), str(reply.get("title", "")))
    for section in _objs(action.get("sections")):
        for row in _objs(section.get("rows")):
            words = (str(row.get(name, "")) for name in ("id", "title", "description"))
            yield Choice("list_reply", *words)
    if found.get("type") == "flow":
        inner = _obj(action.get("parameters"))
        yield Choice("nfm_reply", str(inner.get("flow_token", "")), str(inner.get("flow_cta", "")))


def _flat(found: Mapping[str, Any]) -> Iterator[Choice]:
    for choice in _objs(found.get("choices")):
        yield Choice("list_reply", str(choice.get("id", "")), str(choice.get("text", "")))


def _quick_replies(found: Mapping[str, Any]) -> Iterator[Choice]:
    for part in _objs(found.get("components")):
        if str(part.get("type")).lower() == "button" and str(part.get("sub_type")).lower() == "quick_reply":
            payload = next((str(one.get("payload", "")) for one in _objs(part.get("parameters"))), "")
            yield Choice("button", payload, payload)


def _obj(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objs(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
