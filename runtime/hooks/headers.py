"""Headers that a call may carry beside ours.

What frames a request (its length, its encoding, whom it is for) is ours alone: said otherwise, the rest of a body would
pass for another request, on a connection that calls of several tenants share.
"""

from __future__ import annotations

import re

FRAMING = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")


def header_problem(name: str, value: str) -> str:
    """What is wrong with a header that a tenant gives; empty if it may go along. Never quotes its value."""
    if not _NAME.fullmatch(name):
        return "not the name of a header"
    if name.lower() in FRAMING or name.lower().startswith("webhook-"):
        return "this header is set by Relevo"
    if not (value.isascii() and value.isprintable()):
        return "a header holds letters, digits and signs of ASCII, without line breaks"
    return ""
