"""A customer of the simulated Chattigo: says something on a line, and hears what the business answers.

Over the sandbox's control API (docs/sandbox.md). What is heard are `message` lines of its ledger for that person.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import yaml

from sandbox.chattigo.knobs import Knobs, own
from sandbox.control import Control, SandboxError

_QUIET_S = 1.5  # after an answer, how long to wait for one more
_AGAIN_S = 0.2


class Talk(Control):
    """`async with Talk(url) as talk`. `did` may be empty where the sandbox has one line."""

    def __init__(self, url: str, did: str = "") -> None:
        super().__init__(url)
        self._did = did

    async def webhook(self, address: str) -> str:
        """Set the line's webhook, as Chattigo's staff would; the line."""
        did = await self.line()
        await self._call("POST", "webhooks", {"did": did, "url": address})
        return did

    async def line(self) -> str:
        """The line: the one that was named, or the only one there is."""
        if not self._did:
            lines = [line["did"] for line in (await self._call("GET", "state"))["lines"]]
            if len(lines) != 1:
                raise SandboxError(f"name one of the sandbox's lines with --did: {', '.join(lines) or 'there is none'}")
            self._did = str(lines[0])
        return self._did

    async def profile(self, name: str, knobs: dict[str, Any]) -> str:
        """Switch to a profile; what is not as by default then."""
        return _turned(await self._call("POST", "profile", {"name": name, "knobs": knobs}))

    async def turn(self, changes: dict[str, Any]) -> str:
        """Turn knobs; what is not as by default then."""
        return _turned(await self._call("PATCH", "knobs", changes))

    async def says(self, contact: str, text: str, wait_s: float) -> AsyncIterator[str]:
        """The person writes; each answer that comes within the wait, until it is quiet."""
        did = await self.line()
        since = (await self._call("GET", "state"))["entries"]
        await self._call("POST", "customers/say", {"did": did, "contact": contact, "message": text})
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            found = await self._call("GET", f"ledger?type=message&since={since}")
            since = found["next"]
            for entry in found["entries"]:
                if (entry["did"], entry["contact"]) == (did, contact):
                    yield shown(entry["kind"], entry["body"])
                    until = min(until, time.monotonic() + _QUIET_S)
            await asyncio.sleep(_AGAIN_S)


def nested(settings: Sequence[str]) -> dict[str, Any]:
    """Knobs such as `webhooks.duplicate=0.2` as an object; a value is YAML. Raises ValueError."""
    found: dict[str, Any] = {}
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            raise ValueError(f"{setting!r} is no knob=value")
        *areas, name = path.split(".")
        place = found
        for area in areas:
            place = place.setdefault(area, {})
        try:
            place[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{setting!r}: the value is no YAML") from None
    return found


def _turned(knobs: Any) -> str:
    """All knobs that are not as by default, one a line."""
    lines = [
        f"{area}.{name}={value}" if isinstance(inner, dict) else f"{area}={inner}"
        for area, inner in own(msgspec.convert(knobs, Knobs)).items()
        for name, value in (inner.items() if isinstance(inner, dict) else [("", "")])
    ]
    return "\n".join(lines) or "all knobs are as by default"


def shown(kind: str, body: Any) -> str:
    """What a person sees of a message that Chattigo got, in either format."""
    found, inner = _obj(body), _obj(body).get("body")
    said = inner if isinstance(inner, str) else _obj(inner).get("text")
    text = said or found.get("content") or found.get("caption") or found.get("text") or ""
    action = _obj(found.get("action"))
    titles = [_obj(button.get("reply")).get("title", "") for button in action.get("buttons", [])]
    titles += [row.get("title", "") for section in action.get("sections", []) for row in section.get("rows", [])]
    return " ".join([*([f"[{kind}]"] if kind != "text" else []), str(text), *(f"[{title}]" for title in titles)])


def _obj(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
