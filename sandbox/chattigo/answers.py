"""Bodies of Chattigo's answers: Graph errors on the ISV service, its own objects elsewhere (Q5, Q6, Q24, Q25).

The Graph error is Meta's shape; Chattigo's own error object is an assumption (`docs/reference/sandbox.md`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from sandbox.chattigo import errors
from sandbox.chattigo.knobs import Limits
from sandbox.chattigo.ledger import Entry


class Verdict(NamedTuple):
    """What a service decided about a call, before any fault on the wire.

    `entries`: ledger lines of what it caused; `then`: what follows once they are written; `recipients`: messages
    accepted.
    """

    status: int
    body: bytes = b""
    accepted: bool = False
    reason: str = ""
    auth: str = "ok"
    entries: tuple[Entry, ...] = ()
    then: Callable[[], None] | None = None
    recipients: int = 0
    headers: dict[str, str] = {}


class Invalid(Exception):
    """A body that Chattigo refuses; `code` is the Graph number, `status` the HTTP status."""

    def __init__(self, reason: str, code: int = 100, status: int = 400) -> None:
        super().__init__(reason)
        self.reason, self.code, self.status = reason, code, status


def ok(body: Any = None, **more: Any) -> Verdict:
    """200 with a JSON body, or an empty one."""
    return Verdict(200, b"" if body is None else orjson.dumps(body), **more)


def graph_error(reason: str, code: int = 100, status: int = 400, auth: str = "ok") -> Verdict:
    """Meta's error object (section 9.3)."""
    kind = "OAuthException" if code in (0, 10, 190) else "GraphMethodException"
    details = {"messaging_product": "whatsapp", "details": reason}
    error = {"message": f"(#{code}) {reason}", "type": kind, "code": code, "error_data": details}
    return Verdict(status, orjson.dumps({"error": error | {"fbtrace_id": "Asandbox"}}), reason=reason, auth=auth)


def by_number(code: int) -> Verdict:
    """The Graph error of a number, with the status that Meta gives it."""
    return graph_error(errors.title(code), code, errors.status(code))


def flat_error(reason: str, status: int = 400, auth: str = "ok") -> Verdict:
    """Chattigo's own error object: an assumption."""
    return Verdict(status, orjson.dumps({"success": False, "message": reason}), reason=reason, auth=auth)


def too_fast(limits: Limits, code: int, *, graph: bool) -> Verdict:
    """A limit of WhatsApp as an answer: a Graph error (Q26: 400 or 429); elsewhere 429 alone, an assumption."""
    reason = errors.title(code)
    return graph_error(reason, code, limits.error_status) if graph else flat_error(reason, 429)


def unauthorized(why: str, form: str = "empty") -> Verdict:
    """401 for a token, its body as the knob says (Q5)."""
    reason = f"token {why}"
    if form == "graph":
        return graph_error(reason, 190, 401, auth=why)
    if form == "flat":
        return flat_error(reason, 401, auth=why)
    return Verdict(401, b"Unauthorized" if form == "text" else b"", reason=reason, auth=why)


def told(verdict: Verdict, form: str) -> Verdict:
    """An answer of the ISV service with its error in another form (Q25)."""
    if verdict.status < 400 or form == "graph":
        return verdict
    own = orjson.dumps({"success": False, "message": verdict.reason})
    return verdict._replace(body=own if form == "flat" else b"")
