"""Named points do nothing unless they are armed, and then exactly what was asked."""

import os
import subprocess
import sys

import pytest

from runtime import points


def run(order: str, code: str) -> int:
    program = f"from runtime import points\n{code}"
    return subprocess.run([sys.executable, "-c", program], env={"RELEVO_TEST_POINTS": order}, check=False).returncode


def test_nothing_happens_at_a_point_that_nobody_armed() -> None:
    assert run("other=kill", "points.reach('here')") == 0


def test_a_process_dies_the_nth_time() -> None:
    assert run("here=exit:3", "points.reach('here'); points.reach('here')") == 0
    assert run("here=exit:3", "[points.reach('here') for _ in range(3)]") == points.EXIT_CODE
    assert run("there=stop:9, here=kill", "points.reach('here')") == -9


@pytest.mark.parametrize("text", ["here", "here=faint", "here=kill:x"])
def test_a_wrong_order_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RELEVO_TEST_POINTS"):
        points.parse(text)


def test_an_order_is_read() -> None:
    assert points.parse("a=kill, b=stop:2") == {"a": ("kill", 1), "b": ("stop", 2)}


def test_a_process_says_that_it_is_at_a_point_before_anything_happens_to_it() -> None:
    program = "from runtime import points\npoints.reach('other'); points.reach('here')"
    ran = subprocess.run(
        [sys.executable, "-c", program], env={"RELEVO_TEST_POINTS": "here=kill"}, check=False, capture_output=True
    )
    assert ran.stderr.decode() == points.said("here", "kill") + "\n"
    assert ran.returncode == -9


BUSY = """
import hashlib, os, sys, threading
from runtime import points

def busy():
    while True:
        hashlib.sha256(bytes(1 << 20)).digest()

def reach():
    points.reach("here")
    os.write(1, b"it went on")

for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
thread = threading.Thread(target=reach)
thread.start()
thread.join()
os._exit(0)
"""


def test_a_thread_of_many_stops_at_the_point_and_not_a_little_later() -> None:
    for _ in range(5):
        env = {"RELEVO_TEST_POINTS": "here=stop"}
        with subprocess.Popen([sys.executable, "-c", BUSY], env=env, stdout=subprocess.PIPE) as process:
            os.waitpid(process.pid, os.WUNTRACED)
            process.kill()
            assert process.stdout is not None
            assert process.stdout.read() == b""
