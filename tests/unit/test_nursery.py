"""A process out of the nursery is one like any other."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.nursery import Nursery, Order

SAYS = "import os, sys; print(os.environ.get('WHO'), os.getcwd(), sys.argv, file=sys.stderr); "


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    one = Nursery(loaded=["runtime.points"])
    yield one
    one.close()


def test_it_has_the_environment_folder_outputs_and_end_that_it_was_told(nursery: Nursery, tmp_path: Path) -> None:
    log = tmp_path / "log"
    order = Order(code=SAYS + "print('out'); sys.exit(7)", arguments=["a"])
    with log.open("wb") as file:
        born = nursery.start(
            order, {"WHO": "me", "PATH": "/"}, stdout=file.fileno(), stderr=file.fileno(), cwd=tmp_path
        )
    assert born.wait(30) == 7 == born.returncode == born.poll()
    assert sorted(log.read_text().splitlines()) == [f"me {tmp_path} ['-c', 'a']", "out"]


def test_a_module_is_its_main_and_an_error_its_end(nursery: Nursery, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("print(__name__); raise ValueError('broken')")
    log = tmp_path / "log"
    with log.open("wb") as file:
        environ = {"PYTHONPATH": str(tmp_path)}
        born = nursery.start(Order("mine"), environ, stdout=file.fileno(), stderr=file.fileno())
    assert born.wait(30) == 1
    assert "ValueError: broken" in log.read_text()
    assert "__main__" in log.read_text()


def test_each_is_killed_alone_and_says_by_what(nursery: Nursery) -> None:
    slow = Order(code="import time; time.sleep(60)")
    first, second = (nursery.start(slow, {}) for _ in range(2))
    assert first.pid != second.pid
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(0.01)
    first.kill()
    assert first.wait(30) == -signal.SIGKILL
    first.kill()  # nothing happens to one that has ended
    assert second.poll() is None
    second.terminate()
    assert second.wait(30) == -signal.SIGTERM


def test_points_of_a_crash_are_those_of_its_own_environment(nursery: Nursery) -> None:
    order = Order(code="from runtime.points import reach; reach('here')")
    assert nursery.start(order, {"RELEVO_TEST_POINTS": "here=kill"}).wait(30) == -signal.SIGKILL
    assert nursery.start(order, {}).wait(30) == 0


def test_none_outlives_its_owner(nursery: Nursery) -> None:
    born = nursery.start(Order(code="import time; time.sleep(60)"), {})
    nursery.close()
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/{born.pid}"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
