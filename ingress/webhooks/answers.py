"""Answers as HTTP: exactly 200 with an empty body, or problem+json (RFC 9457) without secrets or payload."""

from __future__ import annotations

import math

from aiohttp import web

from ingress.webhooks import outcomes
from ingress.webhooks.intake import Answer
from runtime.http import problem

PROBLEM_TYPE = "urn:relevo:problem:"


def response(answer: Answer, retry_after_s: int, *, close: bool = False) -> web.Response:
    """The response of an answer; `close` ends the connection after it."""
    made = _problem(answer, retry_after_s) if answer.outcome.status != 200 else web.Response()
    if answer.outcome is outcomes.BAD_METHOD:
        made.headers["Allow"] = "POST"
    if answer.outcome is outcomes.UNKNOWN_ENCODING:
        made.headers["Accept-Encoding"] = "gzip, deflate"
    if close or answer.outcome in (outcomes.TOO_SLOW, outcomes.CUT_OFF):
        made.force_close()
    return made


def _problem(answer: Answer, retry_after_s: int) -> web.Response:
    outcome = answer.outcome
    headers = {"Retry-After": str(max(retry_after_s, math.ceil(answer.wait_s)))} if outcome.wait else {}
    return problem(outcome.status, outcome.title, outcome.detail, type_=PROBLEM_TYPE + outcome.name, headers=headers)
