"""The chart as helm makes it with each of the example values, once for the run; `make check-deploy` has the tools."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "relevo"
VALUES = ROOT / "deploy" / "helm" / "values"
EXAMPLES = ("small", "typical", "large")
HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "relevo" / "check"

Object = dict[str, Any]
Template = Callable[..., "Made"]


class Made:
    """What helm made: its objects, or why it refused."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.refused = done.stderr if done.returncode else ""
        self.objects: list[Object] = [one for one in yaml.safe_load_all(done.stdout) if one]

    def of(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        found = [one for one in self.of(kind) if one["metadata"]["name"] == name]
        assert len(found) == 1, f"{kind} {name}: {len(found)}"
        return found[0]


def helm(example: str, *options: str, chart: Path = CHART) -> Made:
    """The chart with an example's values and further options, such as `--set a=b`."""
    command = [str(HOME / "helm"), "template", "relevo", str(chart), "--namespace", "relevo", "--kube-version", "1.34"]
    command += ["-f", str(VALUES / f"{example}.yaml"), *options]
    return Made(subprocess.run(command, capture_output=True, text=True, timeout=60, check=False))


@pytest.fixture(scope="session")
def made() -> dict[str, Made]:
    """By example."""
    found = {name: helm(name) for name in EXAMPLES}
    assert not any(one.refused for one in found.values())
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The root of a copy of all that is checked, to plant errors in."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    return tmp_path


@pytest.fixture
def check(copy: Path) -> Callable[..., tuple[int, str]]:
    """Runs a step of the checks on the copy: its exit code and what it said."""

    def run(*steps: str, examples: str = " ".join(EXAMPLES)) -> tuple[int, str]:
        command: Sequence[str] = [str(ROOT / "deploy" / "check" / "run.sh"), *steps]
        env = os.environ | {"ROOT": str(copy), "EXAMPLES": examples}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    return run
