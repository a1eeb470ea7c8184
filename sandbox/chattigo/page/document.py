"""The page as one document: markup, style and script in one answer, which loads nothing more.

Promises: its policy lets the browser run and apply nothing but these very bytes, and talk to nobody but the sandbox.
Text can become markup nowhere, because the policy forbids the browser to parse any.
"""

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
# One after the other, in one script: each may use what stands before it.
SCRIPTS = (
    "dom", "content", "interactive", "model", "bubble", "replies", "phones", "chat", "lines", "fields", "knobs",
    "faults", "services", "app",
)  # fmt: skip


class Document(NamedTuple):
    """The bytes, and the headers that go with them."""

    body: bytes
    headers: dict[str, str]


def document() -> Document:
    """Put together from the files of this folder."""
    style = _read("style.css")
    script = '"use strict";\n' + "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    html = _read("page.html").replace("/* style */", style, 1).replace("/* script */", script, 1)
    return Document(html.encode(), _headers(style, script))


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _headers(style: str, script: str) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": _hash(script),
        "style-src": _hash(style),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
