"""The gate says why a message may not go, and never lets one go that may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.lines.gate.gate import RULES, Fallback, Question, Refusal, Wait, at_admission, explain, judge
from egress.lines.gate.verdict import CODES
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.session import Control, Template, Text
from schemas.tenant import Quiet
from tests.builders.gate import NIGHT, asked, code, order, otp, question, terms
from tests.builders.lines import DID, WALL, message, promo, tenant

ALL = Optout(tenant="acme", since_ms=1, why="word")
MARKETING = Optout(tenant="acme", since_ms=1, why="word", categories=["marketing"])
REPLY = Optout(tenant="acme", since_ms=1, why="word", categories=["reply"])
PROMO = Template(name="promo", language="es", body=["x"])


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("sent", "optout", "expected"),
    [
        (message(), None, ""),
        (message(), ALL, ""),
        (message(expires_ms=WALL), None, "expired"),
        (message(expires_ms=WALL + 1), None, ""),
        (message(window_expires_ms=WALL), None, "window_closed"),
        (message(window_expires_ms=0), None, "window_closed"),
        (message(window_expires_ms=WALL + 1), None, ""),
        (message(window_expires_ms=WALL, fallback=Template(name="promo", language="es")), None, "Fallback"),
        (message(content=Control(action="close"), window_expires_ms=WALL), None, ""),
        (promo("p", "5691"), None, ""),
        (promo("p", "5691"), ALL, "opted_out"),
        (promo("p", "5691"), MARKETING, "opted_out"),
        (order(), MARKETING, ""),
        (order(), ALL, "opted_out"),
        (order(send_class="reply"), ALL, "opted_out"),
        (order(send_class="reply"), MARKETING, ""),
        (order(send_class="reply"), REPLY, "opted_out"),
        (otp(), ALL, ""),
        (otp(send_class="reply"), ALL, ""),
        (message(content=PROMO, send_class="otp"), MARKETING, "opted_out"),
        (message(content=PROMO, send_class="otp"), ALL, "opted_out"),
        (message(content=PROMO, send_class="utility"), MARKETING, "opted_out"),
        (message(content=PROMO, send_class="reply"), MARKETING, "opted_out"),
        (message(content=Template(name="nope", language="es")), None, "template_unknown"),
        (message(content=Template(name="promo", language="pt")), None, "template_unknown"),
        (message(content=Template(name="off", language="es")), None, "template_disabled"),
        (message(content=Template(name="promo", language="es")), None, "template_parameters"),
        (message(content=Template(name="order", language="es", body=["x"])), None, "template_parameters"),
    ],
)
def test_the_verdict(sent: OutboundMessage, optout: Optout | None, expected: str) -> None:
    assert asked(sent, optout=optout) == expected


def test_a_fallback_is_the_template_that_was_named() -> None:
    assert judge(question(message(window_expires_ms=1, fallback=PROMO))) == Fallback(PROMO)


def test_what_is_known_at_admission() -> None:
    owner = tenant()
    assert code(at_admission(message(), None, None)) == "tenant_unknown"
    assert code(at_admission(message(), tenant(active=False), owner.lines[0])) == "tenant_inactive"
    assert code(at_admission(message(), owner, None)) == "line_unknown"
    assert code(at_admission(message(contact=""), owner, owner.lines[0])) == "no_recipient"
    assert at_admission(message(), owner, owner.lines[0]) is None


@pytest.mark.parametrize(("otp_too", "expected"), [(False, ""), (True, "opted_out")])
def test_an_opt_out_of_everything_holds_for_one_time_passwords_where_the_tenant_says_so(
    otp_too: bool, expected: str
) -> None:
    assert asked(otp(), of=terms(optout={"otp": otp_too}), optout=ALL) == expected


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("56911111112", ""),
        ("5691111111", "bad_number"),
        ("56911111111234", "bad_number"),
        ("5491122334455", ""),
        ("541122334455", ""),
        ("5511987654321", ""),
        ("551187654321", ""),
        ("5215512345678", ""),
        ("525512345678", ""),
        ("99912345678", "bad_number"),
        ("123", "bad_number"),
        ("CL.1234abcd", ""),
        ("CL.ENT.1234abcd", ""),
        ("CL-1234abcd", "bad_number"),
        (DID, "own_number"),
        ("+56 9 1111 1111", "own_number"),
    ],
)
def test_a_number_must_be_one_of_its_country_and_not_the_lines_own(to: str, expected: str) -> None:
    assert asked(message(contact=to), check_numbers=True) == expected


NINE_PM = utc("2026-11-26T21:30:00")  # 18:30 in Santiago, 16:30 in New York, 22:30 in Madrid


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (promo("p", "34600111222"), Wait(utc("2026-11-27T09:00:00"), "", "")),  # the Canary Islands are an hour behind
        (promo("p", "56911111112"), None),
        (promo("p", "34600111222", expires_ms=utc("2026-11-27T09:00:00")), "expired"),
        (
            promo("p", "34600111222", expires_ms=utc("2026-11-27T09:00:00") + 1),
            Wait(utc("2026-11-27T09:00:00"), "", ""),
        ),
        (otp("p", "34600111222"), None),
        (otp("p", "34600111222", send_class="reply"), None),
        (message("p", "34600111222", PROMO, send_class="otp"), Wait(utc("2026-11-27T09:00:00"), "", "")),
        (message("p", "34600111222", PROMO), Wait(utc("2026-11-27T09:00:00"), "", "")),
        (message("p", "34600111222"), None),
        (promo("p", "ES.abcdef"), None),  # no number: the line's own country counts, which is Chile
    ],
)
def test_bulk_waits_for_the_end_of_its_recipients_night(sent: OutboundMessage, expected: Any) -> None:
    verdict = judge(question(sent, NINE_PM, terms(quiet=NIGHT)))
    if isinstance(expected, Wait):
        assert isinstance(verdict, Wait)
        assert (verdict.until_ms, verdict.code) == (expected.until_ms, "send_window")
    else:
        assert code(verdict) == (expected or "")


def test_what_has_its_place_in_a_conversation_goes_at_all_hours() -> None:
    assert asked(promo("p", "34600111222"), NINE_PM, terms(quiet=NIGHT), in_lane=True) == ""


def test_the_lines_quiet_hours_come_before_the_tenants_and_a_zone_before_the_recipients() -> None:
    line = tenant().lines[0]
    there = Quiet(start="21:00", end="09:00", zone="Asia/Tokyo")
    madrid = promo("p", "34600111222")
    own = terms(quiet=NIGHT, lines=[type(line)(did=DID, sends="isv", templates="hsm", quiet=there)])
    assert judge(question(madrid, NINE_PM, own)) == Wait(
        utc("2026-11-27T00:00:00"), "send_window", "it is a quiet hour where its recipient is"
    )
    no_number = terms(quiet=NIGHT, zone="Europe/Madrid")
    assert asked(promo("p", "CL.abc"), NINE_PM, no_number) == "send_window"


@pytest.mark.parametrize(
    ("sent", "fields", "expected", "until"),
    [
        (promo("p", "5691"), {"paid": 9}, "", None),
        (promo("p", "5691"), {"paid": 10}, "daily_cap", None),
        (promo("p", "5691"), {"paid": 10, "counted": True}, "", None),
        (promo("p", "5691"), {"paid": 10, "campaign": True}, "daily_cap", "2026-11-27T03:00:00"),
        (promo("p", "5691", expires_ms=utc("2026-11-27T03:00:00")), {"paid": 10, "campaign": True}, "daily_cap", None),
        (promo("p", "5691", expires_ms=utc("2026-11-27T03:00:01")), {"paid": 10}, "daily_cap", "2026-11-27T03:00:00"),
        (promo("p", "5691", expires_ms=utc("2026-11-28T00:00:00")), {"paid": 10, "in_lane": True}, "daily_cap", None),
        (otp(expires_ms=utc("2026-11-28T00:00:00")), {"paid": 10}, "daily_cap", None),
        (message(), {"paid": 10}, "", None),
    ],
)
def test_paid_messages_beyond_the_days_cap_are_refused_or_wait_for_the_next_day(
    sent: OutboundMessage, fields: dict[str, Any], expected: str, until: str | None
) -> None:
    capped = terms(limits={"paid_per_day": 10, "zone": "America/Santiago"})
    verdict = judge(question(sent, NINE_PM, capped, **fields))
    assert code(verdict) == expected
    assert (verdict.until_ms if isinstance(verdict, Wait) else None) == (utc(until) if until else None)


def test_what_stands_still_and_what_is_stopped_is_said() -> None:
    assert judge(question(promo("p", "5691"), standing="by ana: all")) == Wait(0, "paused", "by ana: all")
    assert asked(promo("p", "5691"), stopped={"promo/es": "132015"}) == "template_stopped"
    assert asked(order(), stopped={"promo/es": "132015"}) == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"limits": {"paid_per_day": "many"}},
        {"zone": "Moon/Sea"},
        {"quiet": Quiet(start="25:00", end="09:00")},
        {"quiet": NIGHT, "zone": "Moon/Sea", "limits": {"zone": "UTC", "paid_per_day": 1}},
        {"quiet": Quiet(start="21:00", end="09:00", zone="Moon/Sea")},
    ],
)
def test_nothing_is_sent_by_a_record_that_cannot_be_read(fields: dict[str, Any]) -> None:
    broken = terms(**fields)
    assert asked(message(), of=broken) == "tenant_invalid"
    said = [verdict for _, verdict in explain(question(promo("p", "CL.abc"), NINE_PM, broken, paid=5)) if verdict]
    assert list(map(code, said)) == ["tenant_invalid"]


def test_every_rule_is_explained_alone() -> None:
    said = dict(explain(question(promo("p", "5691", expires_ms=1), optout=ALL)))
    assert list(said) == list(RULES)
    assert {name for name, verdict in said.items() if verdict is not None} == {"expiry", "opt-out"}


# -- for any message at any moment

NUMBERS = ["56911111112", "34600111222", "5491122334455", "12125551234", "79161234567", "61412345678", "US.abc", "777"]
MESSAGES = st.builds(
    lambda to, template, kind, expires, window, fallback: message(
        "secret-id",
        to,
        template or Text(body="secret words"),
        send_class=kind,
        expires_ms=expires,
        window_expires_ms=window,
        fallback=fallback,
    ),
    st.sampled_from(NUMBERS),
    st.sampled_from([None, PROMO, order().content, otp().content, Template(name="off", language="es")]),
    st.sampled_from(["reply", "otp", "utility", "marketing"]),
    st.sampled_from([0, NINE_PM + 1, NINE_PM + 40_000_000, NINE_PM + 10**9]),
    st.sampled_from([0, NINE_PM, NINE_PM + 10**9]),
    st.sampled_from([None, PROMO]),
)
OPTOUTS = st.sampled_from([None, ALL, MARKETING, Optout(tenant="acme", since_ms=1, why="", categories=["utility"])])
QUESTIONS = st.builds(
    lambda sent, minutes, optout, paid, lane, campaign: question(
        sent,
        NINE_PM + minutes * 60_000,
        TERMS,
        optout=optout,
        paid=paid,
        in_lane=lane,
        campaign=campaign,
        check_numbers=True,
    ),
    MESSAGES,
    st.integers(0, 60 * 24 * 370),
    OPTOUTS,
    st.integers(8, 11),
    st.booleans(),
    st.booleans(),
)
TERMS = terms(quiet=NIGHT, limits={"paid_per_day": 10, "zone": "America/Santiago"})


@given(QUESTIONS)
def test_no_template_goes_to_somebody_who_opted_out_of_its_category(asked: Question) -> None:
    content, optout = asked.message.content, asked.optout
    if judge(asked) is None and isinstance(content, Template) and optout is not None:
        spec = TERMS.tenant.template(content.name, content.language)
        assert spec is not None
        unwanted = set(optout.categories or ("utility", "marketing"))
        assert not unwanted & {spec.category, asked.message.send_class}


@given(QUESTIONS)
def test_nothing_free_form_goes_outside_the_window(asked: Question) -> None:
    if judge(asked) is None and not isinstance(asked.message.content, Template):
        assert asked.now_ms < asked.message.window_expires_ms


@given(QUESTIONS)
def test_nothing_goes_that_is_expired_nor_beyond_the_cap(asked: Question) -> None:
    if judge(asked) is None:
        assert not 0 < asked.message.expires_ms <= asked.now_ms
        assert asked.paid < 10 or not isinstance(asked.message.content, Template)


@given(QUESTIONS, st.floats(0, 1, exclude_max=True))
def test_until_is_the_first_moment_at_which_it_goes(asked: Question, share: float) -> None:
    verdict = judge(asked)
    if isinstance(verdict, Wait):
        fresh = asked._replace(paid=0) if verdict.code == "daily_cap" else asked
        sooner = asked.now_ms + int((verdict.until_ms - asked.now_ms) * share)
        day = timedelta(days=1) / timedelta(milliseconds=1)
        assert asked.now_ms < verdict.until_ms < asked.now_ms + 8 * day
        assert judge(fresh._replace(now_ms=verdict.until_ms, paid=0)) is None
        assert isinstance(judge(asked._replace(now_ms=sooner)), Wait)


@given(QUESTIONS)
def test_a_refusal_has_a_code_and_a_reason_that_names_nobody(asked: Question) -> None:
    for _, verdict in [*explain(asked), ("", judge(asked))]:
        if isinstance(verdict, Refusal | Wait):
            assert verdict.code in CODES
            assert verdict.reason
            assert "secret" not in verdict.reason
            assert asked.message.to not in verdict.reason


@given(QUESTIONS)
def test_the_verdict_is_that_of_the_first_rule_that_objects(asked: Question) -> None:
    first = next((verdict for _, verdict in explain(asked) if verdict is not None), None)
    assert judge(asked) == first
