"""What is asked for is checked before anything is read: lines, template, terms, price and time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from egress.lines.gate.quiet import Window, window
from egress.lines.gate.quiet import hours as quiet_hours
from relevo.campaigns.chunks import BYTES_MAX, Dealer, Share, digest, whole
from relevo.campaigns.estimate import Group, Load, days_capped, finish_ms, room_in_s
from relevo.campaigns.intake import Report, Taken
from relevo.campaigns.mapping import Wanted
from relevo.campaigns.order import Terms, campaign_id, order, static
from relevo.campaigns.passage import Passage
from relevo.campaigns.people import People
from relevo.campaigns.prices import Till, problems
from relevo.campaigns.refused import SubmitError
from schemas.campaign import Canary, Ramp, Recipient, StopRule
from schemas.line_state import LineState
from schemas.record import encode
from schemas.session import TemplateButton
from schemas.tenant import ButtonSpec, Line, Prices, Quiet
from tests.builders.recipients import FIRST, SECOND, SPEC, mobile, shop, taken

HOUR_MS = 3_600_000
MIDNIGHT = 1_767_225_600_000  # 2026-01-01T00:00Z


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "a.csv"
    made.write_text(f"to,a,b,c\n{mobile(1)},1,2,3\n")
    return made


def ordered(file: Path, **fields: Any) -> Any:
    return order(file, shop(), **({"template": "order", "language": "es"} | fields))


def test_an_order_takes_the_first_line_that_sends_templates_or_those_that_are_named(file: Path) -> None:
    assert ordered(file).dids == [FIRST]
    assert ordered(file, lines=[SECOND, FIRST, SECOND]).dids == [SECOND, FIRST]
    assert ordered(file, all_lines=True).dids == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"lines": ["1"]}, "has no line '1'"),
        ({"lines": ["56900000000"]}, "no account for templates"),
        ({"lines": [FIRST], "all_lines": True}, "either some lines"),
        ({"language": "en"}, "no template order/en; it has order/es"),
        ({"campaign": "a|b"}, "id cannot be 'a|b'"),
        ({"terms": Terms(start_ms=2, expires_ms=2)}, "expire before it starts"),
        ({"terms": Terms(canary=Canary(count=0))}, "at least one"),
        ({"terms": Terms(ramp=Ramp(shares=[0.1, 2]))}, "shares of a ramp"),
        ({"terms": Terms(stop=StopRule(failed_share=5))}, "share of failures"),
        ({"terms": Terms(stop=StopRule(codes=["131026"]))}, "need the share"),
    ],
)
def test_an_order_that_cannot_be_sent_is_refused(file: Path, wanted: dict[str, Any], says: str) -> None:
    with pytest.raises(SubmitError, match=says):
        ordered(file, **wanted)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"templates": [replace(SPEC, enabled=False)]}, r"order \(es\) is disabled \(template_disabled\)"),
        ({"templates": [replace(SPEC, status="paused")]}, r"is paused, not approved \(template_status\)"),
        ({"templates": [replace(SPEC, buttons=[], header="location")]}, r"\(not_on_this_route\)"),
        ({"active": False}, r"tenant shop is not active \(tenant_inactive\)"),
        ({"zone": "Nowhere"}, r"\(tenant_invalid\)"),
        ({"lines": [Line(did=FIRST, templates="gone")]}, r"names no account for templates \(no_account\)"),
    ],
)
def test_what_the_gate_would_refuse_for_everybody_is_not_submitted(
    tmp_path: Path, fields: dict[str, Any], says: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"to,a,b,c,d,e\n{mobile(1)},1,2,3,4,5\n")
    wanted = Wanted(header=["a", "b"], body=["c", "d"]) if "location" in repr(fields) else None
    with pytest.raises(SubmitError, match="nobody could be sent to: .*" + says):
        order(file, shop(**fields), template="order", language="es", wanted=wanted)


def test_what_was_to_begin_in_the_past_is_refused_and_not_begun_at_once(file: Path) -> None:
    wanted = ordered(file, terms=Terms(start_ms=MIDNIGHT))
    with People() as people, Report(wanted.rejected, wanted.table.titles) as report:
        passage = Passage(wanted, people, report, MIDNIGHT)
        assert sum(len(chunk.recipients) for chunk in passage.chunks()) == 1
    assert passage.too_late(passage.found({}, MIDNIGHT), MIDNIGHT) == ""
    late = passage.too_late(passage.found({}, MIDNIGHT + 1), MIDNIGHT + 1)
    assert late == "it was to begin at 2026-01-01 00:00:00Z, which is over; without --at it begins at once"


def test_what_holds_a_line_is_found_with_the_rest(file: Path) -> None:
    wanted = ordered(file)
    held = LineState(did=FIRST, tenant="shop", at_ms=1, paused=True, pauses=["all"])
    with People() as people, Report(wanted.rejected, wanted.table.titles) as report:
        passage = Passage(wanted, people, report, MIDNIGHT)
        assert list(passage.chunks())
    assert passage.found({FIRST: held}, MIDNIGHT).held == {FIRST: ["paused", "all"]}
    assert passage.found({}, MIDNIGHT).held == {}


def test_the_same_file_for_the_same_lines_and_template_is_the_same_campaign(file: Path, tmp_path: Path) -> None:
    name = ordered(file).campaign
    copy = tmp_path / "copy.csv"
    copy.write_bytes(file.read_bytes())
    assert ordered(copy).campaign == name
    assert ordered(file, campaign="spring").campaign == "spring"
    others = [campaign_id("shop", dids, "order", ordered(file).form.digest) for dids in ([FIRST], [SECOND, FIRST])]
    assert others[0] == name
    assert others[1] == ordered(file, all_lines=True).campaign != name


def test_the_template_of_a_campaign_keeps_its_buttons() -> None:
    """Each recipient's parameters are put into them, and without them would go nowhere."""
    spec = replace(SPEC, buttons=[ButtonSpec(index=0, type="quick_reply", parameter=False), ButtonSpec(index=1)])
    assert static(SPEC).buttons == [TemplateButton(index=0, parameter="", kind="url")]
    assert static(spec).buttons == [TemplateButton(index=1, parameter="", kind="url")]


