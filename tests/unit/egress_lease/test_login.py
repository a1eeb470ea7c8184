"""What an answer to a login means for the next one."""

from __future__ import annotations

import pytest

from egress.chattigo.answers import HttpAnswer
from egress.chattigo.failures import WireFailure
from egress.lease.breaker import Failure
from egress.lease.login import LoggedIn, failed, read


def test_a_token_is_read() -> None:
    body = b'{"access_token":"jwt","access":true}'
    assert read(HttpAnswer(status=200, body=body), 5) == LoggedIn("jwt", body, 5)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"", "credentials"),
        (401, b"", "credentials"),
        (403, b"", "credentials"),
        (429, b"", "throttled"),
        (503, b"", "throttled"),
        (423, b"", "throttled"),
        (500, b"", "failed"),
        (302, b"", "failed"),
        (502, b"", "unclear"),
        (200, b"", "unclear"),
        (200, b"\xff", "unclear"),
        (200, b'{"token":"x"}', "unclear"),
    ],
)
def test_refusals_are_told_apart(status: int, body: bytes, kind: str) -> None:
    found = read(HttpAnswer(status=status, body=body, retry_after="9"), 0)
    assert isinstance(found, Failure)
    assert (found.kind, found.status, found.retry_after_s) == (kind, status, 9)


def test_a_failure_on_the_wire_is_unclear_if_something_was_sent() -> None:
    assert failed(WireFailure(sent=True, code="timeout", reason="")).kind == "unclear"
    assert failed(WireFailure(sent=False, code="connect_failed", reason="")).kind == "unreachable"
