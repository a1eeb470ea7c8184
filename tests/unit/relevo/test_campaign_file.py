"""A CSV becomes chunks of recipients; what cannot be sent is named, and nobody is in it twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo.campaigns.chunks import chunked, whole
from relevo.campaigns.recipients import BadRow, ColumnMapping, MappingError, map_columns, open_csv, read_rows
from relevo.campaigns.submit import SubmitError, campaign_id, order
from schemas.campaign import Recipient
from schemas.tenant import Account, ButtonSpec, Line, TemplateSpec, Tenant

SPEC = TemplateSpec(name="order", language="es", body=2, buttons=[ButtonSpec(index=0)])
MAPPING = ColumnMapping(to="phone", body=["name"])


def rows(*lines: str) -> list[Recipient | BadRow]:
    return list(read_rows(open_csv(["phone,name", *lines]), MAPPING))


def test_columns_are_taken_in_order_unless_named() -> None:
    columns = ["nombre", "Telefono", "pedido", "track"]
    assert map_columns(columns, SPEC) == ColumnMapping(to="Telefono", body=["nombre", "pedido"], buttons=["track"])
    named = map_columns(columns, SPEC, body=["pedido", "nombre"], buttons=["track"])
    assert named.body == ["pedido", "nombre"]


@pytest.mark.parametrize(
    ("columns", "wanted", "says"),
    [
        (["a", "b"], {}, "no column of numbers"),
        (["to", "a"], {}, "takes 2 body parameters, the file has 1"),
        (["to", "a", "b", "c"], {"body": ["a"]}, "takes 2 body and 1 button parameters, not 1"),
        (["to", "a", "b", "c"], {"to": "x"}, "no column 'x'"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: list[str], wanted: dict[str, str], says: str) -> None:
    with pytest.raises(MappingError, match=says):
        map_columns(columns, SPEC, **wanted)  # type: ignore[arg-type]


def test_rows_that_cannot_be_sent_are_named_and_do_not_stop_the_others() -> None:
    found = rows(
        "+56 9 1111 1111,Ana",
        "12,Eva",
        "56922222222,",
        "56911111111,Ana",
        f"56933333333,{'x' * 1025}",
        "56944444444,Luz",
    )
    assert found[0] == Recipient("56911111111", ["Ana"])
    assert [(row.line, row.reason) for row in found if isinstance(row, BadRow)] == [
        (3, "number"),
        (4, "missing"),
        (5, "duplicate"),
        (6, "too_long"),
    ]
    assert found[5] == Recipient("56944444444", ["Luz"])


def test_two_forms_of_one_person_are_one() -> None:
    first, second = rows("541155551234,Ana", "5491155551234,Ana")
    assert isinstance(first, Recipient)
    assert isinstance(second, BadRow)


@given(st.integers(0, 3500), st.integers(1, 1000))
def test_every_recipient_is_in_one_chunk_at_its_position(count: int, size: int) -> None:
    people = [Recipient(str(n)) for n in range(count)]
    chunks = list(chunked("c", "d", people, size))
    assert [r for chunk in chunks for r in chunk.recipients] == people
    assert all(people[chunk.first] == chunk.recipients[0] for chunk in chunks)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(len(chunk.recipients) == size for chunk in chunks[:-1])


def test_a_digest_tells_other_recipients_and_another_order() -> None:
    digests = [chunk.digest for chunk in chunked("c", "d", [Recipient("1"), Recipient("2")], 1)]
    assert len(set(digests)) == 2
    assert whole(digests) != whole(digests[::-1])


def test_the_same_file_for_the_same_line_and_template_is_the_same_campaign(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("to\n56911111111\n")
    first = campaign_id("acme", "569", "t", file)
    assert first == campaign_id("acme", "569", "t", file)
    assert len({first, campaign_id("acme", "570", "t", file), campaign_id("b", "569", "t", file)}) == 3


def tenant() -> Tenant:
    account = Account(service="hsm", base="https://x", username="u", password="")
    lines = [Line(did="56900000000"), Line(did="56911111111", templates="hsm")]
    return Tenant(tenant="acme", accounts={"hsm": account}, lines=lines, templates=[SPEC])


def test_an_order_takes_the_line_that_can_send_templates(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("to,a,b,c\n56922222222,1,2,3\n")
    assert order(file, tenant(), line="", template="order", language="es").line.did == "56911111111"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"line": "1", "template": "order", "language": "es"}, "has no line '1'"),
        ({"line": "56900000000", "template": "order", "language": "es"}, "no account for templates"),
        ({"line": "", "template": "order", "language": "en"}, "no template order/en; it has order/es"),
    ],
)
def test_an_order_that_cannot_be_sent_is_refused(tmp_path: Path, wanted: dict[str, str], says: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text("to,a,b,c\n")
    with pytest.raises(SubmitError, match=says):
        order(file, tenant(), **wanted)  # type: ignore[arg-type]


def test_a_file_without_a_header_is_refused() -> None:
    with pytest.raises(MappingError, match="empty"):
        open_csv([])
