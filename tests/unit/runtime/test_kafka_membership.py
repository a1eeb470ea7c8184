"""A membership's times fit together, or it is refused before it joins."""

import pytest

from runtime.kafka.membership import Membership


def test_times_are_given_in_milliseconds() -> None:
    options = Membership(group="egress", topic="outbound.replies", instance="0").options()
    assert options["group.instance.id"] == "0"
    assert options["partition.assignment.strategy"] == "range"
    assert options["session.timeout.ms"] == 30_000
    assert options["max.poll.interval.ms"] == 45_000
    assert options["heartbeat.interval.ms"] * 3 < options["session.timeout.ms"]


@pytest.mark.parametrize(("session", "rebalance", "callback"), [(30, 45, 45), (50, 45, 20)])
def test_times_that_do_not_fit_are_refused(session: float, rebalance: float, callback: float) -> None:
    membership = Membership(
        group="g", topic="t", instance="0", session_s=session, rebalance_s=rebalance, callback_s=callback
    )
    with pytest.raises(ValueError, match="rebalance_s"):
        membership.options()
