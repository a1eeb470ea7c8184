"""A witness: a thread that sees a service stand still and writes to the log where everything in it is.

What stands is ended and started again by others (Kubernetes, the supervisor), and then nobody can say any more what
it waited for. So the stacks are written when liveness begins to fail, and once more a little later: what is at the
same place twice stands there. It looks beside the event loop, which may be what hangs. Promises: two times a stall,
and not again for `QUIET_S` however often liveness comes and goes. Leaves to `runtime.health` what standing still is.
"""

import threading

from runtime import logs, stacks
from runtime.health import Failure, Health, clock

ROUND_S = 1.0
AGAIN_S = 15.0
QUIET_S = 300.0
TIMES = 2
_log = logs.get(__name__)


class Witness:
    """One thread, from `start` to `stop`."""

    def __init__(self, health: Health, *, tell: stacks.Tell = stacks.tell, round_s: float = ROUND_S) -> None:
        self._health = health
        self._tell = tell
        self._round_s = round_s
        self._stopping = threading.Event()
        self._told = 0  # times, of this stall
        self._again = 0.0  # when to tell the second time
        self._quiet_until = 0.0  # for stalls that begin

    def start(self) -> None:
        threading.Thread(target=self._run, name="witness", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def look(self, now: float) -> None:
        """Whether something stands, and whether that was told."""
        failures = self._failures(now)
        if not failures:
            self._told = 0
        elif self._due(now):
            self._told += 1
            self._tell("stall", failing="; ".join(f"{check}: {detail}" for check, detail in failures))

    def _due(self, now: float) -> bool:
        if self._told:
            return self._told < TIMES and now >= self._again
        if now < self._quiet_until:
            return False
        self._again, self._quiet_until = now + AGAIN_S, now + QUIET_S
        return True

    def _failures(self, now: float) -> list[Failure]:
        blocked_s = self._health.loop_blocked_s(now)
        found = [Failure("event loop", f"blocked for {blocked_s:.1f} s")] if blocked_s else []
        return found + self._health.live_failures(now)

    def _run(self) -> None:
        while not self._stopping.wait(self._round_s):
            try:
                self.look(clock())
            except RuntimeError as changed:  # the loop reports while we read: the next round sees it
                _log.debug("looked in vain", problem=str(changed))
