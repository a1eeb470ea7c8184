"""The collector's policy is set once in a process, and circles are still found."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
from runtime.engine import garbage

class Circle:
    def __init__(self):
        self.me = self

left = weakref.ref(Circle())
garbage.settle()
assert left() is None, "what was garbage before stays for good"
frozen = gc.get_freeze_count()
assert frozen > 10_000, frozen
assert gc.get_threshold()[0] == garbage.COLLECT_AFTER

lost = weakref.ref(Circle())
garbage.settle()
assert lost() is not None and gc.get_freeze_count() == frozen, "a second call does nothing"
kept = [[] for _ in range(garbage.COLLECT_AFTER + 1000)]
assert lost() is None, "circles are found by themselves"
print("well")
"""


def test_it_is_set_once_and_finds_circles_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("well\n", "")
