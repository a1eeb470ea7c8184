"""The pace of a line: never above its rate, and replies never behind bulk's debt."""

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.pace.pacing import Pacer, PairLimit
from tests.builders.lines import template_item

steps = st.lists(st.tuples(st.floats(0, 5), st.integers(1, 300), st.booleans()), max_size=60)


@given(st.floats(1, 1000), st.floats(0, 50), steps)
def test_bulk_goes_only_when_all_that_went_before_is_within_the_rate(rate: float, reserve: float, asked: list) -> None:
    pacer, now, sent, replies = Pacer(rate, reserve, 0.0), 0.0, 0, 0
    second = max(rate, 2)
    for wait, count, bulk in asked:
        now += wait
        if bulk and pacer.take_bulk(count, now):
            assert sent <= rate * now + second + 1
            sent += count
        if not bulk and pacer.take_reply(now):
            sent, replies = sent + 1, replies + 1
        assert replies <= rate * now + second + 1


@given(st.integers(2, 200), st.integers(1, 1000), st.floats(0, 50))
def test_replies_at_the_lines_whole_rate_never_wait_for_bulk(rate: int, batch: int, reserve: float) -> None:
    pacer = Pacer(rate, reserve, 0.0)
    assert pacer.take_bulk(batch, 0.0)
    assert all(pacer.take_reply(n / rate) for n in range(5 * rate))


@given(st.floats(2, 500), st.integers(1, 1000))
def test_a_reply_does_not_wait_for_the_debt_of_a_batch(rate: float, batch: int) -> None:
    pacer = Pacer(rate, 8, 0.0)
    assert pacer.take_bulk(batch, 0.0)
    assert pacer.take_reply(0.0)


@given(st.floats(1, 500), st.integers(2, 1000))
def test_a_debt_is_paid_back_before_the_next_batch(rate: float, batch: int) -> None:
    pacer = Pacer(rate, 0, 0.0)
    assert pacer.take_bulk(batch, 0.0)
    ready = pacer.bulk_at(0.0)
    if ready > 0.001:
        assert not pacer.take_bulk(1, ready - 0.0005)
    assert pacer.take_bulk(1, ready + 1e-6)


def test_a_pause_of_bulk_does_not_hold_replies_nor_the_other_way_round() -> None:
    pacer = Pacer(80, 8, 0.0)
    pacer.hold(5.0, replies=False)
    assert not pacer.take_bulk(1, 1.0)
    assert pacer.take_reply(1.0)
    pacer.hold(9.0, replies=True)
    assert not pacer.take_reply(6.0)
    assert pacer.take_bulk(1, 6.0)
    assert pacer.reply_at(6.0) == 9.0


def test_a_new_rate_holds_at_once() -> None:
    pacer = Pacer(10, 0, 0.0)
    assert pacer.take_bulk(110, 0.0)
    assert pacer.bulk_at(0.0) > 10
    pacer.rerate(1000, 0, 0.0)
    assert pacer.bulk_at(0.0) < 0.2


@given(st.lists(st.floats(0, 30), max_size=120))
def test_one_person_gets_a_burst_and_then_one_message_an_interval(waits: list[float]) -> None:
    pairs, now, times = PairLimit(6.0, 45), 0.0, []
    for wait in waits:
        now += wait
        if pairs.ready_at("5691") <= now:
            pairs.take("5691", now)
            times.append(now)
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= 45 + (times[last] - times[first]) / 6 + 1e-6


def test_people_do_not_share_a_limit() -> None:
    pairs = PairLimit(6.0, 1)
    pairs.take("5691", 0.0)
    assert pairs.ready_at("5691") > 5.9
    assert pairs.ready_at("5692") <= 0.0


def test_a_person_has_one_limit_and_one_optout_however_the_number_is_written() -> None:
    forms = ("541155551234", "5491155551234", "54111555551234")
    items = [template_item("m", form) for form in forms]
    assert {item.contact for item in items} == {item.message.contact for item in items} == {"5491155551234"}
    assert [item.message.to for item in items] == [*forms], "sent as it was written"
    assert template_item("m", "US.541155551234").contact == "US.541155551234"


paced = st.lists(
    st.tuples(st.floats(0, 5), st.sampled_from(["bulk", "reply", "urgent"]), st.integers(1, 300), st.floats(0.05, 1)),
    max_size=60,
)


@given(st.floats(2, 1000), st.floats(0, 50), paced)
def test_whatever_its_rate_becomes_a_line_keeps_to_it(rate: float, reserve: float, script: list) -> None:
    """The rate changes at every step, as a line is slowed down and gets faster: what was due is the sum over time."""
    pacer, now, due, sent, prompt = Pacer(rate, reserve, 0.0), 0.0, rate, 0, 0
    for wait, what, count, share in script:
        now, due = now + wait, due + wait * pacer.rate
        if what == "bulk" and pacer.take_bulk(count, now):
            assert sent <= due + 2, "a batch goes only when all that went before was due"
            sent += count
        if what == "urgent":
            count = min(count, pacer.replies_now(now))
        if what != "bulk" and (pacer.take_urgent(count, now) if what == "urgent" else pacer.take_reply(now)):
            sent += count if what == "urgent" else 1
            prompt += count if what == "urgent" else 1
            assert prompt <= due + 2, "what does not wait for bulk keeps to the rate all the same"
        pacer.rerate(rate * share, reserve, now)


def test_an_urgent_call_is_never_larger_than_what_may_go_now() -> None:
    pacer = Pacer(80, 8, 0.0)
    assert pacer.take_bulk(1000, 0.0), "bulk is in debt from here on"
    assert pacer.replies_now(0.0) == 80
    assert not pacer.take_urgent(81, 0.0)
    assert pacer.take_urgent(80, 0.0)
    assert pacer.replies_now(0.0) == 0
    assert pacer.replies_now(0.5) == 40
    pacer.hold(9.0, replies=True)
    assert pacer.replies_now(1.0) == 0
