"""`Retry-After` is read in both forms, and nonsense is no wait at all."""

from __future__ import annotations

from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.http.retry_after import LONGEST_S, retry_after_s

NOW = 1_700_000_000_000


@given(st.integers(0, 86_400))
def test_seconds(seconds: int) -> None:
    assert retry_after_s(f" {seconds} ", NOW) == seconds


@given(st.datetimes().map(lambda d: d.replace(microsecond=0)))
def test_a_date_is_a_wait_that_is_never_negative_and_never_endless(when: object) -> None:
    found = retry_after_s(format_datetime(when), NOW)  # type: ignore[arg-type]
    assert found is None or 0 <= found <= LONGEST_S


def test_a_date_in_the_http_form() -> None:
    assert retry_after_s("Tue, 14 Nov 2023 22:13:50 GMT", NOW) == 30
    assert retry_after_s("Tue, 14 Nov 2023 22:13:10 GMT", NOW) == 0


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "0x10", "٣", "Tue, 99 Foo 2023 22:13:50 GMT"])
def test_what_cannot_be_read_is_no_wait(text: str) -> None:
    assert retry_after_s(text, NOW) is None


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    found = retry_after_s(text, NOW)
    assert found is None or 0 <= found <= LONGEST_S


def test_an_absurd_number_waits_a_day() -> None:
    assert retry_after_s("9" * 40, NOW) == LONGEST_S
