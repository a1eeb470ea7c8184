"""An ending: why the last process of a service ended, in a file that outlives it.

A counter dies with its process. So a process says in `RELEVO_SERVICE_ENDING_FILE` first that it runs, and last why it
ended; the next one reads that, logs it and shows it as a metric. Promises: what can end a process by itself is told,
also when it ends by force; who finds that the one before never said anything knows that it was killed. A file that
cannot be written keeps nobody from ending. Without a file nothing is kept. Leaves to `runtime.service` when.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from runtime import logs
from runtime.clock import now_ms

# Kubernetes shows so much of a container's termination message.
WHY_MAX = 2000
KILLED = "killed"
UNREADABLE = "unreadable"
_log = logs.get(__name__)


class Ending(msgspec.Struct, kw_only=True):
    """A process, from its start on. `code` is None until it has said why it ends; `cause` is a word of few."""

    service: str = ""
    instance: str = ""
    pid: int = 0
    started_ms: int = 0
    ended_ms: int = 0
    code: int | None = None
    cause: str = ""
    why: str = ""

    def told(self) -> Ending:
        """Itself; one that said nothing was killed, by a signal that nobody can catch or with its machine."""
        return self if self.code is not None else msgspec.structs.replace(self, cause=self.cause or KILLED)


def read(path: Path) -> Ending | None:
    """What the process before left; None where there was none. Raises OSError."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    if not text.strip():
        return None  # Kubernetes begins with an empty one
    try:
        return msgspec.json.decode(text, type=Ending).told()
    except msgspec.MsgspecError:
        return Ending(cause=UNREADABLE, why="it was cut off while it wrote, or the file is another's")


class Keeper:
    """The ending of this process. The first that is told stands."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._mine = Ending()

    def begin(self, path: Path | None, service: str, instance: str) -> Ending | None:
        """The process runs; gives what the one before left. Raises OSError when the file cannot be read or written."""
        self._path = path
        self._mine = Ending(service=service, instance=instance, pid=os.getpid(), started_ms=now_ms())
        if path is None:
            return None
        before = read(path)
        path.write_bytes(msgspec.json.encode(self._mine))
        return before

    def end(self, code: int, cause: str, why: str = "") -> None:
        """The process ends. Never raises: it is the last act of one that may be in trouble."""
        if self._path is None or self._mine.code is not None:
            return
        self._mine = msgspec.structs.replace(self._mine, ended_ms=now_ms(), code=code, cause=cause, why=why[:WHY_MAX])
        try:
            self._path.write_bytes(msgspec.json.encode(self._mine))
        except OSError as error:
            _log.error("why this process ends is only in the log", problem=str(error), code=code, cause=cause, why=why)


PROCESS = Keeper()
