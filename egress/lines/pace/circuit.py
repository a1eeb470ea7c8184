"""What the result of a call says of an account's service, for its circuit (`runtime.circuit`). Pure.

This is about the service of an account; `egress.chattigo.breaker` is about a token on a line, `egress.lease.breaker`
about logins.
"""

from __future__ import annotations

from egress.chattigo.result import CallResult
from runtime.circuit import NOTHING, WELL, Circuit, Pace, Sign, State

__all__ = ["NOTHING", "WELL", "Circuit", "Pace", "Sign", "State", "sign_of"]

# Nothing was asked of the service; it took no time that was ours to give; or the number, not the account, is wrong.
_NOT_ITS_FAULT = frozenset(
    {"late", "too_late", "not_your_line", "answer_too_large", "success_false", "paused", "stopped"}
)
_TIMEOUTS = frozenset({"timeout", "answer_timeout"})
_CUT_OFF = frozenset({"answer_timeout", "answer_truncated"})


def sign_of(result: CallResult) -> Sign:
    """The sign that one call gives."""
    if result.code in _NOT_ITS_FAULT:
        return NOTHING
    match result.kind:
        case "accepted":
            return WELL
        case "unauthorized":
            return Sign(unwell="unauthorized")
        case "not_sent":
            return Sign(unwell="no_token" if result.code == "no_token" else "unreachable")
        case "throttled" if result.status >= 500 and result.retry_after_s is not None:
            return Sign(after_s=result.retry_after_s)
        case "throttled" if result.status == 503:
            return Sign(unwell="unavailable")
        case "in_doubt":
            return _of_doubt(result)
        case _:
            return _of_refusal(result.status)


def _of_doubt(result: CallResult) -> Sign:
    if not result.status or result.code in _CUT_OFF:
        return Sign(unwell="timeout" if result.code in _TIMEOUTS else "connection_lost")
    return Sign(unwell="server_error") if result.status >= 500 or result.status == 408 else NOTHING


def _of_refusal(status: int) -> Sign:
    """Refused or told "not now" with a 4xx: it works. A 3xx comes from something else than the service."""
    if status > 500:
        return Sign(unwell="server_error")
    return WELL if 400 <= status < 500 else NOTHING
