"""The leading run never passes an undone record, and ends where all is done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.leading import LeadingRun, LeadingRunError


@st.composite
def finishing(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """Chunks of ascending offsets with holes, and an order in which the records finish."""
    offsets = sorted(draw(st.sets(st.integers(0, 200), min_size=1, max_size=40)))
    cuts = sorted(draw(st.sets(st.sampled_from(range(1, len(offsets) + 1)), max_size=5)) | {len(offsets)})
    chunks = [offsets[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    return chunks, draw(st.permutations(offsets))


@given(finishing())
def test_committable_is_behind_the_leading_run_of_done_records(case: tuple[list[list[int]], list[int]]) -> None:
    chunks, order = case
    run = LeadingRun(0)
    for chunk in chunks:
        run.open(chunk)
    undone, last = {offset for chunk in chunks for offset in chunk}, 0
    for offset in order:
        run.finish(offset)
        undone.discard(offset)
        assert run.committable >= last
        assert all(run.committable <= one for one in undone)
        done_before = [o for chunk in chunks for o in chunk if o not in undone and o < min(undone, default=999)]
        assert run.committable == (done_before[-1] + 1 if done_before else 0)
        last = run.committable
    assert run.committable == chunks[-1][-1] + 1
    assert len(run) == 0


def test_chunks_finish_as_a_whole() -> None:
    run = LeadingRun(5)
    run.open([5, 6])
    run.open([8, 9])
    run.finish_span(8)
    assert (run.committable, len(run)) == (5, 2)
    run.finish_span(5)
    assert (run.committable, len(run)) == (10, 0)


@pytest.mark.parametrize("offset", [4, 7, 9, 10])
def test_a_record_that_is_not_open_cannot_finish(offset: int) -> None:
    run = LeadingRun(5)
    run.open([5, 6, 8, 9])
    run.finish(9)
    with pytest.raises(LeadingRunError):
        run.finish(offset)


def test_a_partly_done_chunk_cannot_finish_as_a_whole() -> None:
    run = LeadingRun(0)
    run.open([0, 1])
    run.finish(1)
    with pytest.raises(LeadingRunError):
        run.finish_span(0)


def test_chunks_open_in_order() -> None:
    run = LeadingRun(0)
    run.open([3, 4])
    with pytest.raises(LeadingRunError):
        run.open([4, 5])
