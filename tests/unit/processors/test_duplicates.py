"""What the provider or a restart brings twice is handled once, wherever the second time comes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.conversations import Conversations, Source, posted, world
from tests.builders.webhooks import cloud, cloud_text, cloud_value

given_posts = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=5), max_size=25)


def text(*wamids: str) -> Source:
    """One POST with these messages."""
    return posted(cloud(cloud_value(messages=[cloud_text(wamid=one) for one in wamids])))


def heard(*workers: Conversations) -> list[str]:
    return [one.event.id for worker in workers for one in worker.told("menu")]


def test_within_one_post() -> None:
    worker = Conversations()
    worker.feed(text("1", "2", "1", "1", "2"))
    assert heard(worker) == ["1", "2"]


def test_across_posts() -> None:
    worker = Conversations()
    worker.feed(text("1", "2"), text("2", "3"), text("3", "1"))
    assert heard(worker) == ["1", "2", "3"]


def test_across_chunks() -> None:
    worker = Conversations()
    worker.feed(text("1"), text("1"), chunk=False)
    assert heard(worker) == ["1"]


def test_over_a_restart_and_a_rebalance_that_bring_the_table_from_its_changelog() -> None:
    """The next owner reads what the one before committed, and gets the records after it again."""
    first = Conversations()
    first.feed(text("1"), text("2"))
    second = Conversations(table=dict(first.table), offset=1)
    assert second.feed(text("2"), text("2"), text("3")) == second.outputs
    assert heard(first, second) == ["1", "2", "3"]
    assert second.tally["acme", "duplicate", "replay"] == 1, "the same record, known by its offset alone"
    assert second.tally["acme", "duplicate", ""] == 1, "the same event in another record, known by its id"


def test_put_back_from_the_dead_letters_only_what_was_not_handled_is() -> None:
    worker = Conversations(world(agents=("menu",)))
    stranger = cloud_text(wamid="x", sender="56933333333")
    both = posted(cloud(cloud_value(messages=[cloud_text(wamid="1"), stranger])))
    worker.feed(both)
    (letter,) = worker.letters()
    worker.feed(Source(letter.value, letter.key, list(letter.headers)))
    assert heard(worker) == ["1"]


def test_behind_a_full_ring_a_repeat_is_handled_again_but_says_nothing_new() -> None:
    """Honest events do come late, so what is merely old is not dropped; its effects have the same ids."""
    worker = Conversations(world(ring=8))
    worker.feed(*(text(str(n)) for n in range(9)), text("0"))
    assert heard(worker) == [*map(str, range(9)), "0"]


@settings(deadline=None)
@given(given_posts, st.lists(st.integers(0, 20), max_size=3))
def test_any_posts_with_restarts_at_any_point_give_each_event_once(posts: list[list[int]], cuts: list[int]) -> None:
    """A restart brings the records since the last commit again, over the table as it was committed."""
    records = [text(*map(str, post))._replace(offset=n) for n, post in enumerate(posts)]
    said: list[str] = []
    table: dict[bytes, bytes] = {}
    at = 0
    for cut in [*sorted(cuts), len(records)]:
        worker = Conversations(table=table)
        back = max(at - 2, 0)
        worker.run(records[back:cut])
        said += heard(worker)
        at = max(cut, at)
    assert said == [str(one) for one in dict.fromkeys(n for post in posts for n in post)]


def test_two_people_never_share_an_id() -> None:
    worker = Conversations()
    other = "56933333333"
    worker.feed(text("1"), posted(cloud(cloud_value(messages=[cloud_text(wamid="1", sender=other)])), contact=other))
    assert heard(worker) == ["1", "1"]
