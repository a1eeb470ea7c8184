"""Of each recipient the first word counts, however often and by whichever owner it is heard."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.campaigns.heard import CODES_MAX, OTHER, Hearing
from schemas.campaign import Heard, StopRule

words = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.sampled_from(["", "", "131026", "131049"])))


def all_of(hearing: Hearing) -> tuple[int, Counter[str], list[tuple[str, int]]]:
    return hearing.delivered, hearing.failed, [(run.code, run.count) for run in hearing.recent()]


@given(words, st.integers(1, 20), st.sets(st.integers(0, 60)))
def test_the_first_word_on_a_recipient_counts_over_any_change_of_owner(
    script: list[tuple[int, int, str]], window: int, crashes: set[int]
) -> None:
    hearing, known, order, records = Hearing(), dict[tuple[int, int], str](), list[str](), dict[int, bytes]()
    hearing.resize(window)
    for n, (chunk, place, code) in enumerate(script):
        assert hearing.hear(chunk, place, code) == ((chunk, place) not in known)
        if (chunk, place) not in known:
            known[chunk, place] = code
            order.append(code)
        records.update(hearing.news())
        assert hearing.news() == []
        if n in crashes:
            heir = Hearing()
            for one, bits in records.items():
                heir.learn(Heard(campaign="c", did="1", chunk=one, known=bits))
            heir.resize(window)
            heir.restore(hearing.delivered, dict(hearing.failed), hearing.recent())
            assert all_of(heir) == all_of(hearing)
            hearing = heir
    assert hearing.delivered == sum(not code for code in known.values())
    assert hearing.failed == Counter(code for code in known.values() if code)
    assert [code for code, count in all_of(hearing)[2] for _ in range(count)] == order[-window:]


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=40), st.integers(1, 10), st.floats(0.01, 1))
def test_the_rule_stops_when_more_than_its_share_of_the_window_failed(
    codes: list[str], least: int, share: float
) -> None:
    hearing = Hearing()
    hearing.resize(10)
    for place, code in enumerate(codes):
        hearing.hear(0, place, code)
    last = codes[-10:]
    for counted in ([], ["a"]):
        failed = sum(bool(code) and (not counted or code in counted) for code in last)
        rule = StopRule(failed_share=share, least=least, codes=counted)
        assert bool(hearing.verdict(rule)) == (len(last) >= least and failed > share * len(last))


def test_the_verdict_says_how_many_and_why_and_is_no_more_once_it_begins_anew() -> None:
    hearing = Hearing()
    for place, code in enumerate(["", "131026", "131026", "131049"]):
        hearing.hear(0, place, code)
    rule = StopRule(failed_share=0.5, least=4)
    assert hearing.verdict(rule) == "3 of the last 4 that were heard of failed (131026: 2, 131049: 1)"
    assert hearing.verdict(StopRule(least=1)) == "", "no share, no rule"
    hearing.begin_anew()
    assert hearing.verdict(rule) == ""
    assert len(hearing) == 4


def test_however_many_codes_there_are_their_number_is_bounded() -> None:
    hearing = Hearing()
    for place in range(CODES_MAX + 10):
        hearing.hear(0, place, f"c{place}")
    assert len(hearing.failed) == CODES_MAX + 1
    assert hearing.failed[OTHER] == 10
