"""While an account's circuit is open its messages wait: nothing is planned, burned or doubted, and others go on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.campaign import Progress
from schemas.line_command import ControlCampaign
from schemas.record import decode, encode
from schemas.session import Template, TemplateButton
from schemas.tenant import Account, Line
from tests.builders.line_model import ANSWERS, Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant
from tests.unit.egress.test_partition_model import assert_in_order, assert_nobody_twice, replies, with_campaign

SAME, OTHER = "56911111112", "56911111113"
FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after"]


def model(**fields: Any) -> Model:
    """Two failures in a row open a circuit, for 10 s at first."""
    limits: dict[str, Any] = {"circuit_failures": 2, "circuit_pause_s": 10, "circuit_pause_max_s": 40}
    limits |= {"line_parallel": 4, "group_max": 10, "attempts_max": 100}
    limits |= {name: fields.pop(name) for name in list(fields) if name in limits or name == "calls_parallel"}
    return Model(rules(tenant(**fields), **limits))


def broken(made: Model, *, account: str = "isv") -> None:
    """Two calls of the account fail; a doubt each, of people nobody writes to again."""
    topic = "outbound.replies" if account == "isv" else "outbound.templates"
    for n in range(2):
        lost = message(f"x{n}", f"5699{n}") if account == "isv" else promo(f"x{n}", f"5699{n}", expires_ms=WALL + 10**9)
        made.put(topic, lost)
        made.step("time_out")
        made.step("time_out", 3)
    assert len(made.plans()) == 2


def next_in_s(made: Model) -> float:
    return made.partition.next_at(made.now) - made.now.s


def told(made: Model) -> list[str]:
    return [message_id for _, message_id in made.accepted]


def test_messages_of_a_sick_account_wait_without_a_plan_and_those_of_another_go_on() -> None:
    made = model()
    broken(made)
    made.put("outbound.replies", message("r1"), message("r2", "5692"))
    made.put("outbound.templates", promo("t1", "5693"))
    for _ in range(2):
        made.step("accept", 2.5)
    assert told(made) == ["t1"]
    assert len(made.plans()) == 3
    assert made.states().keys() == {"x0", "x1", "t1"}


def test_one_probe_goes_after_the_pause_and_the_rest_when_it_succeeded() -> None:
    made = model()
    broken(made)
    made.put("outbound.replies", message("r1"), message("r2", "5692"), message("r3", "5693"))
    assert made.step("accept", 1) == 0
    assert next_in_s(made) == pytest.approx(10 - 3 - 1)
    assert made.step("accept", next_in_s(made)) == 1
    assert told(made) == ["r1"]
    assert made.step("accept") == 2
    assert told(made) == ["r1", "r2", "r3"]


def test_a_probe_that_fails_costs_one_attempt_and_a_longer_pause() -> None:
    made = model()
    broken(made)
    made.put("outbound.replies", message("r1"), message("r2", "5692"))
    assert made.step("unreachable", 8) == 1
    assert made.step("accept", 19.9) == 0
    assert 0 < next_in_s(made) <= 0.2
    assert made.step("accept", 0.2) == 1
    made.settle(5)
    assert sorted(told(made)) == ["r1", "r2"]
    attempts = [plan.attempt for plan in made.plans() if plan.messages[0].id in ("r1", "r2")]
    assert sorted(attempts) == [1, 1, 2]


def test_nobody_looks_again_before_the_pause_is_over_nor_while_the_probe_is_under_way() -> None:
    made = model()
    broken(made)
    made.put("outbound.replies", *replies(12))
    made.put("outbound.templates", promo("t1", "5691"))
    made.step("accept", 0.5)
    looks = 0
    while made.seconds < 30 and not any(m.startswith("r") for m in told(made)):
        wait = next_in_s(made)
        looks += 1
        made.step("accept", max(wait, 0.005))
    assert looks <= 6
    _, granted = made.partition.cycle(made.now, 10)
    assert granted >= 1
    line = made.partition.lines[DID]
    assert line.next_at(made.now) > made.now.s, "the end of a call is announced; nothing to look for before"


def test_bulk_of_a_sick_account_is_looked_at_again_when_the_pause_is_over() -> None:
    made = model()
    broken(made, account="hsm")
    made.put("outbound.templates", promo("t1", "5691"))
    made.step("accept", 3)
    assert next_in_s(made) == pytest.approx(10 - 3)


def test_a_probe_of_a_batch_is_one_recipient() -> None:
    made = model()
    broken(made, account="hsm")
    made.put("outbound.templates", *(promo(f"t{n}", f"5691{n}") for n in range(5)))
    made.step("accept", 4)
    assert told(made) == []
    made.step("accept", 6)
    assert len(told(made)) == 1
    made.step("accept")
    assert [len(plan.messages) for plan in made.plans()[2:]] == [1, 4]


def test_calls_that_always_fail_are_not_probed_with_again_and_again_while_others_wait() -> None:
    made = model()
    broken(made, account="hsm")
    made.put("outbound.templates", *(promo(f"bad{n}", f"5691{n}") for n in range(5)))
    made.step("accept", 1)
    made.step("accept", 3)
    content = Template(name="order", language="es", body=["x"], buttons=[TemplateButton(index=0, parameter="y")])
    made.put("outbound.templates", message("good", "5692", content, send_class="utility"))
    made.step("accept", 1)
    assert made.step("unreachable", next_in_s(made)) == 1
    first = made.plans()[-1].template
    while made.step("accept", 1) == 0:
        assert made.seconds < 60
    assert {first, made.plans()[-1].template} == {"promo", "order"}


def test_a_campaign_waits_then_its_probe_is_one_recipient_and_nobody_is_left_out() -> None:
    made = model(batch_max=5)
    broken(made, account="hsm")
    with_campaign(made, (5, 5))
    for _ in range(2):
        assert made.step("accept", 0.5) == 0
    assert next_in_s(made) == pytest.approx(10 - 1)
    assert made.step("accept", next_in_s(made)) == 1
    made.settle(10)
    assert [len(plan.messages) for plan in made.plans()[2:]] == [1, 4, 5]
    last = decode(made.topics["campaigns"][-1].value, Progress)
    assert (last.state, last.planned, last.refused) == ("finished", 10, 0)


def test_what_expires_while_it_waits_is_said_when_it_does() -> None:
    made = model(templates=[*tenant().templates])
    broken(made)
    made.put("outbound.replies", message("r1", expires_ms=WALL + 8000), message("r2"))
    made.put("outbound.replies", message("w1", "5692", window_expires_ms=WALL + 9000))
    made.step("accept", 1)
    assert next_in_s(made) == pytest.approx(1)
    made.step("accept", 1)
    assert made.states().get("r1") == "expired"
    made.step("accept", 1)
    assert made.states().get("w1") == "refused"
    assert made.seconds == 9
    assert told(made) == []


def test_bulk_that_expires_or_is_cancelled_while_it_waits_is_said_when_it_does() -> None:
    made = model(batch_max=5, circuit_pause_s=600, circuit_pause_max_s=600)
    with_campaign(made, (5,))
    while len(made.plans()) < 1:
        made.step("throttle", 1)
    broken_before = len(made.plans())
    made.put("outbound.templates", promo("x0", "56990"), promo("x1", "56991"))
    made.put("outbound.templates", promo("t1", "5691", expires_ms=made.now.wall_ms + 20_000), promo("t2", "5692"))
    while len(made.plans()) < broken_before + 2:
        made.step("unreachable", 1)
    plans = len(made.plans())
    cancel = ControlCampaign(id="1", did=DID, at_ms=WALL, by="ana", campaign="c", action="cancel")
    made.put("lines.commands", cancel)
    for _ in range(30):
        made.step("accept", 1)
    assert len(made.plans()) == plans
    states = made.states()
    assert states.pop("t1") == "expired"
    assert set(states.values()) == {"refused"}
    assert len(states) == 5, "the campaign's recipients; what can still go waits"
    made.step("accept", 1000)
    made.settle(5)
    assert {"t2", "x0", "x1"} <= set(told(made))


def test_an_expired_campaign_is_refused_though_its_account_is_sick() -> None:
    made = model(batch_max=5)
    broken(made, account="hsm")
    with_campaign(made, (5, 5))
    records = made.topics["campaigns"]
    definition = topics.CAMPAIGNS.decoder().decode(records[0].value)
    gone = msgspec.structs.replace(definition, expires_ms=WALL + 7000)
    made.topics["campaigns"] = [records[0]._replace(value=encode(gone)), records[1]]
    for _ in range(5):
        made.step("accept", 0.5)
    assert made.seconds < 10
    assert len([state for state in made.states().values() if state == "expired"]) == 10
    assert len(made.topics["campaigns"]) <= 5, "its progress is written once a chunk, not once a recipient"
    assert len(made.plans()) == 2


def test_lines_of_one_account_share_its_circuit_and_another_line_of_the_worker_goes_on() -> None:
    accounts = tenant().accounts | {"two": Account(service="isv", base="http://two", username="two", password="x")}
    lines = [Line(did=DID, sends="isv", rate=1000), Line(did=SAME, sends="isv", rate=1000)]
    made = model(accounts=accounts, lines=[*lines, Line(did=OTHER, sends="two", rate=1000)])
    broken(made)
    for n, did in enumerate((DID, SAME, OTHER)):
        made.put("outbound.replies", msgspec.structs.replace(message(f"r{n}", f"5691{n}"), did=did))
    made.step("accept", 1)
    assert told(made) == ["r2"]
    made.step("accept", 6)
    assert len(told(made)) == 2, "one probe for both lines"
    made.step("accept")
    assert sorted(told(made)) == ["r0", "r1", "r2"]


def test_who_waited_longest_for_a_full_account_goes_first() -> None:
    made = model(calls_parallel=1)
    line = made.partition.line(DID, made.now)
    made.put("outbound.replies", message("r1"))
    made.step("accept")
    made.rules.accounts.began("isv|i", "elsewhere")
    made.put("outbound.replies", message("r2", "5692"))
    assert made.step("accept") == 0
    assert line.next_at(made.now) > made.now.s + 10**6, "the end of that call is announced"
    made.put("outbound.replies", message("r3", "5693"))
    made.rules.accounts.ended("isv|i", "elsewhere", ANSWERS["accept"], made.now.s, made.rules.settings)
    assert made.step("accept") == 1
    made.step("accept")
    assert told(made) == ["r1", "r2", "r3"]


def test_a_doubt_that_its_policy_resends_waits_for_the_account_too() -> None:
    made = model(policies={"reply": {"resend_after_s": 60, "times": 1}}, circuit_pause_s=100, circuit_pause_max_s=100)
    broken(made)
    made.step("accept", 70)
    assert told(made) == []
    made.step("accept", 40)
    made.step("accept")
    assert sorted(told(made)) == ["x0", "x1"]
    assert_nobody_twice(made)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FATES), st.floats(0, 20)), max_size=25))
def test_nobody_is_lost_or_told_twice_or_out_of_order(script: list[tuple[str, float]]) -> None:
    made = model(batch_max=4, calls_parallel=3)
    made.put("outbound.replies", *replies(12))
    made.put("outbound.templates", *(promo(f"t{n:02}", f"5695{n}") for n in range(10)))
    with_campaign(made, (4, 4, 3))
    for fate, seconds in script:
        made.step(fate, seconds)
    made.settle()
    assert_nobody_twice(made)
    assert_in_order(made)
    assert len(made.states()) == 12 + 10 + 11
    assert set(made.states().values()) <= {"accepted", "in_doubt", "refused"}
    assert made.offsets["outbound.replies"] == 12
    assert made.offsets["outbound.templates"] == 10
    assert decode(made.topics["campaigns"][-1].value, Progress).state == "finished"
