"""Replies to one person keep their order, whatever happens to each of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.queues.lanes import Lanes
from tests.builders.lines import reply_item

PEOPLE = ("5691", "5692", "5693")


def test_the_next_reply_waits_for_the_outcome_of_the_one_before() -> None:
    lanes = Lanes()
    for name in ("a", "b"):
        lanes.add(reply_item(name))
    first = lanes.pop(0)
    assert first is not None
    lanes.block("5691", "plan")
    assert lanes.pop(0) is None
    lanes.release("5691", "another plan")
    assert lanes.pop(0) is None
    lanes.release("5691", "plan")
    second = lanes.pop(0)
    assert (first.id, second and second.id) == ("a", "b")


def test_a_held_lane_goes_on_at_its_time_or_when_its_doubt_is_settled() -> None:
    lanes = Lanes()
    lanes.add(reply_item("a"))
    lanes.hold("5691", 60.0, "plan")
    assert lanes.pop(59.9) is None
    assert lanes.next_at() == 60.0
    assert lanes.pop(60.0) is not None
    lanes.put_back(reply_item("b"))
    lanes.hold("5691", 120.0, "plan")
    lanes.release("5691", "plan")
    assert lanes.pop(61.0) is not None


@given(st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["send", "refuse", "retry", "hold"])), max_size=80))
def test_every_reply_goes_once_and_in_order(script: list[tuple[str, str]]) -> None:
    lanes, gone, flying = Lanes(), [], []
    for number, (person, _) in enumerate(script):
        lanes.add(reply_item(f"{number:03}", person))
    now = 0.0
    actions = iter(script)
    while len(gone) < len(script):
        item = lanes.pop(now)
        if item is None:
            now = max(now, lanes.next_at()) if not flying else now
            for person in flying:
                lanes.release(person, f"plan {person}")
            flying.clear()
            continue
        _, action = next(actions, ("", "send"))
        if action == "retry":
            lanes.put_back(item)
            lanes.hold(item.contact, now + 1)
            continue
        gone.append((item.contact, item.id))
        if action == "refuse":
            lanes.release(item.contact)
        elif action == "hold":
            lanes.hold(item.contact, now + 2)
        else:
            lanes.block(item.contact, f"plan {item.contact}")
            flying.append(item.contact)
    for person in PEOPLE:
        told = [name for contact, name in gone if contact == person]
        assert told == sorted(told)
    assert lanes.waiting == 0
