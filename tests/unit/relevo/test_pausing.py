"""Who is meant by a pause, how it stands in Kafka, and when a line has said that it holds."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from relevo.campaigns.refused import SubmitError
from relevo.cli.program import app
from relevo.lines import pausing
from relevo.lines.pausing import Action, Held, Scope, concerned, obeyed
from relevo.lines.standing import backlog
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.record import Record
from runtime.pauses import Standing
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.line_command import ControlLine, ResumeTemplate
from schemas.line_state import LineState, Stop
from schemas.pause import Pause
from schemas.tenant import Line, Tenant
from tests.unit.runtime.test_pauses import Message

TENANTS = {
    name: Tenant(tenant=name, lines=[Line(did=did) for did in dids]) for name, dids in {"a": "12", "b": "3"}.items()
}
SETTINGS = KafkaSettings(bootstrap="127.0.0.1:1")


def state(did: str = "1", **fields: Any) -> LineState:
    return LineState(did=did, tenant="a", at_ms=1, **fields)


@pytest.mark.parametrize(
    ("scope", "lines"),
    [
        (Scope(), {"1": "a", "2": "a", "3": "b"}),
        (Scope(tenant="a"), {"1": "a", "2": "a"}),
        (Scope(did="3"), {"3": "b"}),
    ],
)
def test_a_pause_means_the_lines_that_are_configured(scope: Scope, lines: dict[str, str]) -> None:
    assert concerned(TENANTS, scope) == lines


@pytest.mark.parametrize("scope", [Scope(tenant="c"), Scope(did="9")])
def test_a_pause_of_what_is_not_configured_is_refused(scope: Scope) -> None:
    with pytest.raises(SubmitError, match="no tenant"):
        concerned(TENANTS, scope)


@pytest.mark.parametrize(
    ("scope", "action", "holds", "does_not"),
    [
        (Scope(), "pause", state(pauses=["all"]), state(pauses=["tenant|a"], paused=True)),
        (Scope(), "resume", state(pauses=["tenant|a"]), state(pauses=["all"])),
        (Scope(tenant="a"), "pause", state(pauses=["tenant|a"]), state(pauses=["all"])),
        (Scope(did="1"), "pause", state(paused=True), state(pauses=["all"])),
        (Scope(did="1"), "resume", state(pauses=["all"]), state(paused=True)),
        (Scope(did="1"), "resume", state(), state(stops=[Stop(what="line", code="368", since_ms=1)])),
        (
            Scope(did="1", template="t/es"),
            "resume",
            state(stops=[Stop(what="template", code="132015", since_ms=1, name="t/en")]),
            state(stops=[Stop(what="template", code="132015", since_ms=1, name="t/es")]),
        ),
    ],
)
def test_a_line_has_obeyed_when_its_state_says_so(
    scope: Scope, action: Action, holds: LineState, does_not: LineState
) -> None:
    assert obeyed(scope, action)(holds)
    assert not obeyed(scope, action)(does_not)


def test_lines_have_said_so_or_not_or_never_had_an_owner() -> None:
    states = {"1": state(paused=True), "2": state("2")}
    assert pausing.sort(dict.fromkeys("123", "a"), states, lambda one: one.paused) == Held(["1"], ["3"], ["2"])


def written(monkeypatch: pytest.MonkeyPatch, scope: Scope, action: Action) -> Record:
    found: list[Record] = []
    monkeypatch.setattr(pausing, "write", lambda settings, records: found.extend(records))
    pausing.order(SETTINGS, scope, {"1": "a"}, action, "prices", "ana", 5)
    [record] = found
    return record


def test_a_pause_of_a_tenant_stands_until_its_tombstone(monkeypatch: pytest.MonkeyPatch) -> None:
    record = written(monkeypatch, Scope(tenant="a"), "pause")
    assert (record.topic, record.key, record.partition) == ("pauses", b"tenant|a", 0)
    pause = topics.PAUSES.decoder().decode(record.value)
    assert pause == Pause(scope="tenant", tenant="a", since_ms=5, by="ana", why="prices")
    over = written(monkeypatch, Scope(tenant="a"), "resume")
    assert (over.key, over.value) == (b"tenant|a", None)
    assert written(monkeypatch, Scope(), "pause").key == b"all"


def test_a_line_gets_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    record = written(monkeypatch, Scope(did="1"), "pause")
    order = topics.LINES_COMMANDS.decoder().decode(record.value)
    assert isinstance(order, ControlLine)
    assert (order.action, order.why, order.by, order.did) == ("pause", "prices", "ana", "1")
    assert record.partition == keys.partition("1", 4)
    template = written(monkeypatch, Scope(did="1", template="t/es"), "resume")
    resumed = topics.LINES_COMMANDS.decoder().decode(template.value)
    assert isinstance(resumed, ResumeTemplate)
    assert (resumed.name, resumed.language) == ("t", "es")


def test_a_lines_backlog_is_all_that_waits() -> None:
    assert backlog(state(waiting={"reply": 1, "bulk": 20}, recipients=300)) == 321
    assert backlog(None) == 0


@pytest.mark.parametrize("tenant", ["", "acme"])
def test_a_standing_pause_ends_by_its_own_resume_alone(tenant: str) -> None:
    def read(*given: tuple[str, Action]) -> list[str]:
        standing = Standing()
        for name, action in given:
            made = pausing.record(SETTINGS, Scope(tenant=name), {}, action, "the bill", "ana", 1)
            assert (made.topic, made.partition) == ("pauses", 0)
            standing.apply([Message(made.key, made.value)])
        return standing.holding("acme")

    other = "" if tenant else "acme"
    assert len(read((tenant, "pause"))) == 1
    assert len(read((tenant, "pause"), (other, "resume"))) == 1
    assert read((tenant, "pause"), (tenant, "resume")) == []


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_cluster_without_the_topic_is_told_of_before_anything_is_ordered(
    monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def missing(settings: KafkaSettings) -> Any:
        raise OffsetsUnavailable("pauses/0: no such topic")

    def ordered(*arguments: Any) -> None:
        raise AssertionError("an order to a topic that is not there only times out")

    monkeypatch.setattr("relevo.cli.pause._tenants", lambda settings: TENANTS)
    monkeypatch.setattr(pausing, "standing_pauses", missing)
    monkeypatch.setattr(pausing, "order", ordered)
    ran = CliRunner().invoke(app, [verb, "--all"])
    assert isinstance(ran.exception, OffsetsUnavailable)
