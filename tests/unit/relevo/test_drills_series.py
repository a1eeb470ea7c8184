"""Many drills: what failed ends its stage and leaves its evidence, what passed leaves nothing, all are told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import pytest
from confluent_kafka import Message

from relevo.demo.stage import StageError
from relevo.drills import evidence, series
from relevo.drills.drill import Drill, Load, Needs
from relevo.drills.run import Played
from relevo.drills.series import Series, Troupe
from relevo.drills.verdict import Verdict

FAILS, BREAKS = "fails", "cannot be set"


class Stages:
    """Stages that only exist, and which drills were played on each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.played: list[list[str]] = []
        self.handoffs: list[bool] = []
        self.unset = 0
        stages = self

        class Made:
            def __init__(self, folder: Path, *_: Any, **__: Any) -> None:
                self.folder, self.played = folder, list[str]()

            async def __aenter__(self) -> Self:
                (self.folder / "kafka" / "data").mkdir(parents=True)
                stages.played.append(self.played)
                if stages.unset:
                    stages.unset -= 1
                    raise StageError("no Java")
                return self

            async def __aexit__(
                self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
            ) -> None:
                return None

        async def play(stage: Any, drill: Drill, seed: int, number: int, before: Any) -> Played:
            stage.played.append(f"{drill.name}:{seed}:{number}")
            stages.handoffs.append(drill.load.handoff)
            failed = drill.name == FAILS
            verdict = Verdict(
                drill=drill.name, verdict="fail" if failed else "pass", counts={}, violations=["x"] * failed, seed=seed
            )
            return Played(verdict, None)

        monkeypatch.setattr(series, "Stage", Made)
        monkeypatch.setattr(series, "play", play)
        monkeypatch.setattr(evidence, "keep", lambda stage, played: (stage.folder / "verdict.json").touch())


async def verdicts(folder: Path, *names: str, seeds: tuple[int, ...] = (1,), troupe: Troupe | None = None) -> Any:
    drills = [Drill(name, "", ()) for name in names]
    return [one async for one in Series(folder, troupe or Troupe()).run(drills, seeds)]


async def test_drills_of_a_stage_are_numbered_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = Stages(monkeypatch)
    folder = tmp_path / "drills"
    found = await verdicts(folder, "a", "b", seeds=(1, 2))
    assert [(one.drill, one.seed, one.verdict) for one in found] == [
        ("a", 1, "pass"), ("b", 1, "pass"), ("a", 2, "pass"), ("b", 2, "pass"),
    ]  # fmt: skip
    assert stages.played == [["a:1:0", "b:1:1"], ["a:2:0", "b:2:1"]]
    assert not folder.exists()


async def test_one_that_fails_ends_its_stage_and_the_next_ones_have_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = Stages(monkeypatch)
    found = await verdicts(tmp_path, "a", FAILS, "b")
    assert [one.passed for one in found] == [True, False, True]
    assert stages.played == [["a:1:0", f"{FAILS}:1:1"], ["b:1:0"]]
    assert found[1].folder == str(tmp_path / "stage-1")
    assert (tmp_path / "stage-1" / "verdict.json").exists()
    assert not (tmp_path / "stage-1" / "kafka" / "data").exists()
    assert not (tmp_path / "stage-2").exists()


async def test_a_stage_that_cannot_be_set_fails_its_drill_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = Stages(monkeypatch)
    stages.unset = 1
    found = await verdicts(tmp_path, "a", "b")
    assert [(one.drill, one.violations) for one in found] == [
        ("a", ["the stage could not be set: no Java"]),
        ("b", []),
    ]
    assert stages.played == [[], ["b:1:0"]]


async def test_as_many_stages_stand_side_by_side_as_there_are_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages, both = Stages(monkeypatch), asyncio.Barrier(2)
    one_by_one = series.play

    async def play(*played: Any) -> Played:
        await both.wait()
        return await one_by_one(*played)

    monkeypatch.setattr(series, "play", play)
    drills = [Drill(name, "", (), needs=Needs(network=name in "cd")) for name in "abcd"]
    found = [one async for one in Series(tmp_path / "drills").run(drills, [1], jobs=2)]
    assert sorted(one.drill for one in found) == ["a", "b", "c", "d"]
    assert sorted(stages.played) == [["a:1:0", "b:1:1"], ["c:1:0", "d:1:1"]]


async def test_what_breaks_a_series_is_raised_whatever_else_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Stages(monkeypatch)

    async def play(*_: Any) -> Played:
        raise ZeroDivisionError

    monkeypatch.setattr(series, "play", play)
    with pytest.raises(ZeroDivisionError):
        _ = [one async for one in Series(tmp_path).run([Drill("a", "", ())], [1, 2], jobs=2)]


async def test_agents_that_give_nobody_to_a_human_are_not_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = Stages(monkeypatch)
    assert Load().handoff
    await verdicts(tmp_path, "a", troupe=Troupe(handoff=False))
    assert stages.handoffs == [False]


def test_a_record_is_kept_as_text_where_it_is_one() -> None:
    message = Message(  # type: ignore[call-arg]
        topic="t", partition=1, offset=2, key=b"k", value=b"\xff\x00", headers=[("n", b"1"), ("none", None)]
    )
    kept = msgspec.json.decode(msgspec.json.encode(evidence.record(message)))
    assert (kept["key"], kept["headers"], kept["value"]) == ("k", {"n": "1", "none": None}, "base64:/wA=")
