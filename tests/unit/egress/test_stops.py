"""What WhatsApp forbade stands still until a person resumes it: told once, on record, over a crash."""

from __future__ import annotations

import msgspec
import pytest

from egress.chattigo.result import CallResult
from egress.lines.gate.rules import Rules
from egress.lines.pace.stops import SCOPES, Stops
from runtime import metrics
from schemas.campaign import Progress
from schemas.inbound import AnyCommand, OptOut
from schemas.line_command import AnyLineCommand, ControlCampaign, ControlLine, ResumeTemplate
from schemas.line_state import LineState
from schemas.optout import Optout
from schemas.record import decode
from schemas.session import Template, TemplateButton
from tests.builders import line_model
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo
from tests.unit.egress.test_failures import notice, said, sent
from tests.unit.egress.test_partition_model import assert_nobody_twice, model, with_campaign


def failed(made: Model, code: str, name: str = "first", contact: str = "5690") -> None:
    """A template is accepted, and a receipt says later that it failed with this code."""
    root = sent(made, promo(name, contact)).root_id
    made.put("inbound.receipts", notice(root, contact, "INVALID", code))
    made.step("accept", 0)


def order(made: Model, command: AnyLineCommand) -> None:
    made.put("lines.commands", command)


def resume(made: Model) -> None:
    order(made, ControlLine(id="1", did=DID, at_ms=WALL, by="ana", action="resume"))


def state(made: Model) -> LineState:
    return decode(made.topics["lines.state"][-1].value, LineState)


def told(made: Model) -> list[str]:
    return [message_id for _, message_id in made.accepted]


def everything(made: Model) -> None:
    content = Template(name="code", language="es", body=["1"])
    made.put("outbound.templates", message("otp", "5691", content, send_class="otp"), promo("bulk", "5692"))
    made.put("outbound.replies", message("reply", "5693"))
    for _ in range(3):
        made.step("accept", 3)


@pytest.mark.parametrize(
    ("code", "goes"),
    [("131048", {"otp", "reply"}), ("131042", {"otp", "reply"}), ("131031", set()), ("368", set())],
)
@pytest.mark.parametrize("crash", [False, True])
def test_a_stop_of_the_line_holds_what_it_is_about_until_a_person_resumes_it(
    code: str, goes: set[str], crash: bool
) -> None:
    made = model()
    failed(made, code)
    if crash:
        made.crash()
    everything(made)
    assert set(told(made)) - {"first"} == goes
    assert [(stop.what, stop.code) for stop in state(made).stops] == [("line", code)]
    assert said(made, "bulk") == [("parked", "line_stopped")]
    resume(made)
    made.settle(8)
    assert set(told(made)) == {"first", "otp", "bulk", "reply"}
    assert state(made).stops == []


def test_a_stop_is_counted_and_told_once_however_often_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    made = model()
    counted = metrics.counter(metrics.EGRESS_STOPS).labels(tenant="acme", what="line", code="131048")
    before = counted._value.get()
    roots = sent(made, *(promo(f"t{n}", f"569{n:03}") for n in range(20)))
    for n in range(20):
        made.put("inbound.receipts", notice(roots.root_id, f"569{n:03}", "INVALID", "131048"))
    made.step("accept", 0)
    assert counted._value.get() == before + 1
    assert [record.levelname for record in caplog.records if "stopped a line" in record.getMessage()] == ["ERROR"]


def test_what_went_before_a_person_resumed_stops_nothing_again_also_for_a_new_owner() -> None:
    made = model()
    first = sent(made, promo("t1", "5691"), promo("t2", "5692"))
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "131048"))
    made.step("accept", 5)
    resume(made)
    made.step("accept", 5)
    made.crash()
    made.put("inbound.receipts", notice(first.root_id, "5692", "INVALID", "131048"))
    made.step("accept", 5)
    assert state(made).stops == []
    failed(made, "131048", "t3", "5693")
    assert len(state(made).stops) == 1


@pytest.mark.parametrize("crash", [False, True])
def test_a_stopped_template_pauses_its_campaigns_and_refuses_its_single_messages(crash: bool) -> None:
    made = model(batch_max=5)
    made.rules = Rules(made.rules.settings.model_copy(update={"line_parallel": 1}), made.rules.tenants)
    made.crash()
    numbers = with_campaign(made, (5, 5, 5))
    while not made.plans():
        made.step("accept", 0)
    [first] = made.plans()
    made.put("inbound.receipts", notice(first.root_id, numbers[0], "INVALID", "132015"))
    made.step("accept", 0)
    if crash:
        made.crash()
    made.put("outbound.templates", promo("single", "5691"))
    content = Template(name="order", language="es", body=["x"], buttons=[TemplateButton(index=0, parameter="y")])
    made.put("outbound.templates", message("other", "5692", content, send_class="utility"))
    for _ in range(4):
        made.step("accept", 3)
    assert said(made, "single") == [("refused", "template_stopped")]
    assert made.states()["other"] == "accepted"
    progress = decode(made.topics["campaigns"][-1].value, Progress)
    assert (progress.state, progress.why) == ("paused", "its template is stopped (132015)")
    assert state(made).stops[0].name == "promo/es"
    order(made, ControlCampaign(id="1", did=DID, at_ms=WALL, by="ana", campaign="c", action="resume"))
    made.step("accept", 3)
    calls = [plan for plan in made.plans() if plan.campaign]
    order(made, ResumeTemplate(id="2", did=DID, at_ms=WALL, by="ana", name="promo", language="es"))
    made.step("accept", 3)
    assert state(made).stops == []
    order(made, ControlCampaign(id="3", did=DID, at_ms=WALL, by="ana", campaign="c", action="resume"))
    made.settle(20)
    assert sorted(contact for contact, _ in made.accepted if contact.startswith("5698")) == sorted(numbers)
    assert calls == [first], "while it is stopped a resumed campaign is paused again"
    assert_nobody_twice(made)


