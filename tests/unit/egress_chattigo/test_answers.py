"""Every answer, and every failure, has the meaning that the table in docs/tokens.md gives it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import aiohttp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from egress.chattigo.answers import HttpAnswer, classify
from egress.chattigo.failures import WireFailure, classify_failure, describe
from egress.chattigo.result import Kind

NOW = 1_700_000_000_000
DOC = Path(__file__).parents[3] / "docs" / "tokens.md"

bodies = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b"",
            b'{"success":true}',
            b'{"success":false,"message":"no"}',
            b'{"messages":[{"id":"wamid.1"}]}',
            b'{"error":{"code":130429,"message":"slow down"}}',
            b'{"error":{"code":190}}',
            b'{"error":{"code":3}}',
            b'{"errors":[{"code":"131000"}]}',
            b"[1]",
            b"null",
        ]
    ),
)


def kind(status: int, body: bytes = b"", retry_after: str = "") -> Kind:
    return classify(HttpAnswer(status=status, body=body, retry_after=retry_after), NOW).kind


@given(st.integers(100, 999), bodies, st.text(max_size=40))
@example(200, b'{"success":false}', "")
def test_only_a_2xx_can_be_accepted_and_it_is_never_called_anything_but_accepted_or_in_doubt(
    status: int, body: bytes, retry_after: str
) -> None:
    found = classify(HttpAnswer(status=status, body=body, retry_after=retry_after), NOW)
    assert found.kind in get_args(Kind)
    assert found.kind != "not_sent"
    assert found.status == status
    if 200 <= status < 300:
        assert found.kind in ("accepted", "in_doubt")
    else:
        assert found.kind != "accepted"
        assert found.code
        assert found.reason


@given(st.integers(500, 599).filter(lambda s: s not in (500, 501, 503, 505)), bodies)
@example(502, b'{"error":{"code":130429}}')
@example(504, b'{"error":{"code":3}}')
def test_what_a_proxy_may_say_after_the_server_acted_is_in_doubt_whatever_the_body_says(
    status: int, body: bytes
) -> None:
    assert kind(status, body) == "in_doubt"


@given(bodies)
def test_a_401_is_about_the_login_unless_the_body_says_that_it_was_too_much(body: bytes) -> None:
    assert kind(401, body) in ("unauthorized", "throttled", "refused")
    assert kind(401) == "unauthorized"


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (200, b"", "accepted", ""),
        (204, b"", "accepted", ""),
        (202, b"not json", "accepted", ""),
        (200, b'{"success":true}', "accepted", ""),
        (200, b'{"success":false}', "in_doubt", "success_false"),
        (200, b'{"error":{"code":131000,"message":"x"}}', "in_doubt", "131000"),
        (301, b"", "refused", "http_301"),
        (302, b"", "in_doubt", "http_302"),
        (303, b"", "in_doubt", "http_303"),
        (307, b"", "refused", "http_307"),
        (308, b"", "refused", "http_308"),
        (400, b'{"error":{"code":132000,"message":"count"}}', "refused", "132000"),
        (400, b'{"error":{"code":130429}}', "throttled", "130429"),
        (400, b'{"error":{"code":131056}}', "throttled", "131056"),
        (400, b'{"error":{"code":131000}}', "throttled", "131000"),
        (400, b'{"error":{"code":190}}', "unauthorized", "190"),
        (401, b"", "unauthorized", "http_401"),
        (403, b"", "refused", "http_403"),
        (404, b"", "refused", "http_404"),
        (408, b"", "in_doubt", "http_408"),
        (409, b"", "in_doubt", "http_409"),
        (413, b"", "refused", "http_413"),
        (429, b"", "throttled", "http_429"),
        (500, b"", "in_doubt", "http_500"),
        (500, b'{"error":{"code":3}}', "refused", "3"),
        (500, b'{"error":{"code":131000}}', "in_doubt", "131000"),
        (501, b"", "refused", "http_501"),
        (502, b"", "in_doubt", "http_502"),
        (503, b"", "throttled", "http_503"),
        (504, b"", "in_doubt", "http_504"),
    ],
)
def test_the_rows_of_the_table(status: int, body: bytes, expected: str, code: str) -> None:
    found = classify(HttpAnswer(status=status, body=body), NOW)
    assert (found.kind, found.code) == (expected, code)


def test_the_page_lists_every_status_with_the_meaning_that_the_code_gives_it() -> None:
    rows = re.findall(r"^\| ((?:`\d{3}`(?:, )?)+)[^|]*\| `(\w+)`", DOC.read_text(), re.MULTILINE)
    listed = {int(status): meaning for cell, meaning in rows for status in re.findall(r"\d{3}", cell)}
    assert len(listed) > 20
    assert listed == {status: kind(status) for status in listed}


def test_wamids_and_the_wait_are_handed_on() -> None:
    accepted = classify(HttpAnswer(status=200, body=b'{"messages":[{"id":"wamid.7"}]}', retry_after="5"), NOW)
    assert (accepted.provider_ids, accepted.retry_after_s) == (["wamid.7"], None)
    throttled = classify(HttpAnswer(status=429, retry_after="17"), NOW)
    assert throttled.retry_after_s == 17


@given(st.booleans(), st.sampled_from([0, 200, 400]))
def test_a_failure_is_in_doubt_exactly_if_a_byte_may_have_left(sent: bool, status: int) -> None:
    failed = WireFailure(sent=sent, code="timeout", reason="r", status=status)
    assert classify_failure(failed).kind == ("in_doubt" if sent else "not_sent")


@pytest.mark.parametrize(
    ("error", "sent", "status", "code"),
    [
        (TimeoutError(), False, 0, "connect_timeout"),
        (TimeoutError(), True, 0, "timeout"),
        (TimeoutError(), True, 200, "answer_timeout"),
        (aiohttp.ServerDisconnectedError(), True, 0, "connection_lost"),
        (aiohttp.ClientPayloadError("cut"), True, 200, "answer_truncated"),
        (aiohttp.InvalidURL("http://x"), False, 0, "unsendable"),
        (OSError(111, "refused"), False, 0, "connect_failed"),
    ],
)
def test_failures_are_named(error: Exception, sent: bool, status: int, code: str) -> None:
    failure = describe(error, sent=sent, status=status)
    assert (failure.code, failure.sent) == (code, sent)
    assert failure.reason
