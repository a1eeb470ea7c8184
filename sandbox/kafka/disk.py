"""A small disk for a broker's data, which can be full: a file system of its own in memory.

It is mounted in a name space of the user's own, so it needs no privileges where Linux lets users have these, shows up
nowhere else on the machine, and is gone with its holder, however that ends; it outlives the broker. Promises: once
`fill` has returned nothing more can be written, and `clear` gives all of that room back.
"""

import errno
import os
import shutil
import time
from pathlib import Path

from sandbox.kafka.process import Child

MIB = 2**20
_START_S = 10.0
_BALLAST = "ballast"
_MOUNT = 'mount -t tmpfs -o size="$1" relevo "$2" && exec sleep infinity'


class NoSmallDisk(Exception):
    """This machine lets nobody mount a file system of his own; the text says what it said."""


class SmallDisk:
    """`size` bytes, seen at `folder` by who is started behind `prefix`, and here at `seen`."""

    def __init__(self, folder: Path, size: int = 256 * MIB) -> None:
        self.folder, self.size = folder.resolve(), size
        self._holder: Child | None = None

    def start(self) -> None:
        """Raises NoSmallDisk."""
        if missing := [tool for tool in ("unshare", "nsenter", "mount") if shutil.which(tool) is None]:
            raise NoSmallDisk(f"there is no {', '.join(missing)} (util-linux)")
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder.with_name(f"{self.folder.name}.disk.log")
        log.write_bytes(b"")
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "disk"]
        self._holder = Child([*command, str(self.size), str(self.folder)], log)
        deadline = time.monotonic() + _START_S
        while not self._reached():
            if self._holder.exit_code is not None or time.monotonic() > deadline:
                self.close()
                raise NoSmallDisk(f"no file system could be mounted: {log.read_text().strip() or 'no answer'}")
            time.sleep(0.02)

    @property
    def mounted(self) -> bool:
        """Whether it is there."""
        return self._holder is not None

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command is started behind to see the disk."""
        own = ("--user", "--mount", "--preserve-credentials", "--target", str(self._pid))
        return ("nsenter", *own, "--")

    @property
    def seen(self) -> Path:
        """Where this process sees it."""
        return Path(f"/proc/{self._pid}/root{self.folder}")

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        found = os.statvfs(self.seen)
        return found.f_bavail * found.f_frsize

    def fill(self) -> int:
        """Until nothing more can be written; returns how many bytes that took."""
        piece, before = bytes(MIB), self.free
        with (self.seen / _BALLAST).open("ab", buffering=0) as ballast:
            while piece:
                try:
                    ballast.write(piece)
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise
                    piece = piece[: len(piece) // 2]
        return before - self.free

    def clear(self) -> None:
        """There is room again."""
        (self.seen / _BALLAST).unlink(missing_ok=True)

    def close(self) -> None:
        """Everything on it is gone. Whoever was started behind `prefix` must have ended."""
        holder, self._holder = self._holder, None
        if holder is not None:
            holder.kill()

    @property
    def _pid(self) -> int:
        if self._holder is None:
            raise RuntimeError("the disk is not there before its start")
        return self._holder.pid

    def _reached(self) -> bool:
        try:
            return os.stat(self.seen).st_dev != os.stat(self.folder).st_dev
        except OSError:
            return False  # the name space is being made
