"""Ends a process when its owner is gone: `python watchdog.py PID`, with a pipe from the owner as stdin.

The pipe closes when the owner ends, however it ends (SIGKILL too); then the process gets SIGTERM, and after
ten seconds SIGKILL. A pidfd, opened while the process surely lives, keeps a recycled pid safe where the
system has them. Standard library only: it starts without the project's packages.
"""

import os
import signal
import sys
import time

GRACE_S = 10.0


def main(pid: int) -> None:
    """Waits for the end of the pipe, then ends the process `pid`."""
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    while sys.stdin.buffer.read(1):
        pass
    deadline = time.monotonic() + GRACE_S
    alive = _send(pid, handle, signal.SIGTERM) and _send(pid, handle, signal.SIGCONT)
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = _send(pid, handle, 0)
    if alive:
        _send(pid, handle, signal.SIGKILL)


def _send(pid: int, handle: int | None, number: int) -> bool:
    """False once the process is gone."""
    try:
        if handle is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
