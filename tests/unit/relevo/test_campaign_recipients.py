"""A row becomes a recipient, or says why not; nobody is in a campaign twice, or against his will."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from egress.lines.campaigns.campaign import Campaign
from egress.lines.campaigns.recipients import item_of
from egress.lines.gate.always import Always
from egress.lines.gate.gate import Question, Refusal, judge
from egress.lines.gate.terms import Terms
from relevo.campaigns.intake import Intake, Report
from relevo.campaigns.mapping import Mapping, Value, Wanted, map_columns
from relevo.campaigns.numbers import NotANumber, Numbers, calling_code, country
from relevo.campaigns.order import static
from relevo.campaigns.passage import take_optouts
from relevo.campaigns.people import People, covers
from relevo.campaigns.recipients import BadRow, Reading
from relevo.campaigns.refused import MappingError, SubmitError
from relevo.campaigns.rows import Row
from relevo.tenants.yaml_source import FileError
from schemas import phone
from schemas.campaign import Chunk, Definition, Recipient
from schemas.optout import Optout
from schemas.record import encode
from schemas.tenant import ButtonSpec, Quiet, TemplateSpec
from tests.builders.lines import WALL
from tests.builders.recipients import FIRST, SECOND, SPEC, mobile, shop

MAPPING = Mapping(to="to", body=[Value(column="name")])


def row(place: int = 2, **values: str) -> Row:
    return Row(place, list(values.values()), values)


PROMO = TemplateSpec(name="promo", language="es", category="marketing", body=1)


def never(spec: TemplateSpec = PROMO, **fields: Any) -> Callable[[Recipient], Refusal | None]:
    """What the gate would refuse at any time."""
    tenant = shop(templates=[spec], **fields)
    return Always(static(spec), spec.category, tenant, tenant.lines[1:], WALL).of


def read(**values: str) -> Recipient | BadRow:
    return Reading(MAPPING, Numbers(), never()).read(row(**values))


# -- numbers


@pytest.mark.parametrize(
    ("text", "given_country", "digits"),
    [
        ("56911111111", "", "56911111111"),
        ("+56 9 1111-1111", "", "56911111111"),
        ("0056911111111", "", "56911111111"),
        ("56911111111.0", "", "56911111111"),
        ("9 1111 1111", "CL", "56911111111"),
        ("56911111111", "CL", "56911111111"),
        ("+5491155551234", "cl", "5491155551234"),
        ("5491155551234", "CL", "5491155551234"),
        ("011 15 5555-1234", "AR", "5491155551234"),
        ("5215512345678", "", "5215512345678"),
        ("551187654321", "", "551187654321"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, given_country: str, digits: str) -> None:
    assert Numbers(given_country).read(text) == digits


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "missing"),
        ("5.69112E+10", "other characters"),
        ("56911111111 ext 2", "other characters"),
        ("911111111", "no number of|no country"),
        ("569111111112", "no number of [+]56 has 12 digits"),
        ("2109999999", "no country"),
        ("123", "7 to 15"),
    ],
)
def test_what_could_be_another_number_is_none(text: str, says: str) -> None:
    with pytest.raises(NotANumber, match=says):
        Numbers().read(text)


@given(st.text(max_size=20), st.sampled_from(["", "CL", "AR", "MX", "BR", "US"]))
def test_a_number_that_is_read_is_one_and_no_text_does_harm(text: str, given_country: str) -> None:
    try:
        digits = Numbers(given_country).read(text)
    except NotANumber:
        return
    assert phone.is_number(digits)
    assert calling_code(digits)


def test_countries_are_known_by_their_codes() -> None:
    assert [calling_code(number) for number in ("56911111111", "12025550123", "5989111", "999")] == [
        "56", "1", "598", "",
    ]  # fmt: skip
    assert country("56") == "CL (+56)"
    with pytest.raises(MappingError, match="no country"):
        Numbers("XX")


# -- the mapping


def test_columns_are_taken_in_order_unless_named() -> None:
    columns = ["nombre", "Telefono", "pedido", "track"]
    assert map_columns(columns, SPEC) == Mapping(
        to="Telefono", body=[Value(column="nombre"), Value(column="pedido")], buttons=[Value(column="track")]
    )
    named = map_columns(columns, SPEC, Wanted(body=["pedido", "nombre:=amigo"], buttons=["=X"]))
    assert named.body == [Value(column="pedido"), Value(column="nombre", default="amigo")]
    assert named.buttons == [Value(constant="X")]


def test_nested_parameters_are_taken_by_their_names() -> None:
    found = map_columns(["buttons.0", "body.0", "to", "body.1"], SPEC)
    assert [one.column for one in found.values] == ["body.0", "body.1", "buttons.0"]
    reading = Reading(found, Numbers(), never(SPEC))
    values = {"to": mobile(1), "body.0": "a", "body.1": "b", "buttons.0": "c"}
    assert reading.read(row(**values)) == Recipient(mobile(1), ["a", "b"], ["c"])
    more = reading.read(row(**values, **{"body.2": "d"}))
    assert isinstance(more, BadRow)
    assert more.reason == "too_many"


@pytest.mark.parametrize(
    ("columns", "wanted", "says"),
    [
        (["a", "b"], Wanted(), "no column of numbers"),
        (["to", "a"], Wanted(), "takes 2 body parameters, the file has 1"),
        (["to", "a", "b", "c"], Wanted(body=["a"]), "takes 2 body, 1 button and 0 header parameters, not 1, 1 and 0"),
        (["to", "a", "b", "c"], Wanted(to="x"), "no column 'x'"),
        (["to", "a", "b", "c"], Wanted(body=["a", "="]), "a column or a constant"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: list[str], wanted: Wanted, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        map_columns(columns, SPEC, wanted)


def test_a_mapping_file_names_its_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("to: tel\nbody: [a, {column: b, default: x}]\nbuttons: [{constant: '7'}]\ncountry: CL\n")
    found = Wanted.read(file)
    assert (found.to, found.country) == ("tel", "CL")
    assert map_columns(["tel", "a", "b"], SPEC, found).values == [
        Value(column="a"), Value(column="b", default="x"), Value(constant="7"),
    ]  # fmt: skip
    file.write_text("to: tel\nbodies: [a]\n")
    with pytest.raises(FileError, match=r"m.yaml:2: bodies: no such field; did you mean 'body'"):
        Wanted.read(file)
    file.write_text("[]")
    with pytest.raises(FileError, match="is a mapping"):
        Wanted.read(file)


def test_a_header_is_a_parameter_where_the_template_has_one() -> None:
    spec = TemplateSpec(name="t", language="es", header="image")
    assert map_columns(["to", "header"], spec).header == [Value(column="header")]
    place = TemplateSpec(name="t", language="es", header="location")
    columns = ["lat", "lon", "name", "address"]
    assert [one.column for one in map_columns(["to", *columns], place).header] == columns
    named = Wanted(header=["=1.5", "=2.5"])
    assert map_columns(["to", *columns], place, named).header[0] == Value(constant="1.5")


# -- rows


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"to": "12", "name": "Ana"}, "number"),
        ({"to": mobile(1), "name": " "}, "missing"),
        ({"to": mobile(1)}, "missing"),
        ({"to": mobile(1), "name": "x" * 1025}, "template_length"),
        ({"to": mobile(1), "name": "a\nb"}, "template_text"),
        ({"to": mobile(1), "name": "a     b"}, "template_text"),
        ({"to": mobile(1), "name": "\udcf1"}, "characters"),
        ({"to": mobile(1), "name": "a\x00b"}, "characters"),
        ({"to": FIRST, "name": "Ana"}, "own_number"),
        ({"to": SECOND, "name": "Ana"}, "own_number"),
        ({"to": " CL.13491208655302741918", "name": "Ana"}, "user_id"),
    ],
)
def test_a_row_that_cannot_be_sent_says_why(values: dict[str, str], reason: str) -> None:
    found = read(**values)
    assert isinstance(found, BadRow)
    assert found.reason == reason
    assert "56911" not in found.detail


@given(st.dictionaries(st.sampled_from(["to", "name", "x"]), st.text(max_size=30)))
def test_no_row_raises(values: dict[str, str]) -> None:
    found = read(**values)
    assert isinstance(found, BadRow) or found.body == [values["name"].strip()]


@pytest.mark.parametrize(
    ("spec", "recipient", "code"),
    [
        (replace(PROMO, body_chars=1000), Recipient(mobile(1), ["x" * 25]), "template_length"),
        (replace(PROMO, header="text"), Recipient(mobile(1), ["x"], [], ["h" * 61]), "template_length"),
        (replace(PROMO, header="image"), Recipient(mobile(1), ["x"], [], ["http://a/b"]), "template_parameters"),
        (
            replace(PROMO, buttons=[ButtonSpec(index=0, type="copy_code")]),
            Recipient(mobile(1), ["x"], ["c" * 21]),
            "template_length",
        ),
        (PROMO, Recipient("569000000001234", ["x"]), "bad_number"),
        (PROMO, Recipient("4790000001", ["x"]), ""),
    ],
)
def test_what_the_gate_never_lets_go_is_left_out_by_the_gates_own_code(
    spec: TemplateSpec, recipient: Recipient, code: str
) -> None:
    refusal = never(spec)(recipient)
    assert (refusal.code if refusal is not None else "") == code


def test_a_number_that_is_quiet_at_every_hour_is_left_out() -> None:
    quiet = Quiet(start="09:00", end="08:59", zone="recipient")
    refused = [never(quiet=quiet)(Recipient(to, ["x"])) for to in (mobile(1), "12025550123", "79161234567")]
    assert [refusal.code if refusal is not None else "" for refusal in refused] == ["", "", "never_open"]


_PEOPLE = st.sampled_from([mobile(1), FIRST, "4790000001", "34600111222", "569000000001234", "CL.a1", "12025550123"])
_TEXTS = st.sampled_from(["x", "", "a\nb", "a     b", "x" * 300, "x" * 1024, "https://x/y", "9.5", "-91"])


@given(
    data=st.data(),
    to=_PEOPLE,
    texts=st.lists(_TEXTS, max_size=6),
    cut=st.tuples(st.integers(0, 3), st.integers(0, 2)),
    header=st.sampled_from(["none", "text", "image", "location"]),
    kind=st.sampled_from(["url", "copy_code", "quick_reply"]),
    hours=st.integers(0, 48),
)
def test_the_gate_refuses_what_it_said_and_nothing_that_is_submitted_for_the_same_reason(
    data: st.DataObject, to: str, texts: list[str], cut: tuple[int, int], header: Any, kind: Any, hours: int
) -> None:
    """Asked as a line's owner asks: of the message that it makes of the row, at some hour."""
    spec = replace(
        PROMO, body=data.draw(st.integers(0, 2)), header=header, buttons=[ButtonSpec(index=0, type=kind)][: cut[1]]
    )
    body, rest = texts[: cut[0]], texts[cut[0] :]
    recipient = Recipient(to, body, rest[: cut[1]], rest[cut[1] :])
    quiet = Quiet(start="21:00", end="09:00", zone="recipient")
    tenant = shop(templates=[spec], quiet=quiet)
    line = tenant.lines[1]
    definition = Definition(campaign="c", tenant="shop", did=line.did, template=static(spec), created_ms=1)
    chunk = Chunk(campaign="c", did=line.did, index=0, first=0, recipients=[recipient], digest="")
    campaign = Campaign("c", definition)
    message = item_of(campaign, chunk, 0, recipient, 0.0).message
    verdict = judge(Question(message, WALL + hours * 3_600_000, Terms(tenant, line), campaign=True))
    said = Always(static(spec), spec.category, tenant, [line], WALL).of(recipient)
    assert said == (verdict if isinstance(verdict, Refusal) else None)


