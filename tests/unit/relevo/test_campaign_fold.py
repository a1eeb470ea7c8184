"""What became of each recipient is folded from `outcomes` in any order, and the counts add up to the total."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from relevo.campaigns import fold
from relevo.campaigns.fold import Became, Counts, Fold
from schemas import ids
from schemas.outcome import Outcome, State, merge

DID, CAMPAIGN, TOTAL = "569", "c", 12
NAMES = [ids.message_id_of_recipient(DID, CAMPAIGN, n) for n in range(TOTAL)]

POSITIONS = st.lists(st.integers(0, TOTAL - 1), unique=True, max_size=TOTAL)
TOLD = st.tuples(st.sampled_from(get_args(State)), POSITIONS, st.sampled_from(["", "131026", "expired"]))


def outcome(state: State, positions: list[int], code: str = "", at_ms: int = 1, **fields: str) -> Outcome:
    names = [NAMES[n] for n in positions]
    shared = {"tenant": "t", "did": DID, "campaign": CAMPAIGN, "reason": f"why {code}"} | fields
    return Outcome(state=state, message_ids=names, contacts=names, code=code, at_ms=at_ms, **shared)  # type: ignore[arg-type]


def folded(outcomes: list[Outcome]) -> Fold:
    made = Fold(DID, CAMPAIGN, TOTAL)
    for one in outcomes:
        made.add(one)
    return made


@given(st.lists(TOLD, max_size=30), st.integers(0, TOTAL))
def test_states_are_those_that_merge_says_and_counts_add_up(
    told: list[tuple[State, list[int], str]], started: int
) -> None:
    states: dict[int, str] = {}
    made = Fold(DID, CAMPAIGN, TOTAL)
    for at, (state, positions, code) in enumerate(told):
        changed = 0
        for position in positions:
            merged = merge(states.get(position), state)
            changed += merged != states.get(position)
            states[position] = merged
        assert made.add(outcome(state, positions, code, at)) == changed
        counts = made.counts(started)
        assert counts.total == TOTAL
        assert +counts.states == Counter(states.values())
    assert [made.became(n).state for n in range(TOTAL)] == [states.get(n, "") for n in range(TOTAL)]
    counts = made.counts(started)
    assert counts.sending == sum(n not in states for n in range(started))
    assert counts.not_started == sum(n not in states for n in range(started, TOTAL))
    for state in get_args(State):
        assert sum(count for (one, _), count in counts.codes.items() if one == state) <= counts.states[state]


LADDER = st.sampled_from(["accepted", "sent", "delivered", "read", "failed"])


@given(st.lists(st.tuples(LADDER, st.integers(0, 3)), max_size=8), st.randoms())
def test_receipts_end_the_same_in_any_order_and_however_often(told: list[tuple[State, int]], chance: object) -> None:
    outcomes = [outcome(state, [position]) for state, position in told]
    mixed = outcomes * 2
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = folded(outcomes), folded(mixed)
    assert [first.became(n).state for n in range(4)] == [second.became(n).state for n in range(4)]
    assert first.counts(TOTAL).states == second.counts(TOTAL).states


def test_an_earlier_attempt_gives_way_to_a_later_one() -> None:
    made = folded(
        [
            outcome("in_doubt", [0, 1, 2], "timeout", 1),
            outcome("accepted", [0], "", 2),
            outcome("refused", [1], "400", 3),
            outcome("refused", [1], "expired", 4),
            outcome("failed", [0], "131026", 5),
            outcome("parked", [0, 1, 2], "waits", 6),
        ]
    )
    assert made.became(0) == Became("failed", "131026", "why 131026", 5)
    assert made.became(1) == Became("refused", "expired", "why expired", 4)
    counts = made.counts(5)
    assert counts.codes == {("failed", "131026"): 1, ("refused", "expired"): 1, ("in_doubt", "timeout"): 1}
    assert (counts.sending, counts.not_started) == (2, 7)


def test_records_of_others_change_nothing() -> None:
    made = folded([outcome("read", [0], campaign="d"), outcome("read", [0], did="570")])
    stranger = Outcome(
        tenant="t", did=DID, campaign=CAMPAIGN, state="read", at_ms=1, message_ids=["nobody"], contacts=[""]
    )
    assert made.add(stranger) == 0
    assert made.counts(0) == Counts(not_started=TOTAL)


def test_reasons_of_any_text_do_not_fill_the_memory(monkeypatch: object) -> None:
    made = Fold(DID, CAMPAIGN, TOTAL)
    for number in range(fold.WORDS_MAX + 10):
        made.add(outcome("refused", [0], "400", reason=f"number {number}"))
    assert made.became(0) == Became("refused", "400", "", 1)
    assert len(made._known) == fold.WORDS_MAX + 1
