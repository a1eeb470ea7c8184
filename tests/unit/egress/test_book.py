"""The book knows what was planned, what became of it, and which send a receipt means."""

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.memory.book import Book
from egress.lines.memory.index import HORIZON_MS
from schemas.journal import CallOutcome
from tests.builders.lines import DID, WALL, plan

FIRM = {"": 0, "in_doubt": 1, "not_sent": 2, "throttled": 2, "accepted": 3, "settled": 3, "refused": 3}


def outcome(result: str, plan_id: str = "p", **fields: object) -> CallOutcome:
    return CallOutcome(plan_id=plan_id, did=DID, result=result, at_ms=WALL, **fields)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["in_doubt", "not_sent", "throttled", "accepted", "settled"]), max_size=8))
def test_a_plans_outcome_only_gets_firmer(results: list[str]) -> None:
    book = Book()
    entry = book.add(plan())
    for result in results:
        before = entry.result
        applied = book.apply(outcome(result))
        assert FIRM[entry.result] >= FIRM[before]
        assert (applied is None) == (FIRM[result] <= FIRM[before])


def test_a_message_that_was_surely_not_sent_may_end_as_refused() -> None:
    book = Book()
    book.add(plan())
    assert book.apply(outcome("not_sent")) is not None
    assert book.apply(outcome("refused", code="attempts")) is not None
    assert book.apply(outcome("not_sent")) is None


def test_a_plan_is_added_once_and_its_messages_are_known() -> None:
    book = Book()
    entry = book.add(plan(contacts=("5691", "5692")))
    book.apply(outcome("accepted"))
    assert book.add(plan(contacts=("5691", "5692"))) is entry
    assert entry.result == "accepted"
    assert book.knows("p-5692")
    assert not book.knows("p-5693")


def test_a_receipt_is_found_by_wamid_message_id_or_root_id_and_person() -> None:
    book = Book()
    entry = book.add(plan(contacts=("5691", "5692"), root_id="77"))
    book.apply(outcome("accepted", provider_ids=["", "wamid.2"]))
    assert book.find("wamid.2", "") == (entry, 1)
    assert book.find("p-5691", "") == (entry, 0)
    assert book.find("77", "5692") == (entry, 1)
    assert book.find("77", "5699") is None
    assert book.find("88", "5691") is None


def test_settled_plans_leave_when_they_are_old_and_doubts_stay() -> None:
    book = Book()
    for number, result in enumerate(("accepted", "in_doubt", "accepted")):
        book.add(plan(f"p{number}", at_ms=WALL + number))
        book.apply(outcome(result, f"p{number}"))
    book.prune(WALL + HORIZON_MS + 2)
    assert [book.plan(f"p{n}") is None for n in range(3)] == [True, False, False]
    book.prune(WALL + HORIZON_MS + 10)
    assert [book.plan(f"p{n}") is None for n in range(3)] == [True, False, True]
    book.apply(outcome("settled", "p1"))
    book.prune(WALL + HORIZON_MS + 10)
    assert list(book.entries()) == []
    assert book.sends_to("5691") == []


def test_plans_leave_when_they_are_many() -> None:
    book = Book()
    for number in range(10):
        book.add(plan(f"p{number}", contacts=("5691", "5692")))
        book.apply(outcome("accepted", f"p{number}"))
    book.prune(WALL, messages_max=6)
    assert [entry.plan.plan_id for entry in book.entries()] == ["p7", "p8", "p9"]


def test_the_latest_attempt_of_a_message_is_the_one_that_counts() -> None:
    book = Book()
    first = book.add(plan("p"))
    again = book.add(plan("q", messages=first.plan.messages, attempt=2))
    assert book.latest("p-5691") == (again, 0)
