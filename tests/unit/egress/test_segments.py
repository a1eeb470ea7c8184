"""Segments say which plans hold which ids, survive being written, read and merged, and stay few."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.memory.entry import Entry
from egress.lines.memory.index import SendIndex
from egress.lines.memory.segments import SEGMENT_MAX, Segment
from schemas.journal import CallOutcome
from schemas.journal import Segment as Record
from tests.builders.lines import DID, WALL, plan

INPUTS = frozenset({"outbound.replies", "outbound.templates"})


def entry(
    name: str, contacts: tuple[str, ...] = ("5691",), at: int = 7, ids: tuple[str, ...] = (), **fields: object
) -> Entry:
    made = Entry.of(plan(name, contacts=contacts, **fields))
    made.outcome = CallOutcome(plan_id=name, did=DID, result="accepted", at_ms=WALL)
    made.plan_at, made.outcome_at = at, at + 1
    made.ids = list(ids) or made.ids
    return made


def written(segment: Segment) -> Segment:
    """As it comes back from the journal."""
    return Segment.read(msgspec.json.decode(msgspec.json.encode(segment.record(DID)), type=Record), 99)


def names(refs: list) -> list[str]:
    return [ref.plan_id for ref in refs]


def test_a_plan_is_found_by_message_id_by_root_id_by_providers_id_and_by_its_unnamed_people() -> None:
    index = SendIndex()
    made = index.build(
        [entry("p", ("5691", "5692"), root_id="77", ids=("wamid.1", "")), entry("q", ("5693",))], INPUTS, WALL
    )
    for known in (index, SendIndex()):
        if known is not index:
            known.add(written(made))
            known.cool(WALL, lambda segment: False)
        assert known.knows("p-5691")
        assert known.knows("q-5693")
        assert not known.knows("p-5693")
        assert [names(known.named(name)) for name in ("77", "wamid.1", "p-5692", "q-5693", "x")] == [
            ["p"],
            ["p"],
            ["p"],
            ["q"],
            [],
        ]
        assert names(known.sends_to("5692")) == ["p"]
        assert known.sends_to("5691") == [], "that send has a name of its own"
    assert known.named("77")[0].plan == 7


def test_a_plan_that_is_indexed_again_is_found_where_it_stands_now() -> None:
    index = SendIndex()
    index.build([entry("p")], INPUTS, WALL)
    index.build([entry("p", at=50, ids=("wamid.1",))], INPUTS, WALL)
    assert [(ref.plan, ref.outcome) for ref in index.named("p-5691")] == [(50, 51)]
    assert [(ref.plan, ref.outcome) for ref in index.named("wamid.1")] == [(50, 51)]


def test_a_segment_knows_until_which_offset_its_inputs_would_be_read_again() -> None:
    index = SendIndex()
    segment = index.build([entry("p"), entry("q")], INPUTS, WALL)
    [source] = segment.last
    last = segment.last[source]
    assert written(segment).returns({source: last})
    assert not written(segment).returns({source: last + 1})
    assert not written(segment).returns({"another": 0})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=40))
def test_segments_stay_few_and_lose_nothing(sizes: list[int]) -> None:
    index, made, rewritten = SendIndex(), 0, 0
    for size in sizes:
        entries = [entry(f"p{made + n}", (f"569{made + n}",)) for n in range(size)]
        made += size
        rewritten += index.build(entries, INPUTS, WALL).messages
    assert all(index.knows(f"p{n}-569{n}") for n in range(0, made, max(1, made // 50)))
    refs = index.refs()
    assert sum(ref.messages for ref in refs) == made
    assert len(refs) <= 2 * made / SEGMENT_MAX + 15
    assert rewritten <= made * 15


def test_a_message_costs_few_bytes_on_the_journal_and_fits_a_record() -> None:
    index = SendIndex()
    entries = [entry(f"{n:024}", (f"5691{n:07}",), ids=(f"wamid.{n}",)) for n in range(SEGMENT_MAX)]
    record = msgspec.json.encode(index.build(entries, INPUTS, WALL).record(DID))
    assert len(record) < 1_500_000
