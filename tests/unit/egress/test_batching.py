"""Templates are gathered by what a call must share, up to a size, for at most a linger."""

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.gate.routes import batch_key, channel
from egress.lines.item import Item
from egress.lines.queues.batching import LINGER_S, Batcher, PileKey
from schemas.session import Template
from tests.builders.lines import message, template_item, tenant


def key_of(item: Item) -> PileKey:
    owner = tenant()
    chosen = channel(item.message, owner, owner.lines[0])
    return PileKey.of(item, batch_key(chosen, item.message))


@given(st.lists(st.tuples(st.sampled_from(["promo", "code"]), st.floats(0, 1)), max_size=60), st.integers(1, 20))
def test_everything_leaves_in_order_within_its_linger_and_never_above_the_size(rows: list, batch_max: int) -> None:
    batcher, now, taken = Batcher(), 0.0, []
    added = {}
    for number, (name, wait) in enumerate(rows):
        now += wait
        kind = "marketing" if name == "promo" else "utility"
        content = Template(name=name, language="es", body=["x"])
        item = Item(message(f"{number:03}", "5691", content, send_class=kind), "outbound.templates", number, now)
        added[item.id] = now
        batcher.add(key_of(item), item, now)
        while (key := next(iter(batcher.ripe(now, batch_max)), None)) is not None:
            items = batcher.take(key, batch_max)
            assert {key_of(i) for i in items} == {key}
            assert 0 < len(items) <= batch_max
            taken += [(key, i.id, now) for i in items]
    now += 10
    while (key := next(iter(batcher.ripe(now, batch_max)), None)) is not None:
        taken += [(key, i.id, now) for i in batcher.take(key, batch_max)]
    assert batcher.waiting == 0
    assert sorted(i for _, i, _ in taken) == sorted(added)
    for key in {k for k, _, _ in taken}:
        ids = [i for k, i, _ in taken if k == key]
        assert ids == sorted(ids)


def test_a_pile_goes_when_its_oldest_has_lingered() -> None:
    batcher = Batcher()
    for number, second in enumerate((0.0, 1.9)):
        item = template_item(str(number))
        batcher.add(key_of(item), item, second)
    assert [due_s for _, due_s in batcher.due()] == [LINGER_S["marketing"]]
    assert batcher.ripe(1.99, 1000) == []
    [key] = batcher.ripe(2.0, 1000)
    assert [item.id for item in batcher.take(key, 1000)] == ["0", "1"]


def test_a_batch_that_is_tried_again_does_not_linger_nor_mix() -> None:
    batcher = Batcher()
    fresh = template_item("fresh")
    again = template_item("again").again(plan="p", wake_s=0)
    for item in (fresh, again):
        batcher.add(key_of(item), item, 0.0)
    [key] = batcher.ripe(0.0, 1000)
    assert [item.id for item in batcher.take(key, 1000)] == ["again"]
