"""An operator asks why a template was refused, and is told by the same rules that refuse it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from relevo.gate.explain import Asked, Explained, explain
from relevo.gate.facts import Facts
from schemas.line_state import LineState, Stop
from schemas.optout import Optout
from schemas.pause import Pause
from tests.builders.gate import NIGHT
from tests.builders.lines import DID, tenant

MADRID = "34600111222"
NIGHT_MS = round(datetime(2026, 11, 26, 21, 30, tzinfo=UTC).timestamp() * 1000)
ASKED = Asked(tenant="acme", line=DID, to=MADRID, name="promo", language="es", body=["x"])


def told(asked: Asked = ASKED, at_ms: int = NIGHT_MS, **facts: Any) -> Explained:
    found = Facts(**({"tenant": tenant(quiet=NIGHT), "owner": "acme"} | facts))
    return explain(asked, found, at_ms)


def change(**fields: Any) -> Asked:
    return msgspec.structs.replace(ASKED, **fields)


STATE = LineState(did=DID, tenant="acme", at_ms=1, day="2026-11-26", paid=5)


def line_state(**fields: Any) -> dict[str, LineState]:
    return {DID: msgspec.structs.replace(STATE, **fields)}


@pytest.mark.parametrize(
    ("asked", "facts", "verdict", "code"),
    [
        (change(to="56911111112"), {}, "go", ""),
        (ASKED, {}, "wait", "send_window"),
        (change(in_lane=True), {}, "go", ""),
        (change(name="code"), {}, "go", ""),
        (change(name="order", buttons=["x"]), {}, "wait", "send_window"),
        (change(name="order"), {}, "refuse", "template_parameters"),
        (change(expires_ms=1), {}, "refuse", "expired"),
        (change(tenant="other"), {"tenant": None}, "refuse", "tenant_unknown"),
        (ASKED, {"owner": "other"}, "refuse", "line_unknown"),
        (change(to="123"), {}, "refuse", "bad_number"),
        (ASKED, {"optout": Optout(tenant="acme", since_ms=1, why="word")}, "refuse", "opted_out"),
        (ASKED, {"states": line_state(paused=True, paused_by="ana")}, "wait", "paused"),
        (ASKED, {"states": line_state(stops=[Stop(what="line", code="131031", since_ms=1)])}, "wait", "paused"),
        (
            ASKED,
            {"states": line_state(stops=[Stop(what="template", code="132015", since_ms=1, name="promo/es")])},
            "refuse",
            "template_stopped",
        ),
        (ASKED, {"pauses": {"all": Pause(scope="all", since_ms=1, by="ana")}}, "wait", "paused"),
        (
            ASKED,
            {"pauses": {"tenant|acme": Pause(scope="tenant", since_ms=1, by="ana", tenant="acme")}},
            "wait",
            "paused",
        ),
        (
            ASKED,
            {"pauses": {"tenant|other": Pause(scope="tenant", since_ms=1, by="ana", tenant="other")}},
            "wait",
            "send_window",
        ),
        (
            change(to="56911111112"),
            {"tenant": tenant(limits={"paid_per_day": 5}), "states": line_state()},
            "refuse",
            "daily_cap",
        ),
        (
            change(to="56911111112", campaign=True),
            {"tenant": tenant(limits={"paid_per_day": 5}), "states": line_state()},
            "wait",
            "daily_cap",
        ),
    ],
)
def test_the_verdict_and_its_code(asked: Asked, facts: dict[str, Any], verdict: str, code: str) -> None:
    answer = told(asked, **facts)
    assert (answer.verdict, answer.code) == (verdict, code)


def test_every_rule_says_what_it_thinks_alone() -> None:
    answer = told(change(expires_ms=NIGHT_MS - 1), optout=Optout(tenant="acme", since_ms=1, why="word"))
    objections = {step.rule: (step.verdict, step.code) for step in answer.steps if step.verdict != "go"}
    assert objections == {
        "expiry": ("refuse", "expired"),
        "opt-out": ("refuse", "opted_out"),
        "send window": ("refuse", "expired"),
    }
    assert (answer.steps[0].rule, answer.steps[-1].rule) == ("tenant and line", "route")


def test_what_keeps_all_sending_is_told_in_words() -> None:
    pause = Pause(scope="all", since_ms=1, by="ana", why="wrong prices")
    assert told(pauses={"all": pause}).reason == "all sending is paused by ana: wrong prices"


def test_no_answer_names_the_recipient() -> None:
    assert MADRID not in msgspec.json.encode(told()).decode()
