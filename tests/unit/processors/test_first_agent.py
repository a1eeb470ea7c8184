"""The page "Write your first agent" runs word for word."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from processors.agents.registry import find

PAGE = (Path(__file__).parents[3] / "docs" / "agents.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_first_agent_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, trial = blocks("python")
    (tmp_path / "greeter.py").write_text(agent, "utf-8")
    (tmp_path / "trial.py").write_text(trial, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "chat" in runpy.run_path(str(tmp_path / "trial.py"))
    assert find("greeter=greeter:greeter").kind == "greeter"


def test_every_outcome_of_the_core_is_on_the_page() -> None:
    source = "".join(path.read_text() for path in (Path(__file__).parents[3] / "processors").rglob("*.py"))
    reasons = set(re.findall(r'(?:Undeliverable|AgentFailed)\(\s*"(\w+)"', source))
    assert len(reasons) > 10
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()
