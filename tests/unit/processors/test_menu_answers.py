"""Answers as people type them: what fits a question's type, and how it is remembered."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.agents.builtin.menu import documents, moments
from processors.agents.builtin.menu.answers import Around, Sent, hint, read, shown, skips
from processors.agents.builtin.menu.model import ARRIVING, Ask, Value
from schemas import content as c

TODAY = date(2026, 11, 26)  # a Thursday
HERE = Around(TODAY, "56922222222")


def answer(kind: str, text: str, **more: object) -> str:
    return read(Ask(save="x", type=kind, **more), Sent(text, content=c.Text(body=text)), HERE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "said", "kept"),
    [
        ("text", " hola ", "hola"),
        ("number", "12.000", "12000"),
        ("number", "12,5", "12.5"),
        ("number", "12.5", "12.5"),
        ("number", "$ 1.234.567,50", "1234567.5"),
        ("number", "1,234.50", "1234.5"),
        ("number", "1,234,567", "1234567"),
        ("number", "-3", "-3"),
        ("number", "850.000 pesos", "850000"),
        ("number", "0.5", "0.5"),
        ("number", "0", "0"),
        ("number", "1.2.3", ""),
        ("number", "1,5.000", ""),
        ("number", "doce", ""),
        ("number", "1e9", ""),
        ("number", "nan", ""),
        ("number", "٣", ""),
        ("number", "9" * 5000, ""),
        ("integer", "12", "12"),
        ("integer", "12,0", "12"),
        ("integer", "12,5", ""),
        ("date", "31/12/2026", "2026-12-31"),
        ("date", "1-2-26", "2026-02-01"),
        ("date", "5.6.75", "1975-06-05"),
        ("date", "2026-12-31", "2026-12-31"),
        ("date", "31/12", "2026-12-31"),
        ("date", "1/3", "2027-03-01"),
        ("date", "26/11", "2026-11-26"),
        ("date", "29/2", "2028-02-29"),
        ("date", "30/02/2026", ""),
        ("date", "12/31/2026", ""),
        ("date", "26 de noviembre", "2026-11-26"),
        ("date", "el 3 de enero de 2027", "2027-01-03"),
        ("date", "3 Ene 2027", "2027-01-03"),
        ("date", "1 de março de 2027", "2027-03-01"),
        ("date", "March 1st, 2027", "2027-03-01"),
        ("date", "hoy", "2026-11-26"),
        ("date", "Mañana!", "2026-11-27"),
        ("date", "pasado mañana", "2026-11-28"),
        ("date", "ayer", "2026-11-25"),
        ("date", "amanhã", "2026-11-27"),
        ("date", "lunes", "2026-11-30"),
        ("date", "el próximo jueves", "2026-12-03"),
        ("date", "segunda-feira", "2026-11-30"),
        ("date", "friday", "2026-11-27"),
        ("date", "algún día", ""),
        ("date", "99/99/9999", ""),
        ("time", "15:30", "15:30"),
        ("time", "3:30 pm", "15:30"),
        ("time", "3 p.m.", "15:00"),
        ("time", "a las 9", "09:00"),
        ("time", "11 hrs", "11:00"),
        ("time", "12 am", "00:00"),
        ("time", "12pm", "12:00"),
        ("time", "25:00", ""),
        ("time", "13 pm", ""),
        ("time", "9:75", ""),
        ("email", "Ana.Rojas+x@Correo.CL", "ana.rojas+x@correo.cl"),
        ("email", "ana@correo", ""),
        ("email", "ana@@correo.cl", ""),
        ("email", "ana correo.cl", ""),
        ("email", "a" * 300 + "@b.cl", ""),
        ("phone", "9 1234 5678", "56912345678"),
        ("phone", "+54 9 11 2345-6789", "5491123456789"),
        ("phone", "123", ""),
        ("phone", "no tengo", ""),
        ("yes_no", "Sí, por favor", "yes"),
        ("yes_no", "dale", "yes"),
        ("yes_no", "👍", "yes"),
        ("yes_no", "1", "yes"),
        ("yes_no", "No, gracias.", "no"),
        ("yes_no", "não", "no"),
        ("yes_no", "quizás", ""),
        ("rut", "12.345.678-5", "12345678-5"),
        ("rut", "12345678-5", "12345678-5"),
        ("rut", "6.k", ""),
        ("rut", "1.000.005-k", "1000005-K"),
        ("rut", "12.345.678-4", ""),
        ("rut", "hola", ""),
        ("cuit", "20-12345678-6", "20-12345678-6"),
        ("cuit", "20123456786", "20-12345678-6"),
        ("cuit", "20-12345678-5", ""),
        ("dni", "12.345.678", "12345678"),
        ("dni", "123", ""),
        ("image", "una foto", ""),
        ("location", "aquí", ""),
    ],
)
def test_an_answer_is_read_as_its_type(kind: str, said: str, kept: str) -> None:
    assert answer(kind, said) == kept


@pytest.mark.parametrize(
    ("kind", "least", "most", "fits", "misses"),
    [
        ("text", "3", "5", ["abc", "abcde"], ["ab", "abcdef"]),
        ("number", "-1", "2.5", ["-1", "2,5", "0"], ["-2", "2,51"]),
        ("integer", "18", "", ["18", "99"], ["17", "18,5"]),
        ("date", "today", "today+2m", ["hoy", "26/1/2027"], ["ayer", "27/1/2027"]),
        ("date", "", "today-18y", ["26/11/2008"], ["27/11/2008", "hoy"]),
        ("date", "2026-12-01", "2026-12-24", ["24/12"], ["25/12", "mañana"]),
        ("time", "08:00", "18:30", ["8:00", "18:30"], ["7:59", "18:31"]),
    ],
)
def test_bounds_hold_at_both_ends(kind: str, least: str, most: str, fits: list[str], misses: list[str]) -> None:
    assert all(answer(kind, said, min=least, max=most) for said in fits)
    assert not any(answer(kind, said, min=least, max=most) for said in misses)


def test_no_more_is_kept_than_a_pattern_has_seen() -> None:
    assert answer("text", "7" * 300 + "x", pattern=r"\d+") == "7" * 256
    assert answer("text", "x7", pattern=r"\d+") == ""
    assert len(answer("text", "x" * 900)) == 500


def test_a_date_without_a_year_is_one_that_was_where_the_future_is_out_of_the_question() -> None:
    assert answer("date", "27/11", max="today") == "2025-11-27"
    assert answer("date", "lunes", max="today") == "2026-11-23"


def test_one_of_several_is_chosen_by_title_keyword_or_number() -> None:
    values = [Value(title={"es": "Pan", "pt": "Pão"}, save="bread", keywords=["pancito"]), "Leche"]
    said = ["pan", "PÃO", "pancito", "1", "leche", "2", "3", "vino"]
    assert [answer("one_of", one, values=values) for one in said] == ["bread"] * 4 + ["Leche"] * 2 + [""] * 2


@pytest.mark.parametrize(
    ("kind", "content", "kept"),
    [
        ("image", c.Image(url="https://a.example/1"), "https://a.example/1"),
        ("image", c.Image(media_id="77"), "77"),
        ("image", c.Document(media_id="77"), ""),
        ("document", c.Document(media_id="78"), "78"),
        ("audio", c.Audio(media_id="79", voice=True), "79"),
        ("video", c.Video(media_id="80"), "80"),
        ("file", c.Document(media_id="81"), "81"),
        ("file", c.Sticker(media_id="82"), ""),
        ("location", c.Location(latitude=-33.4, longitude=-70.6), "-33.4,-70.6"),
        ("location", c.Location(address="Calle 1"), "Calle 1"),
        ("location", c.Image(media_id="83"), ""),
        ("text", c.Image(media_id="84"), ""),
    ],
)
def test_what_is_sent_and_not_written_is_kept_by_its_address(kind: str, content: c.AnyContent, kept: str) -> None:
    assert read(Ask(save="x", type=kind), Sent("", content=content), HERE) == kept  # type: ignore[arg-type]
    assert (kind in ARRIVING) or kind == "text"


def test_a_question_may_be_left_out_by_its_own_words_alone() -> None:
    ask = Ask(save="x", skip=["omitir", "no tengo"])
    assert [skips(ask, Sent(text)) for text in ("Omitir.", "no tengo!", "no", "")] == [True, True, False, False]


def test_a_hint_names_the_bounds_in_the_dialogues_language() -> None:
    assert (
        hint(Ask(save="x", type="integer", min="34", max="46"), "es", TODAY)
        == "Debe ser un número entero. (de 34 a 46)"
    )
    said = hint(Ask(save="x", type="date", min="today", max="today+1y"), "pt_BR", TODAY)
    assert said == "Deve ser uma data, por exemplo 31/12/2026. (de 26/11/2026 a 26/11/2027)"
    assert hint(Ask(save="x"), "es", TODAY) == ""


def test_dates_yes_and_no_are_shown_as_people_write_them() -> None:
    assert [shown("date", "2026-12-31", one) for one in ("es", "pt_BR", "en")] == [
        "31/12/2026",
        "31/12/2026",
        "2026-12-31",
    ]
    assert [shown("yes_no", "yes", one) for one in ("es", "pt", "en", "fr")] == ["sí", "sim", "yes", "sí"]
    assert shown("text", "yes", "es") == "yes"


@given(st.integers(100_000, 99_999_999), st.sampled_from("0123456789K"))
def test_one_digit_alone_checks_a_rut(number: int, digit: str) -> None:
    right = [one for one in "0123456789K" if documents.rut(f"{number}-{one}")]
    assert len(right) == 1
    assert (documents.rut(f"{number:,}-{digit}".replace(",", ".")) != "") == (digit == right[0])


@given(
    st.text(max_size=40), st.sampled_from(["number", "date", "time", "email", "phone", "rut", "cuit", "dni", "yes_no"])
)
def test_no_answer_breaks_a_question(text: str, kind: str) -> None:
    assert isinstance(answer(kind, text), str)


@given(st.dates(), st.dates())
def test_every_date_is_read_back_as_it_is_shown(day: date, today: date) -> None:
    assert moments.spoken_date(f"{day.day}/{day.month}/{day.year:04}", today) == day
    assert moments.spoken_date(day.isoformat(), today) == day


@given(st.sampled_from("dwmy"), st.integers(-9999, 9999), st.dates())
def test_no_bound_breaks(unit: str, count: int, today: date) -> None:
    found = moments.bound(f"today{count:+d}{unit}", today)
    assert found is None or (found >= today) == (count >= 0)


def test_a_month_later_is_never_a_day_that_there_is_not() -> None:
    assert moments.bound("today+1m", date(2026, 1, 31)) == date(2026, 2, 28)
    assert moments.bound("today-1y", date(2024, 2, 29)) == date(2023, 2, 28)
