"""The audit of the egress benchmark finds whatever went wrong, and nothing where nothing did."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from bench.egress import __main__ as program
from bench.egress import audit, traffic, world
from bench.egress.traffic import Due
from bench.processes import Measured
from schemas.outcome import Outcome

DUE = {key: Due("569", f"57{key}", "notice", ("Ana", key, "p/1")) for key in ("a", "b")}


def call(*ids: str, **changed: Any) -> bytes:
    destinations = [
        {
            "id": key,
            "destination": DUE[key].to,
            "parameters": list(DUE[key].parameters[:-1]),
            "buttonsParameters": [DUE[key].parameters[-1]],
            **changed,
        }
        for key in ids
    ]
    return orjson.dumps({"did": "569", "hsm": {"template": "notice", "destinations": destinations}})


def said(*ids: str, state: Any = "accepted", code: str = "") -> Outcome:
    return Outcome(
        tenant="acme", did="569", state=state, at_ms=1, message_ids=list(ids), contacts=[""] * len(ids), code=code
    )


def test_each_once_and_accepted_is_clean() -> None:
    found = audit.judge([call("a", "b")], [said("a", state="parked", code="backlog"), said("a", "b")], DUE)
    assert (found.clean, found.calls, found.recipients) == (True, 1, 2)


def test_who_was_not_sent_to_or_has_no_outcome_is_lost() -> None:
    assert audit.judge([call("a")], [said("a", "b")], DUE).lost == 1
    assert audit.judge([call("a", "b")], [said("a")], DUE).lost == 1


def test_a_second_call_or_a_second_word_is_doubled() -> None:
    assert audit.judge([call("a"), call("a", "b")], [said("a", "b")], DUE).doubled == 1
    assert audit.judge([call("a", "b")], [said("a", "b"), replace(said("b"), at_ms=2)], DUE).doubled == 1
    assert audit.judge([call("a", "b")], [said("a", "b"), replace(said("b"), plan_id="other")], DUE).doubled == 1


def test_the_same_record_once_more_is_no_second_word() -> None:
    assert audit.judge([call("a", "b")], [said("a", "b"), said("a", "b")], DUE).clean


@pytest.mark.parametrize("changed", [{"destination": "579"}, {"parameters": ["Eva", "a"]}, {"buttonsParameters": []}])
def test_what_arrived_changed_is_wrong(changed: dict[str, Any]) -> None:
    assert audit.judge([call("a", **changed), call("b")], [said("a", "b")], DUE).wrong == 1


def test_who_wants_nothing_must_be_refused_and_not_be_sent_to() -> None:
    only, refused = {"a": DUE["a"]}, frozenset({"b"})
    opted_out = said("b", state="refused", code="opted_out")
    assert audit.judge([call("a")], [said("a"), opted_out], only, refused).clean
    assert audit.judge([call("a")], [said("a")], only, refused).lost == 1
    assert audit.judge([call("a", "b")], [said("a"), opted_out], only, refused).wrong == 1
    assert audit.judge([call("a")], [said("a", "b")], only, refused).wrong == 1


def test_every_line_gets_its_own_messages_once() -> None:
    batch = traffic.singles("x", 1, 4, each=3, templates=2)
    assert len(batch.due) == len(batch.records) == world.LINES * 6
    assert len({(due.did, due.template) for due in batch.due.values()}) == world.LINES * 2
    assert len({due.to for due in batch.due.values()}) == world.LINES * 6
    mixed = traffic.singles("x", 1, 4, each=3, templates=2, mixed=True)
    assert mixed.due == batch.due
    assert sorted(record.key or b"" for record in mixed.records) == sorted(
        record.key or b"" for record in batch.records
    )


def ended(monkeypatch: pytest.MonkeyPatch, verdict: audit.Verdict) -> int:
    measured = {name: Measured(10, 1.0, 1.0) for name in ("reference", "templates", "campaigns")}
    verdicts = {"warming": [], "templates": [verdict], "campaigns": [audit.Verdict(1, 5)]}
    monkeypatch.setattr(program, "run", lambda amounts: program.figures(amounts, measured, verdicts, 0))
    monkeypatch.setattr("sys.argv", ["bench.egress", "--json", "--quick"])
    return program.main()


def test_the_exit_code_says_whether_all_was_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, audit.Verdict(2, 7)) == 0
    figures = orjson.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["calls"], figures["recipients"], figures["calls_least"]) == (3, 12, 200)
    assert (figures["templates_ratio"], figures["reference_per_cpu_second"]) == (1.0, 10)
    for wrong in ("lost", "doubled", "wrong"):
        assert ended(monkeypatch, audit.Verdict(2, 7, **{wrong: 1})) == 1
