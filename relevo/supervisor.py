"""Runs services as child processes on one machine: `relevo all`, the demo, tests that kill.

Promises: a child that ends is started again, after a wait that doubles while it keeps ending; one that runs and is not
live (see `liveness`) is ended for that; children end in the reverse order of their start; none outlives the supervisor
for long, however that ends. On a cluster Kubernetes does this work. Leaves to callers: what is run, in which order,
with which environment.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp

from relevo.liveness import PERIOD_S, Liveness, ask
from runtime import ending
from runtime.settings import ServiceSettings
from sandbox.kafka.process import Child

POLL_S = 0.1
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0
STEADY_S = 20.0
GRACE_S = 30.0
PROGRAM = (sys.executable, "-m", "relevo")


class ServiceSpec(NamedTuple):
    """A service to run: the `relevo` command line after the program's name, and its own environment variables. With an
    `admin_port` it is asked there whether it is live; a `program` runs in place of the supervisor's."""

    name: str
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    admin_port: int = 0
    program: tuple[str, ...] = ()


class Exit(NamedTuple):
    """A child ended when nobody had asked it to. `why`: it could not even be started, was not live, or its own word."""

    name: str
    code: int
    why: str = ""


class _Running:
    """One service: its process now, and how often it ended."""

    def __init__(self, spec: ServiceSpec, folder: Path) -> None:
        self.spec = spec
        self.log = folder / f"{spec.name}.log"
        self.ending = folder / f"{spec.name}.ending"
        self.child: Child | None = None
        self.started = 0.0
        self.wait_s = FIRST_WAIT_S
        self.due = 0.0
        self.liveness = Liveness(0.0)
        self.given_up = ""  # why it must end, once it must
        self.kill_at = 0.0
        self.once: Mapping[str, str] = {}

    def start(self, program: Sequence[str], env: Mapping[str, str]) -> None:
        self.started = time.monotonic()
        self.liveness, self.given_up = Liveness(self.started), ""
        ends = {ServiceSettings.variable("ending_file"): str(self.ending)}
        whole = {**env, **ends, **self.spec.env, **self.once}
        self.child = Child([*(self.spec.program or program), *self.spec.arguments], self.log, env=whole)
        self.once = {}

    def said(self, pid: int) -> str:
        """Why that process of it ended, in its own words; empty where it left none."""
        try:
            left = ending.read(self.ending)
        except OSError:
            return ""  # what it left is also in its log
        return f"{left.cause}: {left.why}" if left is not None and (left.pid, left.ended_ms > 0) == (pid, True) else ""


