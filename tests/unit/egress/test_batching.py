"""Templates are gathered by what a call must share, up to a size, for at most a linger."""

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.gate.routes import batch_key, channel
from egress.lines.item import Item
from egress.lines.queues.batching import GROWN_S, GROWS_S, LINGER_S, Batcher, PileKey
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


def test_while_a_backlog_is_read_a_pile_that_grows_waits_for_its_fill_but_not_for_long() -> None:
    batcher, item = Batcher(), template_item("0")
    for number in range(10):
        batcher.add(key_of(item), template_item(str(number)), number * 0.9, more=True)
    assert [due_s for _, due_s in batcher.due()] == [LINGER_S["marketing"] + GROWN_S]
    assert batcher.ripe(5.9, 11) == []
    assert batcher.ripe(5.9, 10), "it is full"
    assert batcher.ripe(6.0, 11)


def test_one_that_grows_no_more_goes_soon_and_at_once_when_there_is_no_room() -> None:
    batcher, item = Batcher(), template_item("0")
    for second in (1.5, 2.0):
        batcher.add(key_of(item), template_item(str(second)), second, more=True)
    assert [due_s for _, due_s in batcher.due()] == [2.0 + GROWS_S]
    batcher.hurry()
    assert [due_s for _, due_s in batcher.due()] == [1.5 + LINGER_S["marketing"]]


def test_a_password_waits_for_nobody() -> None:
    batcher = Batcher()
    item = Item(
        message("0", "5691", Template(name="code", language="es"), send_class="otp"), "outbound.templates", 0, 1.0
    )
    batcher.add(key_of(item), item, 1.0, more=True)
    assert [due_s for _, due_s in batcher.due()] == [1.0]


def test_what_is_left_of_a_full_pile_lingers_for_its_own_oldest() -> None:
    batcher, item = Batcher(), template_item("0")
    for number in range(3):
        later = template_item(str(number))
        later.since_s = float(number)
        batcher.add(key_of(item), later, float(number))
    batcher.take(key_of(item), 2)
    assert [due_s for _, due_s in batcher.due()] == [2.0 + LINGER_S["marketing"]]


def test_a_batch_that_is_tried_again_does_not_linger_nor_mix() -> None:
    batcher = Batcher()
    fresh = template_item("fresh")
    again = template_item("again").again(plan="p", wake_s=0)
    for item in (fresh, again):
        batcher.add(key_of(item), item, 0.0)
    [key] = batcher.ripe(0.0, 1000)
    assert [item.id for item in batcher.take(key, 1000)] == ["again"]
