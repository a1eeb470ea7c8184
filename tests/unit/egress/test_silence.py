"""A policy's resend needs silence, and silence counts only while receipts of other sends of that time arrive."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.gate.rules import Rules
from egress.lines.results.silence import Resend, Silence
from schemas.campaign import Progress
from schemas.journal import CallOutcome, Plan
from schemas.line_command import DecideDoubt
from schemas.record import decode
from schemas.session import Template
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, plan, promo
from tests.unit.egress.test_failures import notice
from tests.unit.egress.test_partition_model import assert_nobody_twice, model, with_campaign

POLICY = {"reply": {"resend_after_s": 60, "times": 1}, "marketing": {"resend_after_s": 60, "times": 1}}
MARGIN_S = 30


def with_policy(**fields: object) -> Model:
    return model(policies=POLICY, **fields)


def whys(made: Model) -> list[str]:
    return [p.resend_why for p in made.plans()]


def say(made: Model, name: str, contact: str, fate: str = "accept") -> Plan:
    made.put("outbound.replies", message(name, contact))
    made.step(fate, 1)
    return made.plans()[-1]


def hear(made: Model, contact: str) -> None:
    """A flat receipt without an id means the latest accepted send to the person."""
    made.put("inbound.receipts", notice("", contact, "SENT"))
    for _ in range(4):
        made.step("accept", 1)


def wait(made: Model, seconds: float) -> None:
    for _ in range(int(seconds // 5)):
        made.step("accept", 5)


def test_while_no_receipt_comes_of_what_was_accepted_at_that_time_nothing_is_sent_again() -> None:
    made = with_policy()
    say(made, "r1", "5691", "time_out_taken")
    say(made, "r2", "5692")
    wait(made, 3600)
    assert whys(made) == ["", ""]
    hear(made, "5692")
    wait(made, 10)
    assert whys(made) == ["", "", "policy_reply"]
    assert_nobody_twice(made)


def test_receipts_that_flow_let_it_go_when_its_time_is_over_and_not_before() -> None:
    made = with_policy()
    say(made, "r1", "5691", "time_out")
    say(made, "r2", "5692")
    hear(made, "5692")
    made.step("accept", 54)
    assert whys(made) == ["", ""]
    made.step("accept", 2)
    assert whys(made) == ["", "", "policy_reply"]


def test_receipts_that_came_before_the_doubt_or_of_older_sends_do_not_count() -> None:
    made = with_policy()
    say(made, "r0", "5690")
    wait(made, MARGIN_S + 10)
    say(made, "r2", "5692")
    hear(made, "5692")
    say(made, "r1", "5691", "time_out")
    hear(made, "5690")
    wait(made, 120)
    assert "policy_reply" not in whys(made)
    hear(made, "5692")
    assert whys(made)[-1] == "policy_reply", "it moves nothing, but it is a receipt of that time, and came in since"


def test_a_receipt_of_before_that_is_read_again_does_not_count() -> None:
    made = with_policy()
    say(made, "r1", "5691", "time_out")
    say(made, "r2", "5692")
    made.put("inbound.receipts", notice("", "5692", "SENT"))
    made.topics["inbound.receipts"][-1].headers[0] = ("at", str(WALL).encode())  # type: ignore[index]
    wait(made, 120)
    assert made.states()["r2"] == "sent"
    assert whys(made) == ["", ""]


def test_a_line_that_has_nothing_to_compare_with_goes_by_the_time_alone() -> None:
    made = with_policy()
    say(made, "r0", "5690")
    wait(made, MARGIN_S + 30)
    say(made, "r1", "5691", "time_out")
    wait(made, 70)
    assert whys(made)[-1] == "policy_reply"


def test_another_accounts_receipts_prove_nothing() -> None:
    made = with_policy()
    say(made, "r1", "5691", "time_out")
    say(made, "r2", "5692")
    made.put("outbound.templates", promo("t1", "5693"))
    while made.plans()[-1].route != "batch":
        made.step("accept", 1)
    made.put("inbound.receipts", notice(made.plans()[-1].root_id, "5693", "DELIVERY"))
    wait(made, 120)
    assert "policy_reply" not in whys(made)


def test_later_replies_are_not_held_for_longer_than_the_policys_time() -> None:
    made = with_policy()
    say(made, "r1", "5691", "time_out")
    say(made, "r2", "5692")
    say(made, "r3", "5691")
    wait(made, 55)
    assert made.accepted == [("5692", "r2")]
    wait(made, 10)
    assert made.accepted == [("5692", "r2"), ("5691", "r3")]


def test_a_new_owner_has_heard_nothing_yet() -> None:
    made = with_policy()
    say(made, "r1", "5691", "time_out")
    say(made, "r2", "5692")
    hear(made, "5692")
    made.crash()
    wait(made, 600)
    assert whys(made) == ["", ""]
    say(made, "r3", "5693")
    hear(made, "5693")
    assert whys(made)[-1] == "policy_reply"
    assert_nobody_twice(made)


def test_a_receipt_of_the_doubt_itself_ends_it_and_a_person_need_not_wait() -> None:
    made = with_policy()
    first = say(made, "r1", "5691", "time_out_taken")
    second = say(made, "r2", "5694", "time_out")
    say(made, "r3", "5692")
    hear(made, "5691")
    order = DecideDoubt(id="1", did=DID, at_ms=WALL, by="ana", plan_id=second.plan_id, action="resend")
    made.put("lines.commands", order)
    wait(made, 600)
    hear(made, "5692")
    wait(made, 60)
    assert [(p.resend_of, p.resend_why) for p in made.plans() if p.resend_of] == [(second.plan_id, "person")]
    assert first.plan_id not in made.partition.lines[DID].doubts


def test_a_campaign_is_finished_though_one_of_its_doubts_waits_for_receipts() -> None:
    made = with_policy(batch_max=5)
    with_campaign(made, (5, 5))
    made.rules = Rules(made.rules.settings.model_copy(update={"line_parallel": 1}), made.rules.tenants)
    made.crash()
    while not made.plans():
        made.step("time_out", 1)
    while len(made.plans()) < 2:
        made.step("accept", 1)
    wait(made, 55)
    assert decode(made.topics["campaigns"][-1].value, Progress).state == "running"
    wait(made, 10)
    assert decode(made.topics["campaigns"][-1].value, Progress).state == "finished"
    assert len(made.plans()) == 2


def test_a_500_is_not_about_silence() -> None:
    made = with_policy()
    say(made, "r2", "5692")
    say(made, "r1", "5691", "error_500")
    wait(made, 10)
    assert whys(made)[-1] == "policy_500"


def test_a_template_that_goes_by_the_session_route_waits_like_any_reply() -> None:
    made = with_policy()
    content = Template(name="promo", language="es", body=["x"])
    made.put("outbound.replies", message("r1", "5691", content))
    made.step("time_out", 1)
    say(made, "r2", "5692")
    wait(made, 120)
    assert whys(made) == ["", ""]


KINDS = ["doubt", "accept", "control", "hear", "hear_again", "end"]
EVENTS = st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.sampled_from("ab"), st.floats(0, 40))


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_it_goes_exactly_when_its_time_is_over_and_it_is_silent_among_receipts(
    events: list[tuple[str, int, str, float]],
) -> None:
    """Against a model that keeps everything and looks at all of it each time."""
    silence, now = Silence(MARGIN_S), 0.0
    sends: list[tuple[str, int]] = []
    heard: list[tuple[str, int, int]] = []
    waiting: dict[str, tuple[str, int, int, float, int]] = {}
    for number, (kind, which, account, seconds) in enumerate(events):
        now += seconds
        made = plan(f"p{number}", account=account, at_ms=WALL + round(now * 1000))
        if kind == "doubt":
            waiting[made.plan_id] = (account, made.at_ms, made.at_ms, now + 60, len(heard))
            silence.wait(Resend(made, [], made.at_ms, now + 60, "policy_reply"))
        elif kind == "accept":
            sends.append((account, made.at_ms))
            silence.learn(made, outcome(made))
        elif kind == "control":
            silence.learn(plan("c", account=account, route="control", at_ms=made.at_ms), outcome(made))
        elif kind.startswith("hear") and sends:
            account, posted = sends[which % len(sends)]
            arrived = made.at_ms if kind == "hear" else made.at_ms - 50_000
            heard.append((account, posted, arrived))
            silence.heard(plan("h", account=account, at_ms=posted), arrived)
        elif kind == "end" and waiting:
            gone = list(waiting)[which % len(waiting)]
            del waiting[gone]
            silence.forget(gone)
        due = {name for name, doubt in waiting.items() if may_go(*doubt, now, sends, heard)}
        assert {resend.plan.plan_id for resend in silence.due(now)} == due
        for name in due:
            del waiting[name]
        assert silence.next_at() <= min((d[3] for d in waiting.values() if d[3] > now), default=float("inf"))


def may_go(
    account: str,
    posted: int,
    arose: int,
    due: float,
    first: int,
    now: float,
    sends: list[tuple[str, int]],
    heard: list[tuple[str, int, int]],
) -> bool:
    """From `first` on receipts were heard while the doubt was known."""
    comparable = any(a == account and at >= posted - MARGIN_S * 1000 for a, at in sends)
    flows = any(a == account and at >= posted - MARGIN_S * 1000 and when >= arose for a, at, when in heard[first:])
    return due <= now and (flows or not comparable)


def outcome(made: Plan) -> CallOutcome:
    return CallOutcome(plan_id=made.plan_id, did=DID, result="accepted", at_ms=made.at_ms)


@pytest.mark.parametrize("times", [0, 1])
def test_without_a_policy_it_stands_whatever_is_heard(times: int) -> None:
    made = model(policies={"reply": {"resend_after_s": 60, "times": times}})
    say(made, "r1", "5691", "time_out")
    say(made, "r2", "5692")
    hear(made, "5692")
    wait(made, 120)
    assert whys(made) == ["", "", "policy_reply"][: 2 + times]
