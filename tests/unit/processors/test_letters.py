"""The limit on dead letters: what fails for everybody stops the worker, what one sends does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.letters import LetterLimit, Limit, Trip

LIMIT = Limit(conversations=10, window_s=100, share=0.5)


class Worker:
    """Sees events, and remembers whether the limit tripped."""

    def __init__(self, *served: str, limit: Limit = LIMIT) -> None:
        self.limit = LetterLimit(limit, lambda: served or ("a", "b", "g", "well"))
        self.trip: Trip | None = None
        self.now = 0.0

    def see(self, tenant: str, contacts: range | list[int], reason: str = "", every_s: float = 0.01) -> Worker:
        for contact in contacts:
            self.now += every_s
            self.trip = self.trip or self.limit.see(tenant, b"%d" % contact, reason, self.now)
        return self


def test_what_fails_for_everybody_trips_it() -> None:
    worker = Worker().see("a", range(20)).see("b", range(20))
    worker.see("a", range(20), "raised").see("b", range(4), "raised")
    assert worker.trip is None
    worker.see("b", [4], "timeout")
    assert worker.trip == Trip(25, 2, (1 + 5 / 20) / 2, {"raised": 24, "timeout": 1})
    assert str(worker.trip) == (
        "the events of 25 conversations of 2 tenants ended as dead letters (raised 24, timeout 1), "
        "62% of what was handled lately"
    )


def test_one_tenant_trips_it_only_if_nobody_else_is_served() -> None:
    assert Worker("a", "b").see("a", range(5000), "not_json").trip is None
    assert Worker("a").see("a", range(10), "raised").trip is not None


def test_a_name_that_is_served_no_more_neither_trips_it_nor_keeps_it_from_tripping() -> None:
    worker = Worker("a").see("a", [0]).see("gone", range(20), "foreign_line").see("a", range(9), "raised")
    assert worker.trip is None, "ten of the one that is served are needed, and ten are enough"
    assert worker.see("a", [9], "raised").trip == Trip(10, 1, 1.0, {"raised": 10})
    assert Worker("a").see("gone", [1], "raised").see("a", range(100)).see("gone", range(50), "raised").trip is None


def test_where_nobody_who_is_served_is_heard_of_all_count() -> None:
    """The tenants may have been read wrongly."""
    assert Worker("a").see("gone", range(10), "unknown_line").trip is not None
    assert Worker("a", "b").see("gone", range(10), "unknown_line").trip is None
    assert Worker("a", "b").see("x", range(5), "unknown_line").see("y", range(5), "unknown_line").trip is not None


def test_one_conversation_counts_once_by_how_its_last_event_ended() -> None:
    worker = Worker("a").see("a", [1] * 1000, "raised")
    assert worker.trip is None
    worker.see("a", range(2, 10), "raised").see("a", [1]).see("a", [10], "raised")
    assert worker.trip is None
    assert worker.see("a", [1], "raised").trip is not None


def test_it_needs_most_of_what_is_handled() -> None:
    worker = Worker("a").see("a", range(100)).see("a", range(50), "raised")
    assert worker.trip is None
    assert worker.see("a", [50], "raised").trip is not None


def test_what_failed_long_ago_does_not_count() -> None:
    worker = Worker("a").see("a", range(9), "raised")
    worker.now += 101
    assert worker.see("a", range(100, 109), "raised").trip is None
    assert worker.limit.watches
    worker.now += 101
    worker.see("a", [7])
    assert worker.see("b", [7], "raised").trip is None


def test_nothing_trips_it_when_there_is_no_limit() -> None:
    worker = Worker("a", limit=LIMIT._replace(conversations=0)).see("a", range(1000), "raised")
    assert worker.trip is None
    assert not worker.limit.watches


def test_what_goes_well_need_not_be_told_before_something_fails() -> None:
    worker = Worker().see("a", range(10))
    assert not worker.limit.watches
    assert worker.see("a", [3], "raised").limit.watches
    assert not worker.see("a", [3]).limit.watches


events = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400), st.booleans()), max_size=300)


@given(events, st.integers(1, 40))
def test_no_tenant_stops_the_worker_for_others_whatever_it_sends(
    noise: list[tuple[str, int, bool]], limit: int
) -> None:
    """The garbage is tenant g's; another's events fail now and then, always less than half of what the limit needs."""
    worker = Worker(limit=LIMIT._replace(conversations=2 * limit))
    failed: set[int] = set()
    for tenant, contact, fails in noise:
        worker.see("g", range(contact, contact + 3), "not_json")
        fails = fails and (contact in failed or len(failed) < limit - 1)
        failed |= {contact} if fails else set()
        worker.see("well" if tenant != "g" else "g", [contact], "raised" if fails else "")
    assert worker.trip is None


@given(events)
def test_memory_is_bounded(noise: list[tuple[str, int, bool]]) -> None:
    worker = Worker(limit=LIMIT._replace(conversations=10_000))
    for tenant, contact, fails in noise:
        worker.see(tenant, range(contact, contact + 20), "raised" if fails else "")
    for one in worker.limit._tenants.values():
        assert len(one.conversations) <= 200
        assert one.failed.total() == sum(bool(ended.reason) for ended in one.conversations.values())