def test_a_default_fills_what_is_empty() -> None:
    reading = Reading(Mapping(to="to", body=[Value(column="name", default="amigo")]), Numbers(), never())
    assert reading.read(row(to=mobile(1), name=" ")) == Recipient(mobile(1), ["amigo"])


# -- people


class OptoutRecord:
    def __init__(self, did: str, contact: str, value: bytes | None) -> None:
        self._key, self._value = f"{did}|{contact}".encode(), value

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value


def optout(*categories: str) -> bytes:
    return encode(Optout(tenant="t", since_ms=1, why="x", categories=list(categories)))


@pytest.fixture
def people() -> Iterator[People]:
    with People() as made:
        yield made


def test_two_forms_of_one_person_are_one(people: People) -> None:
    assert [people.meet(number) for number in ("541155551234", "5491155551234", mobile(1))] == ["", "duplicate", ""]


def test_who_opted_out_on_one_of_the_lines_is_left_out(people: People) -> None:
    records = [
        OptoutRecord("1", mobile(1), optout()),
        OptoutRecord("1", mobile(2), optout("utility")),
        OptoutRecord("1", mobile(3), optout("marketing")),
        OptoutRecord("1", mobile(3), None),
        OptoutRecord("3", mobile(4), optout()),
        OptoutRecord("2", mobile(5), b"broken"),
        OptoutRecord("1", "CL.abc", optout()),
        OptoutRecord("1", mobile(6), optout("marketing")),
        OptoutRecord("1", mobile(6), optout("utility")),
    ]
    take_optouts(records, frozenset({"1", "2"}), partial(covers, category="marketing"), people)  # type: ignore[arg-type]
    assert [people.meet(mobile(n)) for n in range(1, 7)] == ["opted_out", "", "", "", "opted_out", ""]


