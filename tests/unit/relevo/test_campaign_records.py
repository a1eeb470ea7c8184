"""Campaigns as they stand on their topic, and how one is shown."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from relevo.campaigns.fold import Became, Counts
from relevo.campaigns.records import Directory, Name, OnLine
from relevo.campaigns.refused import SubmitError
from relevo.campaigns.results import state
from relevo.campaigns.view import entry, lost, told, view
from schemas import keys
from schemas.campaign import (
    CampaignRecord,
    Canary,
    ChunkRef,
    Contents,
    Definition,
    Progress,
    Ramp,
)  # fmt: skip
from schemas.line_state import LineState, Stop
from schemas.record import encode
from schemas.session import Template

NOW = 1_800_000_000_000


def definition(did: str = "1", campaign: str = "c", tenant: str = "t", **fields: Any) -> Definition:
    shared = {"template": Template(name="promo", language="es"), "created_ms": NOW, "name": "spring.csv"}
    return Definition(campaign=campaign, tenant=tenant, did=did, **(shared | fields))


def contents(did: str = "1", campaign: str = "c", counts: tuple[int, ...] = (1000, 500)) -> Contents:
    refs = [ChunkRef(n, count) for n, count in enumerate(counts)]
    return Contents(campaign=campaign, did=did, total=sum(counts), chunks=refs, digest="", committed_ms=NOW)


def progress(did: str = "1", campaign: str = "c", **fields: Any) -> Progress:
    shared = {"state": "running", "chunk": 0, "position": 0, "at_ms": NOW}
    return Progress(campaign=campaign, did=did, **(shared | fields))


def directory(*records: CampaignRecord) -> Directory:
    made = Directory()
    for one in records:
        part = str(one.__struct_config__.tag)
        made.learn(keys.join(one.did, one.campaign, part).encode(), encode(one))
    return made


def test_a_campaign_is_there_once_its_contents_are() -> None:
    assert not list(directory(definition()).campaigns())
    [found] = directory(definition(), contents()).campaigns()
    assert (found.name, found.total, found.started, found.state) == (Name("t", "c"), 1500, 0, "scheduled")


def test_what_exists_is_not_changed_by_what_is_submitted_under_its_name() -> None:
    made = directory(definition(), contents(), definition(name="other"), contents(counts=(1,)))
    [found] = made.campaigns()
    assert (found.definition.name, found.total) == ("spring.csv", 1500)


def test_the_owners_position_says_how_many_were_taken_up() -> None:
    [found] = directory(definition(), contents(), progress(chunk=1, position=20)).campaigns()
    assert (found.started, found.state, found.lines["1"].firsts) == (1020, "running", [0, 1000, 1500])
    [over] = directory(definition(), contents(), progress(chunk=2, state="finished")).campaigns()
    assert over.started == 1500


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("running", "paused"), "running"),
        (("finished", "cancelled"), "cancelled"),
        (("finished", "finished"), "finished"),
    ],
)
def test_a_campaign_is_as_lively_as_the_liveliest_of_its_lines(states: tuple[str, str], state: str) -> None:
    records = [
        record for did, one in zip("12", states, strict=True)
        for record in (definition(did), contents(did), progress(did, state=one))
    ]  # fmt: skip
    [found] = directory(*records).campaigns()
    assert (found.state, len(found.lines), found.total) == (state, 2, 3000)


def test_two_tenants_may_give_the_same_id_and_then_it_must_be_said_whose() -> None:
    made = directory(definition(), contents(), definition("2", tenant="u"), contents("2"))
    with pytest.raises(SubmitError, match=r"several tenants have a campaign 'c': t, u"):
        made.find("c")
    assert made.find("c", "u").lines.keys() == {"2"}
    with pytest.raises(SubmitError, match="no campaign 'd'"):
        made.find("d")


def test_what_is_gone_or_cannot_be_read_is_no_campaign() -> None:
    made = directory(definition(), contents())
    made.learn(b"1|x|contents", b"{")
    made.learn(b"1|c|heard|3", None)
    assert len(list(made.campaigns())) == 1
    made.learn(b"1|c|contents", None)
    assert (list(made.campaigns()), made.unreadable) == ([], 1)


def test_a_recipient_without_a_record_is_sending_once_it_was_taken_up() -> None:
    assert [state(Became(""), position, 3) for position in (2, 3)] == ["sending", "not_started"]
    assert state(Became("read"), 9, 3) == "read"


def test_a_view_tells_counts_stage_rate_and_what_holds_the_line() -> None:
    line = OnLine("1")
    ramp = definition(ramp=Ramp(shares=[0.1, 0.5]), canary=Canary(count=5), by="ana")
    for record in (ramp, contents(), progress(position=100, stage="ramp", step=1, stage_ms=NOW - 60_000)):
        line.learn(record)
    counts = Counts(sending=40, not_started=1400)
    counts.states.update(accepted=30, failed=20, refused=10)
    counts.codes.update({("failed", "131026"): 20, ("refused", "opted_out"): 9, ("refused", "expired"): 1})
    stops = [Stop(what="line", code="131048", since_ms=1)]
    held = LineState(did="1", tenant="t", at_ms=NOW, rate=10, recipients=1400, waiting={"bulk": 100}, stops=stops)
    shown = view(Name("t", "c"), {"1": line}, {"1": counts}, {"1": held}, NOW)
    assert shown == [
        "campaign c of t: spring.csv",
        "template promo/es, submitted 2027-01-15 08:00:00Z by ana",
        "running, 1500 recipients",
        "  accepted 30",
        "  failed 20 (131026: 20)",
        "  refused 10 (opted_out: 9, expired: 1)",
        "  sending 40",
        "  not started 1400",
        "line 1: running, 100 of 1500 taken up, ramp at 50% since 1 min, the line is held: stop 131048",
    ]


def test_who_is_withheld_is_told_beside_the_counts_and_in_one_line() -> None:
    line = OnLine("1")
    for record in (definition(), contents(), progress(chunk=2, planned=1500, withheld=7)):
        line.learn(record)
    state = LineState(did="1", tenant="t", at_ms=NOW, rate=10)
    counts = Counts()
    counts.states.update(accepted=1500)
    shown = view(Name("t", "c"), {"1": line}, {"1": counts}, {"1": state}, NOW)
    assert shown[2:] == [
        "running, 1500 recipients",
        "  accepted 1500",
        "  of these, withheld by WhatsApp and sent to again later 7",
        "line 1: running, 1500 of 1500 taken up",
    ]
    line.learn(progress(chunk=2, planned=1500, withheld=7, state="cancelled"))
    shown = view(Name("t", "c"), {"1": line}, {"1": counts}, {"1": state}, NOW)
    assert "  of these, withheld by WhatsApp and not sent to again 7" in shown
    [found] = directory(definition(), contents(), progress(chunk=2, planned=1400, refused=90, withheld=7)).campaigns()
    assert "  running  1500 of 1500, 7 withheld  promo/es  " in told(found)
    assert lost(found) == "10 of 1500 recipients and 7 who are withheld"
    assert (entry(found)["withheld"], entry(found)["lines"]["1"]["withheld"]) == (7, 7)


def how(why: str = "", **fields: Any) -> str:
    """What a view says of a line that is running."""
    line = OnLine("1")
    for record in (definition(), contents(), progress(position=100, why=why)):
        line.learn(record)
    state = LineState(did="1", tenant="t", at_ms=NOW, rate=10, recipients=1400, waiting={"bulk": 100}, **fields)
    return view(Name("t", "c"), {"1": line}, {"1": Counts(not_started=1400)}, {"1": state}, NOW)[-1]


def test_when_it_is_through_counts_from_when_it_goes_on_and_is_not_told_of_a_line_that_is_held() -> None:
    taken_up = "line 1: running, 100 of 1500 taken up, "
    assert how() == taken_up + "10 messages a second, through in about 2 min"
    until = how(f"until {NOW + 3 * 3_600_000}: send_window, it is a quiet hour")
    assert until == (
        f"{taken_up}until 2027-01-15 11:00:00Z: send_window, it is a quiet hour, 10 messages a second, "
        "through in about 3 h"
    )
    assert how(pauses=["all"]) == taken_up + "the line is held: all"
    other = Stop(what="template", code="132015", since_ms=1, name="other/es")
    assert how(stops=[other]) == how(), "another template's stop does not hold this one"
    assert how(stops=[other, replace(other, name="promo/es")]).endswith("the line is held: stop 132015 of promo/es")


def test_in_one_line_a_moment_is_told_for_people() -> None:
    [found] = directory(definition(), contents(), progress(why=f"until {NOW}: daily_cap")).campaigns()
    assert told(found).endswith("spring.csv  (until 2027-01-15 08:00:00Z: daily_cap)")
