"""A line that WhatsApp finds too fast is slowed down once for one cause, never below its floor, and gets it back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egress.chattigo.result import CallResult
from egress.lines.pace.pacing import PairLimit
from egress.lines.pace.throttle import Aimd, Throttle
from schemas.line_state import LineState
from schemas.record import decode
from schemas.tenant import Line
from tests.builders import line_model
from tests.builders.line_model import Model
from tests.builders.lines import DID, message, promo, tenant
from tests.unit.egress.test_failures import notice, sent
from tests.unit.egress.test_partition_model import model

AIMD = Aimd(cut=0.5, floor=0.05, grow=0.01, window_s=5)
signs = st.lists(st.tuples(st.floats(0, 60), st.floats(0, 40)), max_size=60)


@given(signs)
def test_the_share_is_cut_at_most_once_a_window_and_grows_back_in_between(script: list[tuple[float, float]]) -> None:
    throttle, now, cut_s = Throttle(AIMD), 0.0, float("-inf")
    for wait, age in script:
        before, now = throttle.share(now), now + wait
        grown = throttle.share(now)
        assert grown >= before, "time alone never slows it down"
        assert grown <= before + wait * AIMD.grow + 1e-9 or before == 1.0
        if throttle.too_fast(now - age, now):
            assert now >= cut_s + AIMD.window_s
            assert now - age >= cut_s, "what was planned before the last cut is the same cause"
            assert abs(throttle.share(now) - max(AIMD.floor, grown / 2)) < 1e-9
            cut_s = now
        else:
            assert throttle.share(now) == grown
        assert AIMD.floor <= throttle.share(now) <= 1
    assert throttle.share(now + 96) == 1.0


def test_a_hundred_receipts_of_one_batch_are_one_sign() -> None:
    throttle = Throttle(AIMD)
    assert [throttle.too_fast(10.0, 12.0 + n * 0.2) for n in range(100)].count(True) == 1
    assert throttle.too_fast(13.0, 40.0), "a later batch is another"


@given(st.floats(0.05, 1), st.floats(0, 200))
def test_a_new_owner_goes_on_where_the_last_one_would_be(share: float, away_s: float) -> None:
    first, second = Throttle(AIMD), Throttle(AIMD)
    first.restore(share, 100.0)
    second.restore(first.share(100.0), 100.0)
    assert abs(first.share(100 + away_s) - second.share(100 + away_s)) < 1e-9


def slow_line(made: Model) -> float:
    return made.partition.lines[DID].pacer.rate


def eighty(**settings: object) -> Model:
    line = Line(did=DID, sends="isv", templates="hsm", rate=80, batch_max=1000)
    return Model(model(lines=[line]).rules)


def test_a_429_slows_the_line_down_and_a_new_owner_knows_it() -> None:
    made = eighty()
    made.put("outbound.templates", promo("t1", "5691"))
    made.step("accept", 0)
    assert made.step("too_fast", 3) == 1
    made.step("accept", 1)
    made.step("accept", 1)
    assert 40 <= slow_line(made) < 44
    told = decode(made.topics["lines.state"][-1].value, LineState)
    assert 40 <= told.rate < 44
    made.crash()
    made.step("accept", 0)
    assert 40 <= slow_line(made) < 44
    made.step("accept", 60)
    assert slow_line(made) == 80


def test_receipts_of_130429_slow_the_line_down_once() -> None:
    made = eighty()
    first = sent(made, *(promo(f"t{n}", f"569{n:04}") for n in range(50)))
    for n in range(50):
        made.put("inbound.receipts", notice(first.root_id, f"569{n:04}", "INVALID", "130429"))
        made.step("accept", 0.1)
    assert 40 <= slow_line(made) < 50


def test_131056_slows_one_person_down_and_not_the_line() -> None:
    line_model.ANSWERS["pair"] = CallResult(kind="throttled", status=400, code="131056")
    made = eighty()
    made.put("outbound.replies", message("r1", "5691"), message("r2", "5691"))
    made.step("pair")
    made.put("outbound.replies", message("other", "5692"))
    assert made.step("accept", 0.1) == 1
    assert made.accepted == [("5692", "other")]
    assert slow_line(made) == 80
    assert made.step("pair", 4) == 1
    assert made.step("accept", 15) == 0, "the second time it is 16 s"
    assert made.step("accept", 2) == 1
    del line_model.ANSWERS["pair"]


def test_a_template_to_a_person_who_is_slowed_down_waits_and_others_of_its_batch_go() -> None:
    made = eighty()
    first = sent(made, promo("t1", "5691"))
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "131056"))
    made.step("accept", 0)
    made.put("outbound.templates", promo("t2", "5691"), promo("t3", "5692"))
    made.step("accept", 0)
    made.step("accept", 2)
    assert ("5692", "t3") in made.accepted
    assert ("5691", "t2") not in made.accepted
    made.settle(5)
    assert ("5691", "t2") in made.accepted


@given(st.lists(st.floats(0, 3), min_size=1, max_size=40))
def test_signs_that_come_while_a_person_is_left_alone_are_one(waits: list[float]) -> None:
    pairs, now, pause = PairLimit(6.0, 45), 0.0, 0
    until = float("-inf")
    for wait in waits:
        now += wait
        pairs.too_fast("5691", now)
        if now >= until:
            pause += 1
            until = now + min(3600.0, 4.0**pause)
        assert pairs.slowed_until("5691") == until
        assert pairs.ready_at("5691") >= until - 1e-6
    assert pairs.slowed_until("5692") == float("-inf")


def test_a_person_who_was_left_in_peace_for_long_enough_begins_anew() -> None:
    pairs = PairLimit(6.0, 45)
    for now in (0.0, 5.0):
        pairs.too_fast("5691", now)
    assert pairs.slowed_until("5691") == 21.0
    pairs.too_fast("5691", 1000.0)
    assert pairs.slowed_until("5691") == 1004.0


def test_a_changed_rate_and_batch_hold_while_the_line_runs() -> None:
    made = eighty()
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n:04}") for n in range(6)))
    made.step("accept", 0)
    tenants = made.rules.tenants
    line = Line(did=DID, sends="isv", templates="hsm", rate=7, batch_max=2)
    tenants.only = tenant(lines=[line])  # type: ignore[attr-defined]
    made.settle(10)
    assert [len(plan.messages) for plan in made.plans()] == [2, 2, 2]
    assert slow_line(made) == 7
