"""A child process that never outlives its owner for long, and its signals.

PR_SET_PDEATHSIG would follow the *thread* that started the child, which is wrong for a thread pool; so a
watchdog process waits on a pipe that closes with the owner (see `watchdog.py`).
"""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

WATCHDOG = Path(__file__).with_name("watchdog.py")


class Child:
    """A started process in a session of its own (the owner's Ctrl-C does not reach it), output to a file."""

    def __init__(
        self, command: Sequence[str], log: Path, *, detached: bool = False, env: Mapping[str, str] | None = None
    ) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=env
            )
        self._watchdog = None if detached else _watch(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            self._process.send_signal(number)

    def stop(self, deadline_s: float) -> bool:
        """SIGTERM (also when it was paused), SIGKILL after the deadline; True if it ended by itself."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        try:
            self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self._release()
        return True

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self._process.wait()
        self._release()

    def _release(self) -> None:
        if self._watchdog is None:
            return
        # Killed before its pipe closes: it must not look for a process that was already waited for.
        self._watchdog.kill()
        self._watchdog.wait()
        if self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
        self._watchdog = None


def _watch(pid: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(WATCHDOG), str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
