"""The circuit of an account: what opens it, how long it is left alone, what one probe may do, what closes it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.chattigo.result import CallResult, Kind
from egress.lines.pace.accounts import Accounts, calls_max
from egress.lines.pace.circuit import NOTHING, WELL, Circuit, Pace, Sign, sign_of
from egress.lines.process.posting import as_meant
from egress.lines.results.verdicts import LATE, decide
from runtime import metrics
from runtime.settings import EgressSettings
from tests.builders.lines import WALL, plan, tenant

PACE = Pace(failures=3, pause_s=2, pause_max_s=10)
BAD = Sign(unwell="server_error")
REASONS = {"no_token", "unauthorized", "unreachable", "unavailable", "timeout", "connection_lost", "server_error"}


def result(kind: Kind, status: int = 0, code: str = "", retry_after_s: float | None = None) -> CallResult:
    return CallResult(kind=kind, status=status, code=code, retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("came", "sign"),
    [
        (result("accepted", 200), WELL),
        (result("refused", 400, "131026"), WELL),
        (result("refused", 404, "http_404"), WELL),
        (result("throttled", 429, "http_429", 3), WELL),
        (result("throttled", 400, "130429"), WELL),
        (result("throttled", 503, "http_503", 3), Sign(after_s=3)),
        (result("throttled", 503, "http_503"), Sign(unwell="unavailable")),
        (result("throttled", 500, "130429"), NOTHING),
        (result("refused", 307, "http_307"), NOTHING),
        (result("refused", 501, "http_501"), Sign(unwell="server_error")),
        (result("unauthorized", 401, "http_401"), Sign(unwell="unauthorized")),
        (result("unauthorized", 401, "not_your_line", 40), NOTHING),
        (result("unauthorized", 0, "not_your_line", 40), NOTHING),
        (result("not_sent", 0, "no_token"), Sign(unwell="no_token")),
        (result("not_sent", 0, "connect_failed"), Sign(unwell="unreachable")),
        (result("not_sent", 0, "too_late"), NOTHING),
        (LATE, NOTHING),
        (result("in_doubt", 0, "timeout"), Sign(unwell="timeout")),
        (result("in_doubt", 200, "answer_timeout"), Sign(unwell="timeout")),
        (result("in_doubt", 200, "answer_truncated"), Sign(unwell="connection_lost")),
        (result("in_doubt", 0, "connection_lost"), Sign(unwell="connection_lost")),
        (result("in_doubt", 0, "client_failed"), Sign(unwell="connection_lost")),
        (result("in_doubt", 500, "http_500"), Sign(unwell="server_error")),
        (result("in_doubt", 502, "http_502"), Sign(unwell="server_error")),
        (result("in_doubt", 504, "http_504"), Sign(unwell="server_error")),
        (result("in_doubt", 408, "http_408"), Sign(unwell="server_error")),
        (result("in_doubt", 409, "http_409"), NOTHING),
        (result("in_doubt", 200, "success_false"), NOTHING),
    ],
)
def test_what_a_result_says_of_the_service(came: CallResult, sign: Sign) -> None:
    assert sign_of(came) == sign


@pytest.mark.parametrize(("says", "sign"), [("refuse", NOTHING), ("backoff", BAD), ("in_doubt", BAD)])
def test_a_500_that_the_account_calls_a_refusal_says_nothing_of_its_service(says: str, sign: Sign) -> None:
    account = msgspec.structs.replace(tenant().accounts["hsm"], retry_500=says)
    came = result("in_doubt", 500, "http_500")
    verdict = decide(plan(), came, account, EgressSettings(), WALL)
    assert sign_of(as_meant(came, verdict)) == sign


@given(
    st.sampled_from(["accepted", "refused", "not_sent", "throttled", "unauthorized", "in_doubt"]),
    st.sampled_from([0, 200, 302, 400, 401, 408, 429, 500, 501, 502, 503, 504]),
    st.sampled_from(["", "timeout", "no_token", "not_your_line", "answer_truncated", "131000"]),
    st.none() | st.floats(0, 100),
)
def test_every_result_has_one_sign_and_its_reasons_are_few(
    kind: Kind, status: int, code: str, retry: float | None
) -> None:
    sign = sign_of(result(kind, status, code, retry))
    assert not (sign.well and sign.unwell)
    assert sign.unwell in REASONS | {""}


def opened(now_s: float = 0.0) -> Circuit:
    circuit = Circuit()
    for _ in range(PACE.failures):
        circuit.ended("x", BAD, now_s, PACE)
    assert circuit.state(now_s) == "open"
    return circuit


def test_only_failures_in_a_row_open_it() -> None:
    circuit = Circuit()
    for sign in (BAD, BAD, WELL, BAD, BAD, NOTHING):
        assert not circuit.ended("x", sign, 0, PACE)
    assert circuit.closed
    assert circuit.ended("x", BAD, 0, PACE), "what says nothing does not end a run"
    assert (circuit.state(1.9), circuit.opens_at(), circuit.reason) == ("open", 2.0, "server_error")


def test_a_probe_that_fails_doubles_the_pause_up_to_its_bound() -> None:
    circuit, now_s, pauses = opened(), 0.0, []
    for _ in range(5):
        pauses.append(circuit.pause_s)
        now_s = circuit.opens_at()
        circuit.began("probe")
        assert (circuit.state(now_s), circuit.opens_at()) == ("half_open", float("inf"))
        assert circuit.ended("probe", BAD, now_s, PACE)
    assert pauses == [2, 4, 8, 10, 10]


def test_a_probe_that_succeeds_closes_it_and_the_next_run_begins_anew() -> None:
    circuit = opened()
    circuit.began("probe")
    assert circuit.ended("probe", WELL, 2, PACE)
    assert circuit.closed
    assert not circuit.ended("x", BAD, 3, PACE)
    for _ in range(2):
        circuit.ended("x", BAD, 3, PACE)
    assert circuit.pause_s == PACE.pause_s


def test_calls_that_began_before_it_opened_do_not_make_the_pause_longer_but_may_close_it() -> None:
    circuit = opened()
    for _ in range(10):
        assert not circuit.ended("earlier", BAD, 1, PACE)
    assert circuit.opens_at() == 2.0
    circuit.began("probe")
    assert not circuit.ended("earlier", BAD, 3, PACE)
    assert circuit.opens_at() == float("inf")
    assert circuit.ended("earlier", WELL, 3, PACE)
    assert circuit.closed
    assert not circuit.ended("probe", BAD, 4, PACE), "it is a failure like any other by now"


def test_a_probe_that_says_nothing_is_handed_on_when_the_service_wants_it() -> None:
    circuit = opened()
    circuit.began("probe")
    assert not circuit.ended("probe", Sign(after_s=7), 2, PACE)
    assert (circuit.state(2), circuit.opens_at(), circuit.pause_s) == ("open", 9, 2)
    circuit.began("next")
    circuit.ended("next", NOTHING, 9, PACE)
    assert circuit.opens_at() == 9


def test_zero_failures_means_that_it_never_opens() -> None:
    circuit = Circuit()
    for _ in range(100):
        assert not circuit.ended("x", BAD, 0, Pace(0, 2, 10))
    assert circuit.closed


signs = st.sampled_from([WELL, NOTHING, BAD, Sign(after_s=3)])


@given(st.lists(st.tuples(st.floats(0, 8), st.sampled_from(["begin", "end_first", "end_last"]), signs), max_size=60))
def test_while_it_is_not_closed_one_call_at_a_time_begins_and_it_always_opens_again(
    script: list[tuple[float, str, Sign]],
) -> None:
    circuit, now_s, under_way, since_closed = Circuit(), 0.0, [], 0
    for number, (seconds, action, sign) in enumerate(script):
        now_s += seconds
        if action == "begin" and circuit.opens_at() <= now_s:
            since_closed = 0 if circuit.closed else since_closed + 1
            circuit.began(str(number))
            under_way.append(str(number))
        elif under_way and action != "begin":
            call = under_way.pop(0 if action == "end_first" else -1)
            before = circuit.closed
            circuit.ended(call, sign, now_s, PACE)
            since_closed = 0
            if sign.well:
                assert circuit.closed
            assert before or circuit.closed or circuit.pause_s <= PACE.pause_max_s
        assert since_closed <= 1
    while under_way:
        circuit.ended(under_way.pop(), NOTHING, now_s, PACE)
    assert circuit.opens_at() <= now_s + PACE.pause_max_s, "never shut for good"


@pytest.mark.parametrize(
    ("parallel", "line", "share", "most"),
    [(64, 16, 0.25, 16), (64, 4, 0.25, 16), (64, 32, 0.25, 32), (8, 16, 0.25, 8), (100, 1, 1, 100), (3, 1, 0.1, 1)],
)
def test_an_accounts_share_is_not_less_than_a_lines_and_not_more_than_all(
    parallel: int, line: int, share: float, most: int
) -> None:
    assert calls_max(EgressSettings(calls_parallel=parallel, line_parallel=line, account_share=share)) == most


def test_how_a_circuit_stands_and_how_often_it_opened_is_shown() -> None:
    shown, settings = metrics.PROCESS, EgressSettings(circuit_failures=2, circuit_pause_s=4)
    accounts, account = Accounts(), "isv|shown"
    counted = {"account": account, "reason": "timeout"}
    for number in range(2):
        accounts.began(account, str(number))
        accounts.ended(account, str(number), result("in_doubt", 0, "timeout"), 10, settings)
    assert shown.value(metrics.EGRESS_CIRCUIT, account=account) == 2
    assert shown.value(metrics.EGRESS_CIRCUIT_OPENED, **counted) == 1
    accounts.report(14)
    assert shown.value(metrics.EGRESS_CIRCUIT, account=account) == 1
    accounts.began(account, "probe")
    accounts.ended(account, "probe", result("in_doubt", 0, "timeout"), 15, settings)
    assert shown.value(metrics.EGRESS_CIRCUIT_OPENED, **counted) == 2
    accounts.began(account, "probe")
    accounts.ended(account, "probe", result("accepted", 200), 30, settings)
    assert shown.value(metrics.EGRESS_CIRCUIT, account=account) == 0


def test_an_account_that_has_its_share_waits_for_one_of_its_own_calls() -> None:
    settings = EgressSettings(calls_parallel=8, line_parallel=1)
    accounts = Accounts()
    for number in range(2):
        assert accounts.room("a", 0, settings) == 2 - number
        accounts.began("a", str(number))
    assert (accounts.room("a", 0, settings), accounts.opens_at("a", settings)) == (0, float("inf"))
    assert accounts.room("b", 0, settings) == 2
    accounts.ended("a", "0", result("accepted", 200), 1, settings)
    assert accounts.room("a", 1, settings) == 1
