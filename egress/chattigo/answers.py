"""The table of answers: what every answer to a send means for the message. Pure.

One rule is above all others: whatever may have been accepted is never called otherwise than `accepted` or
`in_doubt`, because a batch costs money and cannot be asked about. The table is in `docs/tokens.md`; its rows are
checked against this module by a test. Leaves to the line's owner: what a 500 means for this account (it comes as
`in_doubt` with status 500 and the account's `retry_500` decides), and how often a throttled call is
tried again.
"""

from __future__ import annotations

from egress.chattigo.result import CallResult, Kind
from runtime.http.retry_after import retry_after_s
from schemas.chattigo.answers import read_answer
from schemas.record import Frozen

REASON_MAX = 300

# Meta's codes, which Chattigo's session route passes through (Chattigo's facts, section 9.3). They decide where they
# are known, for the status of the same error has changed over the years.
BAD_LOGIN = frozenset({"190"})
NOT_NOW = frozenset({"4", "80007", "130429", "131056", "131057", "133016"})
NEVER = frozenset({"3"})
# "something went wrong": with a 4xx a refusal to try again later, with a 5xx it proves nothing
GENERIC = frozenset({"1", "2", "131000", "131016"})

# Statuses by which a server or a proxy may also report on a request that it did act on.
UNCLEAR = frozenset({408, 409, 499})
# These say that nothing was done here and where it would be; they are never followed. Any other 3xx may be a "done".
ELSEWHERE = frozenset({301, 307, 308})
LATER = frozenset({425, 429, 503})
UNABLE = frozenset({501, 505})


class HttpAnswer(Frozen):
    """A whole answer; `retry_after` is that header's text."""

    status: int
    body: bytes = b""
    retry_after: str = ""


def classify(answer: HttpAnswer, now_ms: int) -> CallResult:
    """What an answer that arrived whole means. Never `not_sent`, and `accepted` only for a 2xx."""
    said = read_answer(answer.status, answer.body)
    kind = _success(said.ok) if 200 <= answer.status < 300 else _failure(answer.status, said.code)
    failed = kind != "accepted"
    return CallResult(
        kind=kind,
        status=answer.status,
        code=_code(answer.status, said.code) if failed else "",
        reason=(said.title or f"HTTP {answer.status}")[:REASON_MAX] if failed else "",
        provider_ids=said.provider_ids,
        recipients=said.recipients,
        retry_after_s=retry_after_s(answer.retry_after, now_ms) if failed else None,
    )


def _success(ok: bool | None) -> Kind:
    """An empty or unreadable body is what a success often looks like (sections 3.4 and 4.1)."""
    return "in_doubt" if ok is False else "accepted"


def _failure(status: int, code: str) -> Kind:
    readable = 400 <= status <= 500 and status not in UNCLEAR
    return (_by_code(status, code) if readable else None) or _by_status(status)


def _by_code(status: int, code: str) -> Kind | None:
    if code in BAD_LOGIN:
        return "unauthorized"
    if code in NOT_NOW or (code in GENERIC and status in (400, 403)):
        return "throttled"
    return "refused" if code in NEVER else None


def _by_status(status: int) -> Kind:
    if status == 401:
        return "unauthorized"
    if status in LATER:
        return "throttled"
    if status in UNCLEAR:
        return "in_doubt"
    if status in ELSEWHERE or 400 <= status < 500 or status in UNABLE:
        return "refused"
    return "in_doubt"


def _code(status: int, provider: str) -> str:
    if provider:
        return provider
    return "success_false" if 200 <= status < 300 else f"http_{status}"