def test_a_one_time_password_is_exempt_from_an_opt_out_of_everything(people: People) -> None:
    record: Any = OptoutRecord("1", mobile(1), optout())
    take_optouts([record], frozenset({"1"}), partial(covers, category="otp"), people)
    assert people.meet(mobile(1)) == ""
    record = OptoutRecord("1", mobile(2), optout())
    take_optouts([record], frozenset({"1"}), partial(covers, category="otp", otp=True), people)
    assert people.meet(mobile(2)) == "opted_out", "where the tenant says so"


def test_a_report_that_cannot_be_written_is_an_answer(tmp_path: Path) -> None:
    with pytest.raises(SubmitError, match="cannot be written: Is a directory; say where with --rejected"):
        Report(tmp_path, [])


def test_every_row_is_taken_or_reported_and_counted(tmp_path: Path, people: People) -> None:
    people.opt_out("1", mobile(9), True)
    rows = [
        row(2, to=mobile(1), name="Ana"),
        row(3, to=mobile(1), name="Ana"),
        row(4, to="x", name="Ana"),
        row(5, to=mobile(9), name="Luz"),
        Row(6, [], {}, "a quote", 40),
        row(7, to=mobile(2), name="Eva"),
    ]
    file = tmp_path / "a.rejected.csv"
    with Report(file, ["to", "name"]) as report:
        intake = Intake(rows, Reading(MAPPING, Numbers(), never()), people, report)
        assert [(one.place, one.recipient.to) for one in intake] == [(2, mobile(1)), (7, mobile(2))]
    assert intake.left_out == {"duplicate": 1, "number": 1, "opted_out": 1, "unreadable": 40}
    assert (intake.taken, intake.bad, intake.countries) == (2, 41, {"56": 2})
    assert intake.bad_share == 41 / 45
    with file.open(newline="") as stream:
        reported = list(csv.reader(stream))
    assert reported[0] == ["row", "reason", "detail", "to", "name"]
    assert [(line[0], line[1]) for line in reported[1:]] == [
        ("3", "duplicate"), ("4", "number"), ("5", "opted_out"), ("6", "unreadable"),
    ]  # fmt: skip
    assert reported[3][3:] == [mobile(9), "Luz"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
