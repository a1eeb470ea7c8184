"""A campaign's recipients are taken once each, in order, in whole calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.campaigns.campaign import Campaign
from egress.lines.campaigns.recipients import chunk_of, take
from egress.lines.campaigns.roster import Campaigns
from schemas import ids
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient
from schemas.session import Template, TemplateButton
from tests.builders.lines import DID, WALL

TEMPLATE = Template(name="promo", language="es", body=["static"], buttons=[TemplateButton(0, "")])


def campaign(sizes: list[int], **fields: object) -> tuple[Campaigns, list[Chunk]]:
    chunks, first = [], 0
    for index, size in enumerate(sizes):
        rows = [Recipient(f"5691{first + n}", [f"b{first + n}"]) for n in range(size)]
        chunks.append(Chunk(campaign="c", did=DID, index=index, first=first, recipients=rows, digest=""))
        first += size
    all_ = Campaigns()
    all_.apply(Definition(campaign="c", tenant="acme", did=DID, template=TEMPLATE, created_ms=1, **fields))  # type: ignore[arg-type]
    refs = [ChunkRef(100 + n, size) for n, size in enumerate(sizes)]
    all_.apply(Contents(campaign="c", did=DID, total=first, chunks=refs, digest="", committed_ms=1))
    return all_, chunks


def bring(all_: Campaigns, chunks: list[Chunk], now_ms: int = WALL) -> None:
    for wanted, index, offset in all_.wanted(now_ms):
        assert offset == 100 + index
        wanted.chunks[index] = chunks[index]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 40))
def test_everyone_is_taken_once_in_order(sizes: list[int], batch_max: int) -> None:
    all_, chunks = campaign(sizes)
    taken: list[str] = []
    calls = 0
    while True:
        bring(all_, chunks)
        ready = next(all_.able(WALL), None)
        if ready is None:
            break
        part = take(ready, batch_max, 0.0)
        taken += [item.message.to for item in part]
        ready.step_over(len(part), len(part), 0)
        calls += 1
    assert taken == [f"5691{n}" for n in range(sum(sizes))]
    assert calls == sum(-(-size // batch_max) for size in sizes)
    found = all_.get("c")
    assert found is not None
    assert found.planned_all
    assert found.planned == sum(sizes)


def test_progress_is_where_a_new_owner_goes_on() -> None:
    all_, chunks = campaign([3, 3])
    all_.apply(Progress(campaign="c", did=DID, state="running", chunk=1, position=2, at_ms=WALL, planned=5))
    bring(all_, chunks)
    ready = next(all_.able(WALL), None)
    assert ready is not None
    assert [item.message.to for item in take(ready, 10, 0.0)] == ["56915"]


def test_a_message_id_depends_on_the_line_the_campaign_and_the_position_alone() -> None:
    all_, chunks = campaign([2, 2])
    bring(all_, chunks)
    found = all_.get("c")
    assert found is not None
    found.chunk = 1
    [item, _] = take(found, 10, 0.0)
    assert item.id == ids.message_id_of_recipient(DID, "c", 2)
    assert chunk_of(item.source) == ("c", 1)
    assert item.position == 0


def test_a_recipients_parameters_fill_the_template() -> None:
    all_, chunks = campaign([1])
    chunks[0] = Chunk(
        campaign="c", did=DID, index=0, first=0, recipients=[Recipient("5691", ["mine"], ["b"], ["h"])], digest=""
    )
    bring(all_, chunks)
    found = all_.get("c")
    assert found is not None
    content = take(found, 1, 0.0)[0].message.content
    assert isinstance(content, Template)
    assert (content.body, content.header, content.buttons[0].parameter) == (["mine"], ["h"], "b")


def test_only_a_running_campaign_in_its_time_is_ready() -> None:
    all_, chunks = campaign([1], start_ms=WALL + 5000)
    assert all_.wakes_at(WALL) == WALL + 5000
    assert all_.wanted(WALL) == []
    bring(all_, chunks, WALL + 5000)
    found = all_.get("c")
    assert found is not None
    assert next(all_.able(WALL + 5000), None) is found
    for state in ("paused", "finished", "cancelled", "draft"):
        found.state = state  # type: ignore[assignment]
        assert next(all_.able(WALL + 5000), None) is None


def test_a_campaign_without_contents_does_not_exist_yet() -> None:
    all_ = Campaigns()
    all_.apply(Definition(campaign="c", tenant="acme", did=DID, template=TEMPLATE, created_ms=1))
    assert all_.wanted(WALL) == []
    assert not Campaign("c").planned_all


def test_a_topic_is_no_chunk() -> None:
    assert chunk_of("outbound.replies") is None
    assert chunk_of("campaign/a/b/3") == ("a/b", 3)
