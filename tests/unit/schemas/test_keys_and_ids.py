"""Keys, partitions and ids are the same text and the same place, whoever computes them."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids, keys, phone

texts = st.text(min_size=1, max_size=30).filter(lambda text: "|" not in text)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_what_java_gives(data: bytes, expected: int) -> None:
    """The values of Kafka's own tests of `Utils.murmur2`."""
    assert keys.murmur2(data) == expected & 0xFFFFFFFF


@given(st.lists(texts, min_size=1, max_size=4))
def test_a_key_is_split_into_what_was_joined(parts: list[str]) -> None:
    assert keys.split(keys.join(*parts), len(parts)) == tuple(parts)


@pytest.mark.parametrize("parts", [("",), ("a", ""), ("a|b", "c")])
def test_a_part_that_would_break_a_key_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(keys.KeyPartError):
        keys.join(*parts)


def test_a_key_of_another_number_of_parts_is_refused() -> None:
    with pytest.raises(keys.KeyPartError):
        keys.split(b"a|b|c", 2)


@given(st.binary(max_size=60), st.integers(1, 200))
def test_a_partition_is_within_the_count(data: bytes, count: int) -> None:
    assert 0 <= keys.partition(data, count) < count


def test_an_event_without_an_id_is_known_by_its_place() -> None:
    assert ids.event_id(None, "inbound.conversations", 3, 17) == "inbound.conversations-3-17"
    assert ids.event_id("wamid.X", "inbound.conversations", 3, 17) == "wamid.X"


@given(st.lists(st.tuples(texts, texts, texts, st.integers(0, 99)), unique=True, min_size=2, max_size=20))
def test_message_ids_differ_when_their_causes_do(causes: list[tuple[str, str, str, int]]) -> None:
    assert len({ids.message_id(*cause) for cause in causes}) == len(causes)


def test_ids_of_different_origins_never_meet() -> None:
    assert ids.message_id_of_request("a", "1") != ids.message_id_of_recipient("a", "1", 1)
    assert ids.plan_id(["a", "b"], 1) != ids.plan_id(["a", "b"], 2)
    assert ids.plan_id(["a", "b"], 1) != ids.plan_id(["b", "a"], 1)


@given(texts)
def test_a_root_id_has_the_width_that_the_account_can_parse(plan: str) -> None:
    narrow, wide = ids.hsm_root_id(plan, "int31"), ids.hsm_root_id(plan, "int53")
    assert isinstance(narrow, int)
    assert isinstance(wide, int)
    assert 0 <= narrow < 2**31
    assert 0 <= wide < 2**53
    assert ids.hsm_root_id(plan, "text") == plan


def test_an_unknown_form_of_the_root_id_is_refused() -> None:
    with pytest.raises(ValueError, match="int31, int53, text"):
        ids.hsm_root_id("p", "uuid")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("541155551234", "5491155551234"),
        ("5491155551234", "5491155551234"),
        ("5215512345678", "525512345678"),
        ("525512345678", "525512345678"),
        ("551187654321", "5511987654321"),
        ("5511987654321", "5511987654321"),
        ("551122334455", "551122334455"),
        ("+56 9 1234 5678", "56912345678"),
        # Argentina as it is dialled at home: a 0 before the area, a 15 behind it, areas of 2, 3 and 4 digits
        ("+54 (0)11 15-5555-1234", "5491155551234"),
        ("549 11 15 5555-1234", "5491155551234"),
        ("54 351 15 412-3456", "5493514123456"),
        ("54 0351 15 412-3456", "5493514123456"),
        ("54 2202 15 41-2345", "5492202412345"),
        ("54 11 1515-1515", "5491115151515"),
        ("54 11 15 1515-1515", "5491115151515"),
        ("54 351 151-5151", "5493511515151"),
        ("54 11 4321-0000", "5491143210000"),  # a landline: nothing tells it apart, and nobody else has its digits
        ("54 9 11 4321-000", "549114321000"),
        ("54 611 4321-0000", "5461143210000"),
        ("52 1 55 1234 5678", "525512345678"),
        ("52 044 55 1234 5678", "525512345678"),
        ("52 01 55 1234 5678", "525512345678"),
        ("52 155 1234 567", "521551234567"),
        ("55 (0)11 8765-4321", "5511987654321"),
        ("55 31 6765-4321", "5531967654321"),
        ("55 11 5765-4321", "551157654321"),  # a landline: no digit is missing
        ("55 11 95765-4321", "5511957654321"),
        ("55 10 8765-4321", "551087654321"),  # no area has a 0
        ("1 305 555 1234", "13055551234"),
    ],
)
def test_the_forms_of_one_person_have_one_identity(written: str, canonical: str) -> None:
    assert phone.canonical(written) == canonical


_areas = st.from_regex(r"11|[23][2-9][0-9]{1,2}", fullmatch=True)


@given(_areas, st.data())
def test_every_way_to_write_an_argentine_mobile_is_one_person_and_no_two_are_one(
    area: str, data: st.DataObject
) -> None:
    size = 10 - len(area)
    one, other = (data.draw(st.from_regex(rf"[0-9]{{{size}}}", fullmatch=True)) for _ in range(2))
    forms = [form + number for number in (one,) for form in (f"54{area}", f"549{area}", f"54{area}15", f"540{area}15")]
    assert {phone.canonical(form) for form in forms} == {f"549{area}{one}"}
    assert (phone.canonical(f"54{area}15{other}") == phone.canonical(f"549{area}{one}")) == (one == other)


@given(st.from_regex(r"[1-9]{2}", fullmatch=True), st.from_regex(r"[2-9][0-9]{7}", fullmatch=True))
def test_a_brazilian_mobile_is_one_person_with_and_without_its_ninth_digit(area: str, number: str) -> None:
    mobile = number[0] in "6789"
    assert phone.canonical(f"55{area}{number}") == (f"55{area}9{number}" if mobile else f"55{area}{number}")
    assert phone.canonical(f"55{area}9{number}") == f"55{area}9{number}"


@given(st.from_regex(r"(54|52|55)[0-9]{5,13}", fullmatch=True))
def test_the_canonical_form_of_a_number_with_many_forms_is_a_fixed_point(number: str) -> None:
    once = phone.canonical(number)
    assert phone.canonical(once) == once == phone.identity(number)
    assert phone.is_number(once)


def test_a_user_id_is_an_identity_as_it_is() -> None:
    assert phone.identity("AR.541155551234") == "AR.541155551234"
    assert phone.identity("US.ENT.15") == "US.ENT.15"


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_the_canonical_form_is_a_fixed_point(number: str) -> None:
    once = phone.canonical(number)
    assert phone.canonical(once) == once
    assert phone.is_number(once)


@given(st.lists(st.text("abc123|é", max_size=20), min_size=1, max_size=4))
def test_a_digest_is_base32_as_python_writes_it(parts: list[str]) -> None:
    raw = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=15).digest()
    assert ids.digest(*parts) == base64.b32encode(raw).decode().lower()


@pytest.mark.parametrize(("first", "count"), [(0, 0), (0, 1), (8, 3), (998, 1003)])
def test_ids_of_many_recipients_are_those_of_each(first: int, count: int) -> None:
    each = [ids.message_id_of_recipient("56911111111", "spring ñ", n) for n in range(first, first + count)]
    assert ids.message_ids_of_recipients("56911111111", "spring ñ", first, count) == each
