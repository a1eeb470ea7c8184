"""The table of verdicts, row by row, and what must hold in all of them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.chattigo.result import CallResult
from egress.lines.results.verdicts import LATE, POLICY_500, UNREACHABLE_FACTOR, backoff_s, decide
from runtime.settings import EgressSettings
from schemas.tenant import Account
from tests.builders.lines import WALL, plan, tenant

SETTINGS = EgressSettings()
HSM = tenant().accounts["hsm"]


def account(retry_500: str) -> Account:
    return msgspec.structs.replace(HSM, retry_500=retry_500)


@pytest.mark.parametrize(
    ("result", "retry_500", "recorded", "again", "why"),
    [
        (CallResult(kind="accepted", status=200), "backoff", "accepted", False, ""),
        (CallResult(kind="refused", status=400), "backoff", "refused", False, ""),
        (CallResult(kind="not_sent"), "backoff", "not_sent", True, ""),
        (LATE, "backoff", "not_sent", True, ""),
        (CallResult(kind="throttled", status=429), "backoff", "throttled", True, ""),
        (CallResult(kind="unauthorized", status=401), "backoff", "not_sent", True, ""),
        (CallResult(kind="in_doubt", status=500), "backoff", "in_doubt", True, POLICY_500),
        (CallResult(kind="in_doubt", status=500), "in_doubt", "in_doubt", False, ""),
        (CallResult(kind="in_doubt", status=500), "refuse", "refused", False, ""),
        (CallResult(kind="in_doubt", status=502), "backoff", "in_doubt", False, ""),
        (CallResult(kind="in_doubt"), "backoff", "in_doubt", False, ""),
    ],
)
def test_the_table(result: CallResult, retry_500: str, recorded: str, again: bool, why: str) -> None:
    verdict = decide(plan(), result, account(retry_500), SETTINGS, WALL)
    assert (verdict.outcome.result, verdict.again_s is not None, verdict.resend_why) == (recorded, again, why)


@given(
    st.sampled_from(["accepted", "refused", "not_sent", "throttled", "unauthorized", "in_doubt"]),
    st.sampled_from([0, 200, 400, 401, 429, 500, 502, 503]),
    st.integers(1, 80),
    st.sampled_from(["backoff", "in_doubt", "refuse"]),
)
def test_a_doubt_is_only_resent_on_record_and_attempts_end(kind: str, status: int, attempt: int, retry: str) -> None:
    result = CallResult(kind=kind, status=status)
    verdict = decide(plan(attempt=attempt), result, account(retry), SETTINGS, WALL)
    if verdict.outcome.result == "in_doubt" and verdict.again_s is not None:
        assert verdict.resend_why
    if verdict.outcome.result in ("not_sent", "throttled"):
        assert not verdict.resend_why
        assert (verdict.again_s is None) == verdict.dead
    if attempt >= SETTINGS.attempts_max * UNREACHABLE_FACTOR:
        assert verdict.again_s is None
    if kind in ("accepted", "in_doubt") and retry != "refuse":
        assert verdict.outcome.result == kind


def test_retry_after_is_heeded_and_the_line_pauses() -> None:
    verdict = decide(plan(), CallResult(kind="throttled", status=429, retry_after_s=17), HSM, SETTINGS, WALL)
    assert (verdict.again_s, verdict.hold_s) == (17, 17)


def test_pauses_double_up_to_their_bound() -> None:
    assert [backoff_s(n, SETTINGS) for n in (1, 2, 3, 50)] == [1, 2, 4, 60]