class Supervisor:
    """The services of one machine. `program` runs with a service's arguments; `period_s` is how often each is asked.

    `on_exit` hears of each child that ended unasked, `on_given_up` of each that is to end as it is not live.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        on_exit: Callable[[Exit], None] | None = None,
        program: Sequence[str] = PROGRAM,
        *,
        on_given_up: Callable[[str, str], None] | None = None,
        period_s: float = PERIOD_S,
        grace_s: float = GRACE_S,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program
        self._folder = folder
        self._env = dict(env)
        self._on_exit = on_exit or (lambda exit: None)
        self._on_given_up = on_given_up or (lambda name, why: None)
        self._period_s = period_s
        self._grace_s = grace_s
        self._services: dict[str, _Running] = {}
        self._watch: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self.exits: list[Exit] = []

    def start(self, spec: ServiceSpec) -> None:
        """Start a service and keep it running."""
        running = self._services[spec.name] = _Running(spec, self._folder)
        running.start(self._program, self._env)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._keep(), name="supervisor")

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a service, as a fault would; it is started again when it ends."""
        child = self._services[name].child
        if child is not None:
            child.send(number)

    async def again(self, name: str, once: Mapping[str, str] | None = None, deadline_s: float = 25.0) -> None:
        """End a service as its host would, and start it again at once; with further environment, for this time only."""
        running = self._services[name]
        child, running.child, running.due = running.child, None, math.inf
        if child is not None:
            await asyncio.to_thread(child.stop, deadline_s)
        running.once, running.wait_s, running.due = dict(once or {}), FIRST_WAIT_S, 0.0

    async def end(self, name: str, deadline_s: float = 25.0) -> None:
        """End a service and forget it."""
        running = self._services.pop(name)
        if running.child is not None:
            await asyncio.to_thread(running.child.stop, deadline_s)

    @property
    def names(self) -> list[str]:
        """The services that are kept running, in the order of their start."""
        return list(self._services)

    def pid(self, name: str) -> int:
        """The process id of a service; 0 while it does not run."""
        child = self._services[name].child
        return child.pid if child is not None and child.exit_code is None else 0

    def log(self, name: str) -> Path:
        """The file that holds what a service wrote."""
        return self._services[name].log

    async def ready(self, name: str, timeout_s: float) -> None:
        """Returns when the service's admin server says that it is ready; TimeoutError names what it waits for."""
        url = f"http://127.0.0.1:{self._services[name].spec.admin_port}/ready"
        deadline = time.monotonic() + timeout_s
        answer = "no answer"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while time.monotonic() < deadline:
                try:
                    async with session.get(url) as response:
                        answer = await response.text()
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError) as error:
                    answer = repr(error)
                await asyncio.sleep(POLL_S)
        raise TimeoutError(f"{name} was not ready within {timeout_s:.0f} s: {answer}; see {self.log(name)}")

    async def stop(self, deadline_s: float = 25.0) -> list[str]:
        """Stop all, last started first; the names of those that had to be killed.

        Raises what ended the watching, as what `on_exit` raised, once all have ended.
        """
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
        forced = []
        for running in reversed(self._services.values()):
            child = running.child
            if child is not None and not await asyncio.to_thread(child.stop, deadline_s):
                forced.append(running.spec.name)
        if self._failure is not None:
            raise self._failure
        return forced

    async def _keep(self) -> None:
        async with aiohttp.ClientSession() as session:
            asking = asyncio.get_running_loop().create_task(self._ask_all(session), name="liveness")
            try:
                while not asking.done():
                    for running in list(self._services.values()):
                        self._look(running, time.monotonic())
                    await asyncio.sleep(POLL_S)
                asking.result()
            except Exception as error:  # noqa: BLE001  `stop` raises it
                self._failure = error
            finally:
                asking.cancel()

    async def _ask_all(self, session: aiohttp.ClientSession) -> None:
        """All side by side, so that one that does not answer keeps nobody from being asked."""
        while True:
            await asyncio.sleep(self._period_s)
            await asyncio.gather(*(self._ask(session, running) for running in list(self._services.values())))

    async def _ask(self, session: aiohttp.ClientSession, running: _Running) -> None:
        child = running.child
        if child is None or not running.spec.admin_port or running.given_up:
            return
        failure = await ask(session, running.spec.admin_port)
        if running.child is not child:
            return  # it ended meanwhile, and what runs now was not asked
        now = time.monotonic()
        running.given_up = running.liveness.heard(failure, now)
        if running.given_up:
            running.kill_at = now + self._grace_s
            child.send(signal.SIGTERM)
            self._on_given_up(running.spec.name, running.given_up)

    def _look(self, running: _Running, now: float) -> None:
        child = running.child
        if child is None:
            if now >= running.due:
                self._start_again(running, now)
            return
        code = child.exit_code
        if code is None:
            if running.given_up and now >= running.kill_at:
                child.send(signal.SIGKILL)
            return
        child.kill()  # it has ended: this only lets its watchdog go
        running.child = None
        why = running.given_up or (running.said(child.pid) if code else "")
        self._ended(running, Exit(running.spec.name, code, why), now)

    def _start_again(self, running: _Running, now: float) -> None:
        try:
            running.start(self._program, self._env)
        except OSError as error:  # no memory, no process, no room for its log: later, perhaps
            self._ended(running, Exit(running.spec.name, os.EX_OSERR, str(error)), now)

    def _ended(self, running: _Running, ended: Exit, now: float) -> None:
        if now - running.started > STEADY_S:
            running.wait_s = FIRST_WAIT_S
        running.due = now + running.wait_s
        running.wait_s = min(running.wait_s * 2, LONGEST_WAIT_S)
        self.exits.append(ended)
        self._on_exit(ended)
