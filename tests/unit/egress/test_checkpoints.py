"""Whatever the history, a new owner reads little, and still knows whom it told what: checkpoints and segments."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.memory import index as indexes
from egress.lines.memory import segments
from egress.lines.memory.index import HORIZON_MS
from egress.lines.partition import JOURNAL
from egress.lines.process import gauges
from egress.lines.queues.admission import PARKED
from schemas.line_command import DecideDoubt
from schemas.outcome import Outcome
from schemas.record import decode
from tests.builders.egress import cloud_status, flat_notice
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant
from tests.unit.egress.test_partition_model import FATES, PEOPLE, assert_in_order, assert_nobody_twice

EVERY = 20
HORIZON_S = HORIZON_MS / 1000


def small(**fields: object) -> Model:
    """A line of which two settled messages stay in memory, and a checkpoint every 20 records."""
    limits = {"line_parallel": 4, "group_max": 10, "checkpoint_records": EVERY, "sends_memory": 2}
    limits["line_memory"] = cast("int", fields.pop("line_memory", 2000))
    return Model(rules(tenant(**({"batch_max": 4} | fields)), **limits), named=True)  # type: ignore[arg-type]


def sends(count: int, start: int = 0) -> list:
    """Templates, each to another person."""
    return [promo(f"t{n:04}", f"5695{n:04}") for n in range(start, start + count)]


def busy(made: Model, count: int = 60, start: int = 0) -> None:
    """So many templates go out, and the journal grows."""
    made.put("outbound.templates", *sends(count, start))
    made.settle(30)


def receipt(made: Model, body: object) -> None:
    made.put("inbound.receipts", body)


def delivered(made: Model) -> list[str]:
    records = [decode(r.value, Outcome) for r in made.topics.get("outcomes", [])]
    return [one for outcome in records if outcome.state == "delivered" for one in outcome.message_ids]


def in_memory(made: Model) -> int:
    return len(list(made.partition.lines[DID].book.entries()))


def test_the_checkpoint_follows_the_journal_and_settled_plans_leave_memory() -> None:
    made = small()
    busy(made, 200)
    assert len(made.topics[JOURNAL]) - made.offsets[JOURNAL] <= EVERY + 10
    assert in_memory(made) <= EVERY
    assert made.partition.lines[DID].book.unindexed >= 0


def test_a_recovery_reads_no_more_after_a_long_history_than_after_a_short_one() -> None:
    made = small()
    read = []
    for start in range(0, 1200, 300):
        busy(made, 300, start)
        made.crash()
        read.append(made.recovered)
    assert max(read) <= 2 * EVERY + 20, read
    assert len(made.topics[JOURNAL]) > 600


def test_every_message_is_known_after_its_plan_has_left_memory_and_after_a_crash() -> None:
    made = small()
    busy(made, 200)
    made.crash()
    assert in_memory(made) < 30
    made.put("outbound.templates", *sends(200))
    before = len(made.plans())
    made.settle(30)
    assert len(made.plans()) == before
    assert_nobody_twice(made)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FATES), st.floats(0, 20)), max_size=60))
def test_nobody_twice_nobody_lost_and_in_order_with_a_checkpoint_in_every_few_cycles(
    script: list[tuple[str, float]],
) -> None:
    made = Model(rules(tenant(batch_max=2), line_parallel=3, group_max=4, checkpoint_records=10, sends_memory=1))
    replies = [message(f"r{n:02}", PEOPLE[n % 3]) for n in range(15)]
    made.put("outbound.replies", *replies)
    made.put("outbound.templates", *sends(12))
    for fate, seconds in script:
        made.step(fate, seconds)
    made.settle()
    made.put("outbound.replies", *replies)
    made.put("outbound.templates", *sends(12))
    made.settle(60)
    assert_nobody_twice(made)
    assert_in_order(made)
    assert set(made.states()) == {m.id for m in (*replies, *sends(12))}


def test_a_doubt_stands_over_checkpoints_and_crashes_until_somebody_ends_it() -> None:
    made = small()
    made.put("outbound.templates", *sends(1))
    for _ in range(2):
        made.step("time_out", 3)
    [plan] = made.plans()
    for start in (1, 101, 201):
        busy(made, 100, start)
        made.crash()
    entry = made.partition.lines[DID].book.plan(plan.plan_id)
    assert entry is not None
    assert entry.result == "in_doubt"
    assert gauges.in_doubt(made.partition)["marketing"] == 1
    order = DecideDoubt(id="1", did=DID, at_ms=WALL, by="ana", plan_id=plan.plan_id, action="resend")
    made.put("lines.commands", order)
    made.settle(20)
    assert [message_id for _, message_id in made.accepted].count("t0000") == 1
    assert made.states()["t0000"] == "accepted"


def test_a_receipt_finds_a_send_that_left_memory_by_each_of_its_names() -> None:
    made = small()
    made.put("outbound.replies", message("r1", "5691"))
    made.settle(5)
    busy(made, 200)
    made.crash()
    busy(made, 50, 200)
    root = next(p.root_id for p in made.plans() if any(m.id == "t0003" for m in p.messages))
    receipt(made, cloud_status(DID, "wamid.r1", "5691", "delivered"))
    receipt(made, flat_notice(DID, root, "56950003", "DELIVERY"))
    receipt(made, flat_notice(DID, "t0010", "56950010", "DELIVERY"))
    receipt(made, cloud_status(DID, "wamid.unheard", "56950020", "delivered"))
    made.settle(10)
    assert sorted(delivered(made)) == ["r1", "t0003", "t0010", "t0020"]
    assert "inbound.receipts.dlq" not in made.topics


def test_what_was_bound_to_a_recalled_send_stays_bound() -> None:
    made = small()
    made.put("outbound.templates", promo("a", "5691"))
    made.settle(3)
    made.put("outbound.templates", promo("b", "5691"))
    made.settle(3)
    busy(made, 100)
    receipt(made, cloud_status(DID, "wamid.1", "5691", "delivered"))
    made.settle(5)
    busy(made, 100, 100)
    made.crash()
    receipt(made, cloud_status(DID, "wamid.1", "5691", "read"))
    receipt(made, cloud_status(DID, "wamid.2", "5691", "delivered"))
    made.settle(10)
    assert delivered(made) == ["a", "b"]
    assert made.states()["a"] == "read"


def test_a_receipt_that_belongs_to_nothing_is_an_orphan_all_the_same() -> None:
    made = small()
    busy(made, 100)
    receipt(made, flat_notice(DID, "nobodys", "5699", "DELIVERY"))
    made.settle(20)
    assert len(made.topics["inbound.receipts.dlq"]) == 1


def test_plans_get_tombstones_when_their_horizon_is_over_and_their_segment_last() -> None:
    made = small()
    busy(made, 100)
    made.step("accept", HORIZON_S + 60)
    busy(made, 100, 100)
    made.settle(60)
    left = {r.key for r in made._compacted() if r.value is not None}
    plans = [p for p in made.plans() if p.at_ms < made.now.wall_ms - HORIZON_MS]
    gone = [p for p in plans if f"{DID}|{p.plan_id}".encode() not in left]
    assert len(gone) >= len(plans) - EVERY
    assert all(f"{DID}|{p.plan_id}|outcome".encode() not in left for p in gone)
    made.crash()
    busy(made, 50, 200)
    assert_nobody_twice(made)


def test_a_crash_at_any_step_of_a_round_leaves_all_that_was_known() -> None:
    made = small()
    busy(made, 40)
    known = 40
    for _ in range(60):
        made.put("outbound.templates", *sends(1, known))
        known += 1
        made.step("accept", 3)
        made.crash()
    made.settle(10)
    made.put("outbound.templates", *sends(known))
    made.settle(30)
    assert_nobody_twice(made)
    assert set(made.states()) == {m.id for m in sends(known)}
    assert made.offsets[JOURNAL] > 0


def test_the_last_ids_of_a_line_are_known_and_older_ones_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "KNOWN_MAX", 50)
    monkeypatch.setattr(segments, "SEGMENT_MAX", 20)
    made = small()
    for start in range(0, 400, 40):
        busy(made, 40, start)
    book = made.partition.lines[DID].book
    assert all(book.knows(f"t{n:04}") for n in range(350, 400))
    assert not any(book.knows(f"t{n:04}") for n in range(100))


def test_a_receipt_finds_a_send_that_is_older_than_the_ids_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "KNOWN_MAX", 20)
    monkeypatch.setattr(segments, "SEGMENT_MAX", 20)
    made = small()
    busy(made, 200)
    made.crash()
    receipt(made, flat_notice(DID, "t0010", "56950010", "DELIVERY"))
    made.settle(10)
    assert delivered(made) == ["t0010"]


def test_ids_are_kept_beyond_the_limit_while_their_input_would_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "KNOWN_MAX", 10)
    monkeypatch.setattr(segments, "SEGMENT_MAX", 20)
    made = small(line_memory=10)
    made.put("outbound.templates", promo("late", "5691", not_before_ms=WALL + HORIZON_MS), *sends(200))
    for _ in range(100):
        made.step("accept", 3)
    assert len(made.accepted) == 200
    assert made.offsets[PARKED] == 0, "the first one waits, so the offset of those parked behind it does"
    assert made.offsets[JOURNAL] > 0
    made.step("accept", HORIZON_S + 60)
    made.crash()
    made.settle(30)
    assert_nobody_twice(made)


def test_a_word_that_says_less_than_is_known_is_followed_by_what_is_known() -> None:
    made = small()
    made.put("outbound.templates", *sends(1))
    made.settle(3)
    [outcome] = made.outcomes()
    made.put(
        JOURNAL,
        outcome.__class__(plan_id=outcome.plan_id, did=DID, result="in_doubt", at_ms=WALL),
        key=f"{DID}|{outcome.plan_id}|outcome".encode(),
    )
    made.settle(4)
    assert [o.result for o in made.outcomes()] == ["accepted", "in_doubt", "accepted"]
    made.crash()
    assert gauges.in_doubt(made.partition) == {}
