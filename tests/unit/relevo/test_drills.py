"""A drill passes only where its fault was reached, its load ran, all came to an end, and the audit is clean."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from relevo.audit import report as reports
from relevo.audit.gathered import sort
from relevo.audit.report import Report
from relevo.cli import drill as drill_command
from relevo.cli.program import app
from relevo.demo.stage import Stage
from relevo.drills import run as drill_run
from relevo.drills.catalogue import by_name, crashes, drills
from relevo.drills.drill import Drill, Fault, Load, Needs, NotReached, Seen
from relevo.drills.run import play
from relevo.drills.scene import Scene, state_of
from relevo.drills.series import SHARED_BY, plan
from relevo.drills.verdict import counted, judge, line
from tests.builders.audit import AGENT
from tests.builders.audit_steps import history

SOME = Load(messages=3, campaign=0, handoff=False)


def audited(*steps: str) -> Report:
    run = history(steps)
    return reports.report(sort(run.messages, (AGENT,)), run.provider)


class Marks(Fault):
    """Something that has to be reached, and is, unless it is told not to."""

    def __init__(self, *, reaches: bool = True, breaks: Exception | None = None) -> None:
        self.reaches, self.breaks = reaches, breaks
        self.steps: list[str] = []

    @property
    def must(self) -> tuple[str, ...]:
        return ("it went wrong",)

    async def arm(self, scene: Scene) -> None:
        self.steps.append("arm")

    async def strike(self, scene: Scene) -> None:
        self.steps.append("strike")
        if self.breaks is not None:
            raise self.breaks
        if self.reaches:
            scene.mark("it went wrong")

    async def heal(self, scene: Scene) -> None:
        self.steps.append("heal")


class Sandbox(Stage):
    """A stage of which there is nothing but a sandbox's counts."""

    def __init__(self, folder: Path, per_call: int = 3) -> None:
        super().__init__(folder, (), agents=(AGENT,))
        self.counts: Counter[str] = Counter()
        self.asked: list[str] = []
        self._per_call = per_call

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        self.asked.append(path)
        if path == "customers/run":
            self.counts["event"] += self._per_call
            return {"run": 1}
        if path.startswith("customers/run/"):
            return {"done": True}
        return {"counts": dict(self.counts), "pending": 0}


def seen(report: Report, *marks: str, events: int = 3, drill: Drill | None = None) -> Seen:
    return Seen(report, {"event": events}, frozenset(marks), drill or Drill("a", "", (Marks(),), SOME))


# -- the verdict


def test_a_clean_end_with_the_fault_reached_is_no_violation() -> None:
    assert judge(seen(audited("routed"), "it went wrong"), []) == []


def test_a_fault_that_was_not_reached_is_a_violation_that_says_so() -> None:
    assert judge(seen(audited("routed")), []) == ["not reached: it went wrong"]


@pytest.mark.parametrize(
    ("step", "number", "word"),
    [
        ("lost_event", 1, "lost event: "),
        ("routed_twice", 2, "routed twice: "),
        ("twice_in_a_batch", 4, "sent twice: "),
        ("unplanned_session", 4, "sent without a plan: "),
        ("login_off_record", 5, "a login that is not on record: "),
    ],
)
def test_what_the_audit_names_is_told_with_its_invariant(step: str, number: int, word: str) -> None:
    found = judge(seen(audited("routed", step), "it went wrong"), [])
    assert found
    assert all(one.startswith(f"invariant {number}, ") and word in one for one in found)


@pytest.mark.parametrize("step", ["pending_event", "pending_message", "parked"])
def test_what_is_still_on_its_way_at_the_end_keeps_a_drill_from_passing(step: str) -> None:
    (found,) = judge(seen(audited("routed", step), "it went wrong"), [])
    assert "still on their way" in found


def test_what_is_in_doubt_may_stand() -> None:
    assert judge(seen(audited("routed", "in_doubt"), "it went wrong"), []) == []


def test_a_load_that_did_not_run_shows_nothing() -> None:
    (found,) = judge(seen(audited("routed"), "it went wrong", events=2), [])
    assert "only 2 of 3 events" in found


def test_what_a_drill_expects_besides_is_asked() -> None:
    drill = Drill("a", "", (), SOME, expects=(lambda found: [f"{found.counts['event']} is odd"],))
    assert judge(seen(audited("routed"), drill=drill), []) == ["3 is odd"]


def test_counts_are_of_what_came_since_the_drill_before() -> None:
    before, now = audited("routed"), audited("routed", "routed", "repeated")
    assert counted(now, before)["acknowledged"] == now.events.acknowledged - before.events.acknowledged
    assert counted(now, before)["duplicates"] == 2


# -- one drill


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    report = audited("routed")
    monkeypatch.setattr(drill_run, "look", lambda stage: report)


async def test_a_drill_arms_strikes_heals_and_passes(tmp_path: Path, clean: None) -> None:
    fault = Marks()
    played = await play(Sandbox(tmp_path), Drill("a", "", (fault,), SOME), seed=4)
    assert (played.verdict.verdict, played.verdict.violations) == ("pass", [])
    assert (played.verdict.seed, played.verdict.reached) == (4, ["it went wrong"])
    assert fault.steps == ["arm", "strike", "heal", "heal"]
    told = msgspec.json.decode(line(played.verdict))
    assert list(told)[:4] == ["drill", "verdict", "counts", "violations"]
    assert told["counts"]["ledger_event"] == 3


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Marks(reaches=False), "not reached: it went wrong"),
        (Marks(breaks=NotReached("egress at before_post")), "not reached: egress at before_post"),
        (Marks(breaks=OSError("no process")), "the drill broke: OSError('no process')"),
    ],
)
async def test_a_drill_whose_fault_did_not_come_about_fails_and_is_healed(
    tmp_path: Path, clean: None, fault: Marks, says: str
) -> None:
    played = await play(Sandbox(tmp_path), Drill("a", "", (fault,), SOME), seed=1)
    assert played.verdict.verdict == "fail"
    assert says in played.verdict.violations
    assert fault.steps[-1] == "heal"


