"""Named points in the flow of a service at which a crash test can end or freeze the process.

`RELEVO_TEST_POINTS` names them: `before_post=kill`, `plan_committed=stop:3` (the third time that it is reached),
several separated by commas. `kill` is SIGKILL, `stop` is SIGSTOP, `exit` leaves with code 70 and no clean-up. Before
any of them the process says on its standard error that it got there, so that whoever armed the point can tell.
Without the variable `reach` costs one look into an empty dict. Leaves to the tests: to assert that the process died.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Literal, NamedTuple, cast

VARIABLE = "RELEVO_TEST_POINTS"
EXIT_CODE = 70

Action = Literal["kill", "stop", "exit"]


class Armed(NamedTuple):
    """What happens at a point, and how often it must still be reached until then."""

    action: Action
    left: int


def parse(text: str) -> dict[str, Armed]:
    """The points of the variable. Raises ValueError for a text of another form."""
    points = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, order = entry.partition("=")
        action, _, nth = order.partition(":")
        if not equals or action not in ("kill", "stop", "exit") or (nth and not nth.isdigit()):
            raise ValueError(f"{VARIABLE}: needs name=kill|stop|exit[:nth], not {entry!r}")
        points[name] = Armed(cast(Action, action), int(nth or 1))
    return points


_points = parse(os.environ.get(VARIABLE, ""))


def reach(name: str) -> None:
    """The flow is at this point; most often nothing happens."""
    if not _points:
        return
    armed = _points.get(name)
    if armed is None:
        return
    if armed.left > 1:
        _points[name] = armed._replace(left=armed.left - 1)
        return
    del _points[name]
    os.write(2, said(name, armed.action).encode() + b"\n")
    _act(armed.action)


def said(name: str, action: Action) -> str:
    """What a process says when it has reached an armed point."""
    return f"reached the test point {name}: {action}"


def _act(action: Action) -> None:
    if action == "exit":
        os._exit(EXIT_CODE)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    # To this thread: one that is sent to the process may reach another thread first, and this one goes on meanwhile.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
