"""What WhatsApp withheld from a person (131049) goes again after a day: on record, once, within its attempts."""

from __future__ import annotations

import pytest

from egress.lines.memory.book import Book
from egress.lines.results import replays
from schemas.journal import PlanRef
from schemas.outcome import Outcome
from schemas.parked import After, Parked
from schemas.record import decode
from tests.builders.line_model import Model
from tests.builders.lines import WALL, promo, template_item
from tests.unit.egress.test_failures import notice, said, sent
from tests.unit.egress.test_partition_model import assert_nobody_twice, model, with_campaign

DAY_S = 86_400.0


def withheld(made: Model, plan_id_of: str, contact: str) -> None:
    made.put("inbound.receipts", notice(plan_id_of, contact, "INVALID", "131049"))
    for _ in range(4):
        made.step("accept", 1)


def copies(made: Model) -> list[Parked]:
    notes = [Parked.from_headers(record.headers) for record in made.topics.get("outbound.parked", []) if record.key]
    return [note for note in notes if note.after is not None]


@pytest.mark.parametrize("crash", ["", "soon", "late"])
def test_it_goes_again_after_a_day_alone_and_on_record(crash: str) -> None:
    made = model()
    first = sent(made, promo("t1", "5691"), promo("t2", "5692"))
    withheld(made, first.root_id, "5692")
    assert [note.why for note in copies(made)] == ["withheld"]
    if crash == "soon":
        made.crash()
    for _ in range(23):
        made.step("accept", 3600)
    assert len(made.plans()) == 1, "not before a day"
    if crash == "late":
        made.crash()
    for _ in range(6):
        made.step("accept", 1200)
    again = made.plans()[-1]
    assert ([m.id for m in again.messages], again.attempt) == (["t2"], 2)
    assert (again.resend_of, again.resend_why) == (first.plan_id, "failed_131049")
    assert made.states() == {"t1": "accepted", "t2": "accepted"}
    made.crash()
    for _ in range(30):
        made.step("accept", 3600)
    assert len(made.plans()) == 2, "a copy goes once"
    assert_nobody_twice(made)


def test_what_expires_before_is_failed_at_once() -> None:
    made = model()
    first = sent(made, promo("t1", "5691", expires_ms=WALL + 3_600_000))
    withheld(made, first.root_id, "5691")
    assert copies(made) == []
    assert said(made, "t1")[-1] == ("failed", "131049")


def test_attempts_end() -> None:
    made = model()
    last = sent(made, promo("t1", "5691"))
    for _ in range(4):
        withheld(made, last.root_id, "5691")
        for _ in range(26):
            made.step("accept", 3600)
        last = made.plans()[-1]
    assert [plan.attempt for plan in made.plans()] == [1, 2, 3]
    assert made.states()["t1"] == "failed"


@pytest.mark.parametrize("crash", [False, True])
def test_the_same_receipt_twice_makes_it_go_once(crash: bool) -> None:
    made = model()
    first = sent(made, promo("t1", "5691"))
    withheld(made, first.root_id, "5691")
    if crash:
        made.crash()
    withheld(made, first.root_id, "5691")
    for _ in range(30):
        made.step("accept", 3600)
    assert len(made.plans()) == 2
    assert_nobody_twice(made)


def test_a_receipt_that_says_delivered_meanwhile_ends_it() -> None:
    made = model()
    first = sent(made, promo("t1", "5691"))
    withheld(made, first.root_id, "5691")
    made.put("inbound.receipts", notice(first.root_id, "5691", "DELIVERY"))
    for _ in range(30):
        made.step("accept", 3600)
    assert len(made.plans()) == 1
    assert made.states()["t1"] == "delivered"


@pytest.mark.parametrize("crash", [False, True])
def test_a_recipient_of_a_campaign_goes_again_as_part_of_it_and_the_campaign_stays_open_so_long(crash: bool) -> None:
    made = model()
    numbers = with_campaign(made, (5,))
    while not made.plans():
        made.step("accept", 1)
    withheld(made, made.plans()[0].root_id, numbers[2])
    assert b'"running"' in (made.topics["campaigns"][-1].value or b"")
    if crash:
        made.crash()
    for _ in range(30):
        made.step("accept", 3600)
    again = made.plans()[-1]
    assert (again.campaign, again.attempt, [m.contact for m in again.messages]) == ("c", 2, [numbers[2]])
    told = [decode(record.value, Outcome) for record in made.topics["outcomes"]]
    assert {outcome.campaign for outcome in told} == {"c"}
    assert b'"finished"' in (made.topics["campaigns"][-1].value or b"")


@pytest.mark.parametrize(("plans", "goes"), [((), True), (("p",), True), (("p", "q"), False), (("q",), False)])
def test_a_copy_whose_plan_has_left_memory_goes_only_if_no_other_attempt_is_known(
    plans: tuple[str, ...], goes: bool
) -> None:
    book, item = Book(), template_item("t1")
    item.retry_of = "p"
    book.index.named = lambda name: [PlanRef(plan, 0) for plan in plans if name == "t1"]  # type: ignore[method-assign]
    assert replays.follows(book, item) == goes


def test_a_note_of_the_attempt_that_it_follows_is_read_as_it_was_written() -> None:
    after = After(plan="p", attempt=2, failed="131049", spared=1, campaign="c")
    note = Parked(did="569", kind="bulk", source="", why="withheld", at_ms=1, not_before_ms=2, after=after)
    assert Parked.from_headers(note.headers([])) == note
    damaged = [(name, b"{" if name == "parked_after" else value) for name, value in note.headers([])]
    assert Parked.from_headers(damaged).after is None
