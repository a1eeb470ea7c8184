"""The crowd knows how many wait, and whether a backlog is being read."""

from __future__ import annotations

from egress.lines.queues.crowd import MORE_S, Crowd


def test_a_backlog_is_read_until_nothing_more_came_for_a_while() -> None:
    crowd = Crowd(60, 50)
    assert not crowd.more(10.0)
    crowd.expect(10.0)
    assert crowd.more(10.0 + MORE_S / 2)
    assert not crowd.more(10.0 + MORE_S)
