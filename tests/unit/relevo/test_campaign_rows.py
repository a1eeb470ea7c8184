"""A file's rows come out as they were written, whatever its form; what cannot be read is told and stops nothing."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo.campaigns.form import LINE_MAX, Form, form_of
from relevo.campaigns.refused import MappingError
from relevo.campaigns.rows import Row, Table
from tests.builders.recipients import csv_file

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CELLS = st.lists(st.tuples(TEXT, TEXT), max_size=8)
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def rows(file: Path, **given: str) -> list[Row]:
    return list(Table(file, form_of(file, **given)))


def written(tmp_path: Path, data: bytes, name: str = "people.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(data)
    return file


@shared
@given(CELLS, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_any_text_in_a_csv_comes_out_as_it_was_written(
    tmp_path: Path, cells: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    file = csv_file(tmp_path / "a.csv", [("one", "two"), *cells], delimiter, encoding)
    found = rows(file, delimiter=delimiter, encoding="" if encoding == "utf-16" else encoding)
    assert [tuple(row.fields) for row in found] == cells
    assert [tuple(row.values.values()) for row in found] == cells
    assert [row.place for row in found] == list(range(2, len(cells) + 2))


@shared
@given(st.lists(st.dictionaries(TEXT.filter(lambda name: "." not in name), TEXT, min_size=1), min_size=1, max_size=8))
def test_any_text_in_json_comes_out_as_it_was_written(tmp_path: Path, objects: list[dict[str, str]]) -> None:
    file = written(tmp_path, b"\n".join(map(orjson.dumps, objects)), "a.ndjson")
    assert [row.values for row in rows(file)] == objects


@shared
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.ndjson"]))
def test_no_bytes_stop_the_reading(tmp_path: Path, data: bytes, name: str) -> None:
    head = b"to,name\n" if name.endswith("csv") else b'{"to": "1"}\n'
    found = rows(written(tmp_path, head + data, name))
    places = [row.place for row in found]
    assert places == sorted(set(places))
    assert not any(row.problem and row.values for row in found)


@pytest.mark.parametrize(
    ("header", "delimiter"), [("a,b", ","), ("a;b,c;d", ";"), ("a\tb", "\t"), ("a|b", "|"), ("a", ",")]
)
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, header: str, delimiter: str) -> None:
    assert form_of(written(tmp_path, header.encode() + b"\n")).delimiter == delimiter


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("to\nñandú\n".encode(), "utf-8-sig"),
        ("\ufeffto\nñandú\n".encode(), "utf-8-sig"),
        ("to\nñandú\n".encode("cp1252"), "cp1252"),
        ("to\nñandú\n".encode("utf-16"), "utf-16"),
        ("to\nñandú ñandú\n".encode() + b"\xf1\n", "utf-8-sig"),
    ],
)
def test_the_encoding_is_found_in_the_bytes(tmp_path: Path, data: bytes, encoding: str) -> None:
    file = written(tmp_path, data)
    assert form_of(file).encoding == encoding
    assert rows(file)[0].values["to"].startswith("ñandú")


def test_a_form_that_is_given_is_not_guessed(tmp_path: Path) -> None:
    form = form_of(written(tmp_path, b"a,b;c\n1,2;3\n"), delimiter=";", encoding="latin-1")
    assert (form.delimiter, form.encoding) == (";", "latin-1")
    for wrong in ({"delimiter": ";;"}, {"encoding": "utf-9"}):
        with pytest.raises(MappingError):
            form_of(written(tmp_path, b"a\n"), **wrong)
    with pytest.raises(MappingError, match="JSON is UTF-8"):
        form_of(written(tmp_path, b"{}\n", "a.ndjson"), encoding="cp1252")


def test_a_file_is_json_by_its_name_or_its_first_character(tmp_path: Path) -> None:
    assert form_of(written(tmp_path, b'{"to": "1"}\n', "stdin")).kind == "ndjson"
    assert form_of(written(tmp_path, b"to\n", "stdin")).kind == "csv"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"1,Perez, Ana", "it has 3 fields, the header 2"),
        (b'1,"' + b"x" * 140_000, "is a quote not closed?"),
        (b"1," + b"x" * (LINE_MAX + 1), "larger than field limit"),
        (b",".join([b"x"] * LINE_MAX), f"more than {LINE_MAX} characters"),
    ],
)
def test_a_row_that_cannot_be_meant_is_told_and_the_next_is_read(tmp_path: Path, line: bytes, says: str) -> None:
    bad, good = rows(written(tmp_path, b"to,name\n" + line + b"\n2,Ana\n"))
    assert says in bad.problem
    assert good.values == {"to": "2", "name": "Ana"}


def test_a_quote_that_is_not_closed_stands_for_all_the_lines_that_it_swallows(tmp_path: Path) -> None:
    lines = b'to,name\n1,"Ana\n' + b"2,Luz\n" * 30_000
    first, *others = rows(written(tmp_path, lines))
    assert "not closed" in first.problem
    assert first.lines + len(others) == 30_001


def test_empty_lines_and_empty_fields_at_the_end_are_no_rows(tmp_path: Path) -> None:
    found = rows(written(tmp_path, b"to,name,,\n\n1,Ana,,\n\n2\n"))
    assert [(row.place, row.values) for row in found] == [(3, {"to": "1", "name": "Ana"}), (5, {"to": "2"})]


def test_nested_json_is_columns_with_points(tmp_path: Path) -> None:
    file = written(
        tmp_path, b'{"to": 569, "who": {"name": "Ana"}, "body": ["a", 1.5, true, null]}\n[]\n{x\n"a"\n', "a.jsonl"
    )
    first, *bad = rows(file)
    assert first.values == {
        "to": "569", "who.name": "Ana", "body.0": "a", "body.1": "1.5", "body.2": "true", "body.3": "",
    }  # fmt: skip
    assert [(row.place, row.problem.split(":")[0]) for row in bad] == [
        (2, "not a JSON object"), (3, "not JSON"), (4, "not a JSON object"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "empty"), (b"a,a\n", "two columns are called 'a'"), (b"\na\n", "first row is empty")]
)
def test_a_file_without_a_header_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        Table(written(tmp_path, data), Form(kind="csv", encoding="utf-8", delimiter=",", digest=""))
    with pytest.raises(MappingError, match="no line with a JSON object"):
        rows(written(tmp_path, b"[]\n", "a.ndjson"))
