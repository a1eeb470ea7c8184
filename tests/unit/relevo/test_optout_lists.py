"""Lists of opt-outs: which rows become which orders, what is told of the others, and what a roster knows."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from relevo.campaigns.intake import Report
from relevo.campaigns.recipients import BadRow
from relevo.campaigns.refused import MappingError, SubmitError
from relevo.optouts import importing
from relevo.optouts.importing import Import
from relevo.optouts.listed import Listed, Wanted
from relevo.optouts.roster import Roster
from runtime.settings import KafkaSettings
from schemas.inbound import OptOut
from schemas.optout import Optout
from schemas.record import encode

DIDS = ["56911111111", "56911111112"]
WANTED = Wanted("acme", DIDS, (), "import", "person:ana", 7)


def listed(tmp_path: Path, text: str, wanted: Wanted = WANTED, **form: Any) -> Listed:
    file = tmp_path / "list.csv"
    file.write_text(text, "utf-8")
    return Listed(file, wanted, **form)


def orders(found: Listed) -> list[OptOut]:
    return [order for one in found if not isinstance(one, BadRow) for order in one[1]]


def bad(found: Listed) -> list[tuple[int, str]]:
    return [(one.row.place, one.reason) for one in found if isinstance(one, BadRow)]


def test_a_row_is_an_order_for_each_line_that_tells_no_tap_and_no_other_line(tmp_path: Path) -> None:
    found = orders(listed(tmp_path, "telefono\n+56 9 2222 2222\n"))
    assert [(one.did, one.contact, one.categories, one.why) for one in found] == [
        (did, "56922222222", [], "import") for did in DIDS
    ]
    assert {(one.silent, one.spread, one.by, one.at_ms, one.tenant) for one in found} == {
        (True, True, "person:ana", 7, "acme")
    }
    assert len({one.id for one in found}) == 2


def test_a_row_may_say_line_categories_and_why_for_itself(tmp_path: Path) -> None:
    text = (
        "number,line,categories,why\n56922222222,+56 9 1111 1112,utility|marketing,queja\n"
        "CL.ab12,,,\n5491122334455,,ALL,\n"
    )
    found = orders(listed(tmp_path, text, WANTED._replace(categories=("marketing",))))
    assert [(one.did[-1], one.contact, one.categories, one.why) for one in found] == [
        ("2", "56922222222", ["marketing", "utility"], "queja"),
        *((did[-1], "CL.ab12", ["marketing"], "import") for did in DIDS),
        *((did[-1], "5491122334455", [], "import") for did in DIDS),
    ]


def test_what_cannot_be_used_is_told_with_its_row(tmp_path: Path) -> None:
    text = "number,line,categories\n12,,\n,,\n56922222222,56900000000,\n56922222222,,promos\n56922222222,,,,x\n"
    found = listed(tmp_path, text)
    assert bad(found) == [(2, "number"), (3, "number"), (4, "line"), (5, "category"), (6, "unreadable")]
    assert orders(found) == []


def test_the_same_file_is_the_same_orders_and_another_one_others(tmp_path: Path) -> None:
    first, again = (orders(listed(tmp_path, "number\n56922222222\n")) for _ in "ab")
    other = orders(listed(tmp_path, "number\n56922222222\n56922222223\n"))
    assert [one.id for one in first] == [one.id for one in again]
    assert {one.id for one in first} & {one.id for one in other} == set()


def test_a_file_without_a_column_of_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="write 'number' above the numbers"):
        listed(tmp_path, "56922222222\n56922222223\n")
    with pytest.raises(MappingError, match="no column 'x'"):
        listed(tmp_path, "number\n56922222222\n", to="x")
    assert len(orders(listed(tmp_path, "a,quien\n1,922222222\n", to="quien", country="CL"))) == 2


class Said:
    """A record of the topic."""

    def __init__(self, key: str, categories: list[str] | None, value: bytes = b"") -> None:
        self._key = key.encode()
        record = Optout(tenant="acme", since_ms=5, why="word", categories=categories or [])
        self._value = value or (None if categories is None else encode(record))

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value


def test_the_roster_knows_the_latest_of_each_person_on_its_lines_and_whose_is_unreadable_is_out() -> None:
    with Roster(DIDS[:1]) as roster:
        roster.take(
            [
                Said(f"{DIDS[0]}|a", ["marketing"]),
                Said(f"{DIDS[0]}|b", []),
                Said(f"{DIDS[1]}|c", []),
                Said(f"{DIDS[0]}|b", None),
                Said(f"{DIDS[0]}|d", [], b"{"),
            ]  # type: ignore[list-item]
        )
        assert [(one.contact, one.categories, one.why) for one in roster] == [
            ("a", ("marketing",), "word"),
            ("d", (), "its record cannot be read"),
        ]
        assert roster.counts() == {(DIDS[0], ()): 1, (DIDS[0], ("marketing",)): 1}
        assert roster.covers(DIDS[0], "a", ["marketing"])
        assert not roster.covers(DIDS[0], "a", ["marketing", "utility"])
        assert not roster.covers(DIDS[0], "a", [])
        assert roster.covers(DIDS[0], "d", ["otp"]), "nothing can be added to everything"
        assert not roster.covers(DIDS[0], "b", ["marketing"])


def test_what_was_ordered_is_missing_until_it_stands() -> None:
    with Roster(DIDS) as roster:
        assert [roster.ask(DIDS[0], who, what) for who, what in (("a", []), ("a", []), ("b", ["utility"]))] == [1, 0, 1]
        assert roster.missing() == 2
        roster.take([Said(f"{DIDS[0]}|b", ["marketing", "utility"]), Said(f"{DIDS[0]}|a", ["utility"])])  # type: ignore[list-item]
        assert roster.missing() == 1
        roster.take([Said(f"{DIDS[0]}|a", [])])  # type: ignore[list-item]
        assert roster.missing() == 0


def test_a_long_list_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        numbers = "\n".join(str(56_922_000_000 + n) for n in range(rows))
        found = listed(tmp_path, f"number\n{numbers}\n")
        with Roster(DIDS) as roster, Report(tmp_path / "bad.csv", found.table.titles) as report:
            passage = Import(KafkaSettings(), found, roster, report)
            tracemalloc.start()
            taken = passage.looked_at(0.05)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert (taken.rows, taken.ordered) == (rows, 2 * rows)
        return most

    peak(100)
    assert peak(10_000) < peak(1_000) + 200_000


def test_a_list_with_too_many_bad_rows_is_refused_whole_and_what_stands_is_not_ordered(tmp_path: Path) -> None:
    found = listed(tmp_path, "number\n56922222222\n12\n56922222222\n")
    with Roster(DIDS) as roster, Report(tmp_path / "bad.csv", found.table.titles) as report:
        roster.take([Said(f"{DIDS[0]}|56922222222", [])])  # type: ignore[list-item]
        taken = Import(KafkaSettings(), found, roster, report).looked_at(0.5)
        assert (taken.rows, taken.ordered, taken.stood, taken.left_out) == (3, 1, 2, {"number": 1})
        with pytest.raises(SubmitError, match=r"1 of 3 rows are bad, 33\.3%"):
            Import(KafkaSettings(), found, roster, report).looked_at(0.05)


async def test_orders_are_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = iter(range(100))

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(importing.asyncio, "sleep", sleep)
    monkeypatch.setattr(importing.time, "monotonic", lambda: next(clock) / 1000)
    parts = [len(part) async for part in importing._paced(iter([None] * 11), 20)]  # type: ignore[arg-type]
    assert parts == [5, 5, 1]
    assert slept == [pytest.approx(0.25, abs=0.01), pytest.approx(0.5, abs=0.01), pytest.approx(0.55, abs=0.01)]