# -- chunks

SHARES = st.lists(st.tuples(st.floats(1, 500), st.integers(1, 1000)), min_size=1, max_size=5)


@given(st.integers(0, 5000), SHARES)
def test_every_recipient_is_dealt_once_in_order_and_by_the_rates(count: int, lines: list[tuple[float, int]]) -> None:
    shares = [Share(str(n), rate, run) for n, (rate, run) in enumerate(lines)]
    dealer, people = Dealer("c", shares), taken(count)
    chunks = list(dealer.deal(people))
    placed = sorted((place, one) for chunk in chunks for place, one in zip(chunk.rows, chunk.recipients, strict=True))
    assert [Taken(*one) for one in placed] == people
    for share in shares:
        mine = [chunk for chunk in chunks if chunk.did == share.did]
        assert [chunk.index for chunk in mine] == list(range(len(mine)))
        assert [chunk.first for chunk in mine] == [sum(len(c.recipients) for c in mine[:n]) for n in range(len(mine))]
        rows = [place for chunk in mine for place in chunk.rows]
        assert rows == sorted(rows)
        assert all(len(chunk.recipients) % share.run == 0 for chunk in mine[:-1])
        assert dealer.dealt[share.did] == len(rows)
        assert dealer.calls[share.did] == -(-len(rows) // share.run)
        rest = sum(other.run for other in shares)
        assert len(rows) <= count * share.rate / sum(other.rate for other in shares) + rest
    assert all(chunk.digest == digest(chunk.recipients) for chunk in chunks)


def test_a_chunk_fits_into_a_record() -> None:
    people = [Taken(n, Recipient(mobile(n), ["ñ" * 1024] * 9)) for n in range(1000)]
    chunks = list(Dealer("c", [Share("d", 80, 1000)]).deal(people))
    assert sum(len(chunk.recipients) for chunk in chunks) == 1000
    assert all(len(encode(chunk)) < BYTES_MAX + 100_000 for chunk in chunks)


def test_a_digest_tells_other_recipients_and_another_order() -> None:
    digests = [digest([Recipient("1")]), digest([Recipient("2")])]
    assert len(set(digests)) == 2
    assert whole(digests) != whole(digests[::-1])


# -- price and time


def test_the_longest_beginning_of_a_number_has_the_price() -> None:
    till = Till(Prices(currency="EUR", marketing={"56": 0.1, "569": 0.2, "default": 1}), "marketing")
    for number in ("56911", "56211", "54911"):
        till.add(number)
    assert till.cost == ("EUR", 1.3, 0)
    unknown = Till(Prices(utility={"56": 0.5}), "utility")
    for number in ("56911", "54911"):
        unknown.add(number)
    assert unknown.cost == ("USD", 0.5, 1)


def test_prices_that_cannot_be_meant_are_named() -> None:
    wrong = Prices(marketing={"+56": 1, "default": -1}, otp={"1": 0})
    assert [path for path, _ in problems(wrong)] == [("marketing", "+56"), ("marketing", "default")]


def test_a_line_is_through_when_its_backlog_canary_ramp_and_rest_are() -> None:
    load = Load("1", rate=10, ahead=100, own=1000)
    assert finish_ms([load], 0, None, None) == 110_000
    assert finish_ms([load], 0, Canary(count=50, wait_s=60), None) == 170_000
    # For 20 s at a tenth 20, for 20 s at a half 100, then 880.
    assert finish_ms([load], 0, None, Ramp(shares=[0.1, 0.5], step_s=20)) == 138_000
    assert finish_ms([load, Load("2", 10, 0, 0), Load("3", 1, 0, 500)], 0, None, None) == 500_000
    assert finish_ms([Load("1", 10, 0, 5)], 0, Canary(count=50), Ramp(shares=[0.5])) == 1000


def hours(*zones: str, start: str = "21:00", end: str = "09:00") -> Window:
    return window(quiet_hours(Quiet(start=start, end=end)), zones)


def through(spread: list[Group], begin_h: float = 0, count: int = 3600, **fields: Any) -> float:
    """In how many hours from midnight on a line of one a second is through."""
    load = Load("1", 1, **({"ahead": 0, "own": count, "spread": spread} | fields))
    begin_ms = MIDNIGHT + round(begin_h * HOUR_MS)
    return (finish_ms([load], begin_ms, None, None) - MIDNIGHT) / HOUR_MS


@given(st.integers(1, 300_000), st.integers(0, 48))
def test_hours_of_quiet_are_waited_for(count: int, begin_h: int) -> None:
    end = through([Group(hours("UTC"), 1)], begin_h, count)
    assert 9 <= end % 24 <= 21 + 1e-3
    assert end - begin_h >= count / 3600 - 1e-3


def test_quiet_is_by_the_clock_of_its_zone() -> None:
    noon = {"start": "12:00", "end": "13:00"}
    assert through([Group(hours("America/Santiago", **noon), 1)], 15, 60) == pytest.approx(16 + 1 / 60)
    assert through([Group(hours("UTC", **noon), 1)], 15, 60) == pytest.approx(15 + 1 / 60)
    assert through([Group(None, 1)], 15, 60) == through([], 15, 60) == pytest.approx(15 + 1 / 60)


def test_while_it_is_quiet_for_some_the_others_are_sent_to() -> None:
    madrid, santiago = Group(hours("Europe/Madrid"), 1), Group(hours("America/Santiago"), 3)
    # From 8 on in Madrid, from 12 on in Santiago: half an hour's worth for the first, one and a half for the second.
    assert through([madrid, santiago], 0, 7200) == pytest.approx(13.5)
    assert through([madrid, santiago], 12, 7200) == pytest.approx(14)
    # Eight hours for Madrid until its evening at 20, the rest of the four of both after that for Santiago until 24.
    assert through([madrid, santiago._replace(people=1)], 12, 16 * 3600) == pytest.approx(24 + 8 + 4)
    # Who wakes up shares the line: Madrid has four hours alone, then four of eight, and two on the next day.
    assert through([madrid._replace(people=10), santiago._replace(people=6)], 0, 16 * 3600) == pytest.approx(34)
    assert through([madrid, Group(None, 1)], 0, 7200) == pytest.approx(9)
    assert through([madrid], 0, 3600, ahead=3600) == pytest.approx(10)


@given(
    st.lists(st.tuples(st.sampled_from(["UTC", "Asia/Tokyo", "America/Lima", ""]), st.integers(1, 9)), min_size=1),
    st.integers(1, 400_000),
    st.integers(0, 48),
)
def test_nobody_is_sent_to_faster_than_the_rate_or_later_than_the_slowest_alone(
    parts: list[tuple[str, int]], count: int, begin_h: int
) -> None:
    spread = [Group(hours(zone) if zone else None, size) for zone, size in parts]
    end = through(spread, begin_h, count)
    assert end - begin_h >= count / 3600 - 1e-3
    slowest = max(through([group], begin_h, count) for group in spread)
    assert end <= slowest + 24 * len(spread)


def test_a_file_is_estimated_by_where_its_people_are(tmp_path: Path) -> None:
    rows = [mobile(n) for n in range(60)] + [f"346001112{n:02}" for n in range(20)]
    file = tmp_path / "a.csv"
    file.write_text("to,a,b,c\n" + "".join(f"{to},1,2,3\n" for to in rows))
    quiet = Quiet(start="21:00", end="09:00", zone="recipient")
    line = Line(did=FIRST, templates="hsm", rate=0.01)
    chosen = order(file, shop(quiet=quiet, lines=[line]), template="order", language="es")
    with People() as people, Report(chosen.rejected, chosen.table.titles) as report:
        passage = Passage(chosen, people, report, MIDNIGHT)
        assert sum(len(chunk.recipients) for chunk in passage.chunks()) == 80
    finish = passage.found({}, MIDNIGHT).finish_ms
    # The Canary Islands are open from 9 on, Chile from 12 on; 6000 s for 60, 2000 s for 20.
    assert (finish - MIDNIGHT) / HOUR_MS == pytest.approx(12 + 6000 / 3600, abs=0.01)


@pytest.mark.parametrize(("own", "cap", "days"), [(10, 10, 0), (11, 10, 1), (0, 10, 0), (30, 10, 2), (9, None, 0)])
def test_a_daily_cap_takes_days(own: int, cap: int | None, days: int) -> None:
    assert days_capped(own, cap) == days


def test_room_comes_as_the_line_works_and_never_for_more_than_its_limit() -> None:
    assert room_in_s(900, 100, 1000, 10) == 0
    assert room_in_s(900, 200, 1000, 10) == 10
    assert room_in_s(0, 1001, 1000, 10) is None
