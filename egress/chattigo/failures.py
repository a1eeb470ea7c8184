"""Failures on the wire: calls that got no whole answer. Pure.

Everything depends on one fact that `egress.chattigo.wire` observes: whether the first byte of the request may have
left this process. Before it, nothing can have been accepted; from it on, anything can.
"""

from __future__ import annotations

import asyncio

import aiohttp

from egress.chattigo.answers import REASON_MAX
from egress.chattigo.result import CallResult, Kind
from runtime.http import AddressRefused, AnswerTooLarge
from schemas.record import Frozen


class WireFailure(Frozen):
    """`sent`: a byte of the request may have left. `status` is set when an answer began but did not end."""

    sent: bool
    code: str
    reason: str
    status: int = 0


def describe(error: BaseException, *, sent: bool, status: int = 0) -> WireFailure:
    """A failure in words; no address of a person and nothing of the request is in it."""
    return WireFailure(sent=sent, code=_code(error, sent, status), reason=_reason(error), status=status)


def classify_failure(failure: WireFailure) -> CallResult:
    """`in_doubt` if anything can have been accepted, else `not_sent`."""
    kind: Kind = "in_doubt" if failure.sent else "not_sent"
    return CallResult(kind=kind, status=failure.status, code=failure.code, reason=failure.reason)


def _code(error: BaseException, sent: bool, status: int) -> str:
    if isinstance(error, AnswerTooLarge):
        return "answer_too_large"
    if status:
        return "answer_timeout" if isinstance(error, TimeoutError) else "answer_truncated"
    if sent:
        return "timeout" if isinstance(error, TimeoutError) else "connection_lost"
    for kinds, code in _BEFORE:
        if isinstance(error, kinds):
            return code
    return "connect_failed"


_BEFORE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (asyncio.TimeoutError, "connect_timeout"),
    (aiohttp.ClientConnectorDNSError, "dns_failed"),
    ((aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch), "tls_failed"),
    (AddressRefused, "address_refused"),
    (ValueError, "unsendable"),  # aiohttp.InvalidURL is one; a token that does not fit into a header is another
)


def _reason(error: BaseException) -> str:
    detail = getattr(error, "strerror", None) or ("" if isinstance(error, aiohttp.InvalidURL) else str(error))
    name = type(error).__name__
    return f"{name}: {detail}"[:REASON_MAX] if detail else name
