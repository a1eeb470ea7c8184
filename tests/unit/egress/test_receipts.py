"""Receipts wait for their send, are bound by the rule, or end as orphans."""

from egress.lines.memory.book import Book
from egress.lines.receipts.receipts import BIND_AFTER_S, ORPHAN_AFTER_S, Letter, Waiting, WaitingRoom, bind
from schemas.chattigo.inbound import Receipt
from schemas.journal import CallOutcome
from tests.builders.lines import DID, WALL, plan


def receipt(provider_id: str = "wamid.x", **fields: object) -> Receipt:
    defaults = {"did": DID, "contact": "5691", "state": "sent", "at_ms": WALL + 1000, "format": "cloud"}
    return Receipt(id=provider_id, **(defaults | fields))  # type: ignore[arg-type]


def room_with(*receipts: Receipt) -> WaitingRoom:
    room = WaitingRoom()
    for one in receipts:
        room.add(Waiting(one, Letter(0, DID, "acme", b"k", b"{}", [], 1), 100.0))
    return room


def book_of(*results: str, **fields: object) -> Book:
    book = Book()
    for number, result in enumerate(results):
        entry = book.add(plan(f"p{number}", **fields))
        if result:
            book.apply(CallOutcome(plan_id=entry.plan.plan_id, did=DID, result=result, at_ms=WALL))  # type: ignore[arg-type]
    return book


def test_a_receipt_that_came_before_the_answer_waits_for_it() -> None:
    book, room = book_of(""), room_with(receipt())
    assert list(room.settle(book, 100.1)) == []
    book.apply(CallOutcome(plan_id="p0", did=DID, result="accepted", at_ms=WALL, provider_ids=["wamid.x"]))
    [(_, place)] = room.settle(book, 100.2)
    assert place is not None
    assert place.entry.plan.plan_id == "p0"
    assert len(room) == 0


def test_nobodys_receipt_is_an_orphan_in_time() -> None:
    room = room_with(receipt())
    assert list(room.settle(Book(), 100.0 + ORPHAN_AFTER_S - 1.0)) == []
    assert [place for _, place in room.settle(Book(), 100.0 + ORPHAN_AFTER_S)] == [None]


def test_an_unknown_wamid_binds_to_the_oldest_accepted_send_without_one() -> None:
    book = book_of("accepted", "accepted", "in_doubt")
    bound = [bind(book, receipt(f"wamid.{n}")) for n in range(2)]
    assert [place and place.entry.plan.plan_id for place in bound] == ["p0", "p1"]
    assert book.find("wamid.1", "5691") == bound[1]


def test_a_doubt_is_settled_that_way_only_if_it_is_the_sole_candidate() -> None:
    assert bind(book_of("in_doubt", "in_doubt"), receipt()) is None
    place = bind(book_of("in_doubt"), receipt())
    assert place is not None
    assert place.entry.result == "in_doubt"


def test_nothing_is_bound_while_a_call_to_the_person_is_under_way() -> None:
    assert bind(book_of("accepted", ""), receipt()) is None


def test_a_send_after_the_receipt_is_no_candidate() -> None:
    assert bind(book_of("accepted", at_ms=WALL + 60_000), receipt()) is None


def test_a_refused_send_is_no_candidate() -> None:
    assert bind(book_of("refused"), receipt()) is None


def test_a_flat_receipt_without_id_means_the_latest_send_and_one_with_an_unknown_id_none() -> None:
    book = book_of("accepted", "accepted")
    place = bind(book, receipt("", format="flat"))
    assert place is not None
    assert place.entry.plan.plan_id == "p1"
    assert bind(book, receipt("12345", format="flat")) is None


def test_the_room_is_looked_at_again_when_something_can_have_changed() -> None:
    room = room_with(receipt())
    assert list(room.settle(Book(), 100.0)) == []
    assert room.next_at(100.5) == 101.0
    assert room.next_at(100.0 + BIND_AFTER_S) == 100.0 + BIND_AFTER_S
    assert WaitingRoom().next_at(0) == float("inf")


def test_a_receipt_without_id_settles_no_doubt_that_another_send_could_be_meant_by() -> None:
    place = bind(book_of("accepted", "in_doubt"), receipt("", format="flat"))
    assert place is not None
    assert place.entry.plan.plan_id == "p0"
    assert bind(book_of("in_doubt", "in_doubt"), receipt("", format="flat")) is None
    assert bind(book_of("accepted", ""), receipt("", format="flat")) is None, "its answer may be a moment away"
    assert bind(book_of("in_doubt", at_ms=WALL + 60_000), receipt("", format="flat")) is None, (
        "it is older than the send"
    )
    sole = bind(book_of("refused", "in_doubt"), receipt("", format="flat"))
    assert sole is not None
    assert sole.entry.result == "in_doubt"
