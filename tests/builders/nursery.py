"""Services as processes of their own, born of one that has loaded them: a start costs no second of imports.

`Nursery().start(...)` gives a process that behaves like one of `subprocess.Popen`: a pid of its own, killed with -9 by
whoever likes, its exit code. It is forked from a process with one thread, that has imported the services and nothing
else has happened in; from there on it does what `python -m MODULE` or `python -c CODE` does, in the environment and
folder that it is told. Linux alone. The tests of all services (`tests/system`) start theirs the usual way.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LOADED = (
    "egress.lines.process.service",
    "egress.lease.service",
    "ingress.webhooks.service",
    "processors.agents.service",
    "processors.conversations.service",
)
LONGEST = 1 << 20  # of an order, in bytes


class Order(NamedTuple):
    """What is to run: a module's name, or code; `arguments` are the rest of `sys.argv`."""

    module: str = ""
    code: str = ""
    arguments: Sequence[str] = ()


class Born:
    """A process of the nursery's, with what the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, report: socket.socket) -> None:
        self.pid = pid
        self.report = report  # its exit code comes here
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self.report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.ended(self.report.recv(LONGEST))
        assert self.returncode is not None
        return self.returncode

    def ended(self, said: bytes) -> None:
        """What the nursery reported of its end."""
        assert said, "the nursery is gone"
        self.returncode = int(said)
        self.report.close()

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __del__(self) -> None:
        self.report.close()


class Attended:
    """A process of the nursery's on an event loop, with what the tests use of `asyncio.subprocess.Process`."""

    def __init__(self, born: Born, stderr: asyncio.StreamReader) -> None:
        self.pid, self.stderr = born.pid, stderr
        self._born = born
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(born.report, self._hear)

    @property
    def returncode(self) -> int | None:
        return self._born.returncode

    async def wait(self) -> int:
        """The exit code, negative for a signal."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError for one that is known to have ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _hear(self) -> None:
        self._loop.remove_reader(self._born.report)
        self._born.ended(self._born.report.recv(LONGEST))
        self._ended.set()


class Nursery:
    """The process that has loaded the services; it ends with this one, and so do its children."""

    def __init__(self, loaded: Sequence[str] = LOADED) -> None:
        self._orders, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
        command = [sys.executable, "-m", "tests.builders.nursery", str(there.fileno()), *loaded]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environ, pass_fds=[there.fileno()])
        there.close()
        atexit.register(self.close)

    def close(self) -> None:
        """Ends it and its children."""
        self._orders.close()
        self._process.wait(30)

    def start(
        self, order: Order, environ: Mapping[str, str], *, stdout: int = 1, stderr: int = 2, cwd: Path = ROOT
    ) -> Born:
        """Its outputs are file descriptors of this process, which it gets copies of."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        told = json.dumps([order._asdict(), dict(environ), str(cwd)]).encode()
        with there:
            socket.send_fds(self._orders, [told], [stdout, stderr, there.fileno()])
        pid = here.recv(LONGEST)
        assert pid, "the nursery is gone"
        return Born(int(pid), here)


@functools.cache
def own() -> Nursery:
    """This process' own nursery: whoever asks early finds it loaded later."""
    return Nursery()


def start(order: Order, environ: Mapping[str, str], *, stdout: int = 1, stderr: int = 2, cwd: Path = ROOT) -> Born:
    """A process of this process' own nursery."""
    return own().start(order, environ, stdout=stdout, stderr=stderr, cwd=cwd)


async def attended(order: Order, environ: Mapping[str, str]) -> Attended:
    """The same on an event loop; what it says on its standard error is read there."""
    reader = asyncio.StreamReader()
    here, there = os.pipe()
    try:
        born = start(order, environ, stderr=there)
    finally:
        os.close(there)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(here, "rb")
    )
    return Attended(born, reader)


class _Server:
    """The nursery's own side."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._reports: dict[int, socket.socket] = {}
        self._woken, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno())

    def serve(self) -> tuple[Order, Mapping[str, str], str] | None:
        """Returns an order in each child, and None in the nursery once nobody can order any more."""
        while True:
            ready, _, _ = select.select([self._orders, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(LONGEST)
                self._reap()
            if self._orders in ready:
                told, fds, _, _ = socket.recv_fds(self._orders, LONGEST, 3)
                if not told:
                    return None
                if (order := self._fork(told, fds)) is not None:
                    return order

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                report = self._reports.pop(pid)
                with report, contextlib.suppress(BrokenPipeError):
                    report.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _fork(self, told: bytes, fds: Sequence[int]) -> tuple[Order, Mapping[str, str], str] | None:
        assert threading.active_count() == len(os.listdir("/proc/self/task")) == 1, "no fork beside other threads"
        stdout, stderr, report = fds
        pid = os.fork()
        if pid:
            os.close(stdout)
            os.close(stderr)
            self._reports[pid] = socket.socket(fileno=report)
            self._reports[pid].send(str(pid).encode())
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._orders, self._woken, self._wakes, *self._reports.values()):
            end.close()
        os.close(report)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.close(stdout)
        os.close(stderr)
        order, environ, cwd = json.loads(told)
        return Order(**order), environ, cwd

    def end(self) -> None:
        """Nobody is left who could end its children."""
        for pid in self._reports:
            os.kill(pid, signal.SIGKILL)


def _become(order: Order, environ: Mapping[str, str], cwd: str) -> None:
    """What `python -m` or `python -c` does."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    importlib.reload(importlib.import_module("runtime.points"))  # it reads the environment as it is imported
    sys.argv = [order.module or "-c", *order.arguments]
    sys.path[1:1] = [one for one in environ.get("PYTHONPATH", "").split(os.pathsep) if one not in {"", *sys.path}]
    if order.module:
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)
    else:
        exec(compile(order.code, "<string>", "exec"), {"__name__": "__main__"})


def main(orders: int, loaded: Sequence[str]) -> None:
    """Loads modules, then serves until the owner is gone; a child returns from here, too, when it has ended."""
    for module in loaded:
        importlib.import_module(module)
    server = _Server(socket.socket(fileno=orders))
    child = server.serve()
    if child is None:
        server.end()
    else:
        _become(*child)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