def test_a_batch_that_is_refused_for_its_template_is_not_searched_for_a_bad_recipient() -> None:
    line_model.ANSWERS["stopped"] = CallResult(kind="refused", status=400, code="132016")
    made = model()
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n:03}") for n in range(8)))
    made.step("stopped", 0)
    made.step("stopped", 3)
    for _ in range(5):
        made.step("accept", 3)
    del line_model.ANSWERS["stopped"]
    assert len(made.plans()) == 1
    assert state(made).stops[0].code == "132016"


def test_an_owner_that_dies_before_it_wrote_the_stop_of_an_answer_leaves_it_to_the_next() -> None:
    line_model.ANSWERS["locked"] = CallResult(kind="refused", status=403, code="131031")
    made = model()
    made.put("outbound.replies", message("r1", "5691"))
    made.step("locked")
    del line_model.ANSWERS["locked"]
    made.crash()
    made.put("outbound.replies", message("r2", "5692"))
    for _ in range(3):
        assert made.step("accept", 3) == 0
    assert [stop.code for stop in state(made).stops] == ["131031"]
    resume(made)
    made.step("accept", 3)
    made.crash()
    made.settle(3)
    assert told(made) == ["r2"]
    assert state(made).stops == [], "what a person resumed stays so"


def test_a_country_that_may_not_be_written_to_stops_nothing_and_is_counted() -> None:
    made = model()
    counted = metrics.counter(metrics.EGRESS_ALARMS).labels(tenant="acme", code="130497")
    before = counted._value.get()
    failed(made, "130497")
    everything(made)
    assert set(told(made)) == {"first", "otp", "bulk", "reply"}
    assert counted._value.get() == before + 1


def commands(made: Model) -> list[OptOut]:
    decoder = msgspec.json.Decoder(AnyCommand)
    return [decoder.decode(record.value or b"") for record in made.topics.get("inbound.conversations", [])]


@pytest.mark.parametrize("crash", [False, True])
def test_who_opted_out_at_whatsapp_gets_no_marketing_before_and_after_it_is_on_record(crash: bool) -> None:
    made = model()
    first = sent(made, promo("t1", "5691"), promo("t2", "5691"))
    for root in (first.root_id, made.plans()[-1].root_id):
        made.put("inbound.receipts", notice(root, "5691", "INVALID", "131050"))
    made.step("accept", 0)
    if crash:
        made.crash()
    made.put("outbound.templates", promo("t3", "5691"), promo("t4", "5692"))
    made.step("accept", 0)
    made.step("accept", 3)
    [command] = commands(made)
    assert (command.contact, command.categories, command.tenant, command.did) == ("5691", ["marketing"], "acme", DID)
    assert said(made, "t3") == [("refused", "opted_out")]
    assert made.states()["t4"] == "accepted"
    assert state(made).opted_out == ["5691"]
    wish = Optout(tenant="acme", since_ms=1, why="131050", categories=["marketing"])
    made.put("optouts", wish, key=f"{DID}|5691".encode())
    made.step("accept", 2)
    assert state(made).opted_out == []
    made.put("outbound.templates", promo("t5", "5691"))
    made.settle(4)
    assert made.states()["t5"] == "refused"
    assert len(commands(made)) == 1


@pytest.mark.parametrize("code", sorted(SCOPES))
def test_a_stop_is_new_once_and_ends_with_its_own_order(code: str) -> None:
    stops = Stops()
    stop = stops.add(code, "promo/es", 10, 20)
    assert stop is not None
    assert stops.add(code, "promo/es", 11, 21) is None
    assert (stops.template("promo/es") is not None) == (SCOPES[code] == "template")
    assert stops.line == (SCOPES[code] == "line")
    assert stops.bulk == (SCOPES[code] in ("line", "bulk"))
    ends, other = stops.resume_line, lambda now: stops.resume_template("promo/es", now)
    if SCOPES[code] == "template":
        ends, other = other, ends
    assert other(30) == []
    assert ends(31) == [stop]
    assert stops.add(code, "promo/es", 30, 40) is None, "it was planned before a person resumed it"
    assert stops.add(code, "promo/es", 31, 40) is not None
