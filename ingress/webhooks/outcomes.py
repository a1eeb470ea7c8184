"""Outcomes: every way in which a webhook request can end, declared once.

An outcome's name is the `outcome` label of the metrics and the last part of a problem's `type`. `kept` says that the
bytes are then in `inbound.rejected`. The table in `docs/webhooks.md` is checked against this list.
"""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """`title` and `detail` make the problem+json body; answers with 200 have none. `wait` adds Retry-After."""

    name: str
    status: int
    title: str
    detail: str = ""
    kept: bool = False
    wait: bool = False


ACCEPTED = Outcome("accepted", 200, "Taken, and confirmed by Kafka")
UNKNOWN_SHAPE = Outcome("unknown_shape", 200, "JSON of a shape that nobody knows", kept=True)
INACTIVE_TENANT = Outcome("inactive_tenant", 200, "The tenant is switched off", kept=True)
TOO_WIDE = Outcome("too_wide", 200, "Carving would make far too much of the body", kept=True)
PARSER_FAILED = Outcome("parser_failed", 200, "Reading the JSON failed; the cause is in the log", kept=True)

NOT_JSON = Outcome("not_json", 400, "Not JSON", "The body is not JSON in UTF-8.", kept=True)
BAD_ENCODING = Outcome(
    "bad_encoding", 400, "Broken compression", "The body does not unpack as Content-Encoding says.", kept=True
)
CUT_OFF = Outcome("cut_off", 400, "Body cut off", "The connection ended, or broke its framing, inside the body.")
BAD_EXPECTATION = Outcome("bad_expectation", 417, "Unknown expectation", "Only Expect: 100-continue is known.")
FORBIDDEN = Outcome("forbidden", 403, "Forbidden", "This address may not send webhooks.")
NOT_FOUND = Outcome("not_found", 404, "Not found", "There is nothing under this address.")
BAD_METHOD = Outcome("bad_method", 405, "Method not allowed", "Webhooks come by POST.")
TOO_SLOW = Outcome("too_slow", 408, "Too slow", "The body did not arrive in time.")
TOO_LARGE = Outcome("too_large", 413, "Too large", "The body, as sent or unpacked, is larger than the limit.")
TOO_DEEP = Outcome("too_deep", 413, "Too deep", "The JSON is nested deeper than the limit.")
UNKNOWN_ENCODING = Outcome(
    "unknown_encoding", 415, "Unknown compression", "Bodies come as they are, or with one of gzip and deflate."
)
TOO_MANY = Outcome("too_many", 429, "Too many requests", "The rate of this address is used up.", wait=True)
STARTING = Outcome("starting", 503, "Not ready", "The service has not read its configuration yet.", wait=True)
FULL = Outcome("full", 503, "Busy", "More requests wait for storage than may; try again.", wait=True)
UNSURE = Outcome(
    "unsure", 503, "Not confirmed", "Storage did not confirm in time; try again. Repeats are recognised.", wait=True
)
FAILED = Outcome("failed", 500, "Failed", "The request failed inside; try again.")

OUTCOMES: tuple[Outcome, ...] = tuple(value for value in vars().copy().values() if isinstance(value, Outcome))


class Refused(Exception):
    """The request ends here with this outcome; nothing of it is kept unless its plan says so."""

    def __init__(self, outcome: Outcome, *, wait_s: float = 0) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome
        self.wait_s = wait_s