async def test_a_drill_that_cannot_be_audited_fails_and_keeps_its_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(stage: Stage) -> Report:
        raise OSError("the disk is full")

    monkeypatch.setattr(drill_run, "look", breaks)
    played = await play(Sandbox(tmp_path), Drill("a", "", (Marks(),), SOME), seed=1)
    assert played.verdict.violations == ["the drill broke: OSError('the disk is full')"]
    assert "OSError" in played.trace


async def test_what_is_not_quiet_in_time_is_judged_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = audited("routed", "pending_event")
    monkeypatch.setattr(drill_run, "look", lambda stage: report)
    played = await play(Sandbox(tmp_path), Drill("a", "", (Marks(),), SOME, quiet_s=0.5), seed=1)
    assert [one for one in played.verdict.violations if "still on their way" in one]


async def test_counts_begin_with_the_drill(tmp_path: Path) -> None:
    stage = Sandbox(tmp_path)
    stage.counts["event"] = 100
    scene = Scene(stage, 1)
    await scene.begin()
    with pytest.raises(NotReached, match="1 lines of type event"):
        await scene.after("event", 1, within_s=0.2)
    stage.counts["event"] += 1
    await scene.after("event", 1, within_s=0.2)


def test_a_process_that_is_stopped_is_told_from_one_that_is_gone() -> None:
    assert state_of(0) == ""
    assert state_of(2**22 + 1) == ""


# -- many


def named(*names: str, **fields: Any) -> list[Drill]:
    return [Drill(name, "", (), **fields) for name in names]


def test_drills_that_need_the_same_share_a_stage_and_a_seed_never_does() -> None:
    one, other = named("a", "b"), named("c", needs=Needs(profile="harsh"))
    parts = plan([one[0], other[0], one[1]], [1, 2])
    assert [[(turn.drill.name, turn.seed) for turn in part] for part in parts] == [
        [("a", 1), ("b", 1)],
        [("c", 1)],
        [("a", 2), ("b", 2)],
        [("c", 2)],
    ]


def test_a_stage_serves_so_many_and_one_that_is_to_be_alone_one() -> None:
    many = named(*(str(number) for number in range(SHARED_BY + 1)))
    assert [len(part) for part in plan(many, [1])] == [SHARED_BY, 1]
    assert [len(part) for part in plan(named("a", "b", needs=Needs(alone=True)), [1])] == [1, 1]


# -- the catalogue


def test_each_service_is_killed_and_frozen_at_each_of_its_points() -> None:
    found = {one.name for one in crashes.DRILLS}
    assert len(found) == 2 * len(crashes.POINTS) == len(crashes.DRILLS)
    for kind in ("kill", "stop"):
        for name in ("webhooks-before-ack", "agents-before-commit", "egress-before-post", "egress-after-post"):
            assert f"{name}-{kind}" in found
        for name in ("lease-login", "lease-logged-in", "conversations-rebalance", "egress-handing-over"):
            assert f"{name}-{kind}" in found


def test_every_drill_says_what_it_does_and_what_must_be_reached() -> None:
    for one in drills().values():
        assert one.what, one.name
        assert one.family, one.name
        assert any(fault.must for fault in one.faults), one.name


def test_every_point_of_the_catalogue_is_one_of_the_code() -> None:
    root = Path(drill_run.__file__).parents[2]
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("runtime", "ingress", "processors", "egress")
        for path in (root / folder).rglob("*.py")
    )
    assert [one.point for one in crashes.POINTS if f'points.reach("{one.point}")' not in code] == []


def test_a_name_that_is_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two drills are called a"):
        by_name(named("a", "b", "a"))


def test_the_same_seed_arms_the_same_moment_and_another_one_may_not(tmp_path: Path) -> None:
    fault = next(one for one in crashes.DRILLS if one.name == "egress-before-post-kill").faults[0]
    armed = [fault._armed(Scene(Sandbox(tmp_path), seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert armed[0] == armed[1]
    assert len(set(armed)) > 1


# -- the command


def test_the_list_is_json_with_each_drill_and_what_it_does() -> None:
    ran = CliRunner().invoke(app, ["drill", "--list", "--json"])
    assert ran.exit_code == 0
    listed = msgspec.json.decode(ran.stdout)
    assert [one["drill"] for one in listed] == list(drills())
    assert all(set(one) == {"drill", "what"} for one in listed)


def test_drills_are_played_in_the_order_in_which_they_are_given_then_those_of_a_group() -> None:
    known = by_name([Drill(name, "", (), family=name[0], brief=name == "b1") for name in ("a1", "a2", "b1", "b2")])
    chosen = drill_command._chosen(known, ["b2", "a2", "b2"], "a", every=False, brief=True)
    assert [one.name for one in chosen] == ["b2", "a2", "a1", "b1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing-like-it"], "no drill nothing-like-it"),
        ([], "which drill?"),
        (["--family", "none"], "which drill?"),
        (["--all", "--seeds", "1,x"], "--seeds 1,x"),
    ],
)
def test_wrong_usage_starts_nothing(arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(app, ["drill", *arguments])
    assert ran.exit_code == 2
    assert says in ran.output
