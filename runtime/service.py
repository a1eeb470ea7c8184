"""A service as a process: it starts, is watched, stops in time, and never dies silently.

`run(main, name=…)` runs `main(service)` on uvloop beside the admin server. `main` starts its parts, waits for
`service.stopping`, and stops them. SIGTERM and SIGINT set it; a stop that takes longer than `stop_s` ends the process
by force (exit code 75), as does a second signal. A background task or thread that ends by an exception is logged
and stops the service with code 71, for a supervisor to start it again. Why it ended is kept in a file for the next
start (`runtime.ending`). When it stands still (`runtime.witness`), and at SIGUSR1, the log is told where all threads
and tasks are. Leaves to `main`: the order of its parts.
"""

import asyncio
import contextlib
import faulthandler
import os
import platform
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

import msgspec
import uvloop

from runtime import ending, logs, metrics, stacks
from runtime.admin import Admin
from runtime.health import Health, watch_loop
from runtime.secrets import KeyRingError
from runtime.settings import Area, ServiceSettings, SettingsError, TenantsSettings, describe, load
from runtime.witness import Witness

ASKS = signal.SIGUSR1  # where is everything?
LAST_S = 2  # for threads that still run when all is stopped

EXIT_OK = 0
EXIT_MAIN_FAILED = 70
EXIT_TASK_FAILED = 71
EXIT_FORCED = 75
EXIT_CANNOT_START = 78

_VERSIONS = ("relevo", "confluent-kafka", "aiokafka", "faust-streaming", "aiohttp")

Main = Callable[["Service"], Awaitable[None]]


class CannotStart(Exception):
    """The service cannot work as it is configured; the text says what to do. No traceback is logged, the code is 78."""


class Service:
    """What `main` gets: health, supervised tasks, and the event that tells it to stop."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name = name
        self.settings = settings
        self.health = Health(stall_s=settings.stall_s, loop_lag_s=settings.loop_lag_s, starting=True)
        self.stopping = asyncio.Event()
        self.admin = Admin(self.health, host=settings.admin_host, port=settings.admin_port)
        self.log = logs.get(f"service.{name}")
        self.code = EXIT_OK
        self.cause = self.why = ""
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watchdog: threading.Timer | None = None

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `work` in the background; if it ends by an exception the service ends with code 71."""
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def stop(self, why: str) -> None:
        """Begin the graceful stop; what is not done within `stop_s` is cut off."""
        if self.stopping.is_set():
            return
        self.log.info("stopping", why=why, stop_s=self.settings.stop_s)
        self._watchdog = _watchdog(self.settings.stop_s)
        self.stopping.set()

    def fail(self, part: str, error: BaseException) -> None:
        """A part died: log it, fail liveness, and stop with code 71. Safe to call more than once."""
        self.log.error("a part of the service died", part=part, exc_info=error)
        metrics.counter(metrics.SERVICE_TASK_FAILURES).labels(task=part).inc()
        self.health.dead(part, f"died: {type(error).__name__}")
        self.ends(self.code or EXIT_TASK_FAILED, type(error).__name__, f"{part}: {error}")
        self.stop(f"{part} died")

    def ends(self, code: int, cause: str, why: str) -> None:
        """With which code the process will end, and why: what is said first is the cause, the rest follows from it."""
        self.code = code
        if not self.cause:
            self.cause, self.why = cause, why

    def fail_threadsafe(self, part: str, error: BaseException) -> None:
        """`fail` from another thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is at its end already
            self._loop.call_soon_threadsafe(self.fail, part, error)

    async def end(self) -> None:
        """Cancel what still runs in the background and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.admin.stop()

    def disarm(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(task.get_name(), error)


def run(main: Main, *, name: str, settings: ServiceSettings | None = None, areas: Sequence[Area] = ()) -> NoReturn:
    """Run a service as this process and exit with its code. `areas` are the settings to log at start."""
    code = run_to_end(main, name=name, settings=settings, areas=areas)
    _watchdog(LAST_S)  # a thread that never ends must not keep the process
    sys.exit(code)


def run_to_end(main: Main, *, name: str, settings: ServiceSettings | None = None, areas: Sequence[Area] = ()) -> int:
    """`run`, but returning the exit code."""
    try:
        settings = settings or load(ServiceSettings)
        metrics.PROCESS.tenants_max = load(TenantsSettings).label_top
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_START
    logs.configure(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(main, name, settings, areas))


async def _serve(main: Main, name: str, settings: ServiceSettings, areas: Sequence[Area]) -> int:
    service = Service(name, settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _signalled, service, number)
    loop.set_exception_handler(_handler(service))
    threading.excepthook = _thread_hook(service)
    witness = _witness(service, loop)
    try:
        await _guarded(main, service, areas)
        service.stop("main has ended")
        await service.end()
        service.log.info("stopped", exit_code=service.code)
        ending.PROCESS.end(service.code, service.cause or "stopped", service.why)
        return service.code
    finally:
        service.disarm()
        witness.stop()
        faulthandler.unregister(ASKS)
        threading.excepthook = threading.__excepthook__


def _witness(service: Service, loop: asyncio.AbstractEventLoop) -> Witness:
    """Tells where everything is when the service stands still, and when it is asked by a signal. To that
    `faulthandler` answers, too: also when no Python runs any more, but of threads alone."""
    stacks.watch("main", loop)
    loop.add_signal_handler(ASKS, stacks.tell, "signal")
    faulthandler.register(ASKS, file=sys.__stderr__ or sys.stderr, all_threads=True, chain=True)
    witness = Witness(service.health)
    witness.start()
    return witness


async def _guarded(main: Main, service: Service, areas: Sequence[Area]) -> None:
    """Start the admin server and run main; what it raises becomes the exit code."""
    try:
        _remember(service)
        _announce(service, await _start_admin(service), areas)
        service.spawn(watch_loop(service.health), name="loop watch")
        await main(service)
    except (CannotStart, SettingsError, KeyRingError) as error:
        service.log.error("cannot start", why=str(error))  # noqa: TRY400  the text says it all, a traceback hides it
        service.ends(EXIT_CANNOT_START, type(error).__name__, str(error))
    except Exception as error:
        service.log.exception("main failed")
        service.ends(EXIT_MAIN_FAILED, type(error).__name__, str(error))


def _remember(service: Service) -> None:
    """Shows why the process before this one ended, and says that this one runs."""
    settings = service.settings
    try:
        before = ending.PROCESS.begin(settings.ending_file, service.name, settings.instance)
    except OSError as error:
        raise CannotStart(f"{settings.variable('ending_file')}: {error}") from None
    if before is None:
        return
    code = "" if before.code is None else str(before.code)
    service.log.info("the process before this one ended", **msgspec.structs.asdict(before))
    shown = metrics.gauge(metrics.SERVICE_PREVIOUS_END)
    at_ms = before.ended_ms or before.started_ms
    shown.labels(service=service.name, code=code, cause=before.cause).set(at_ms / 1000)


async def _start_admin(service: Service) -> int:
    try:
        return await service.admin.start()
    except OSError as error:
        raise CannotStart(f"the admin server cannot listen ({error}): check RELEVO_SERVICE_ADMIN_*") from None


def _announce(service: Service, port: int, areas: Sequence[Area]) -> None:
    versions = {name: _version(name) for name in _VERSIONS}
    shown = {name: value for area in (service.settings, *areas) for name, value in describe(area).items()}
    service.log.info(
        "started", pid=os.getpid(), admin_port=port, python=platform.python_version(), versions=versions, settings=shown
    )
    build = metrics.gauge(metrics.SERVICE_BUILD)
    build.labels(service=service.name, version=versions["relevo"]).set(1)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _signalled(service: Service, number: signal.Signals) -> None:
    if service.stopping.is_set():
        service.log.warning("a second signal: ending at once", signal=number.name)
        ending.PROCESS.end(EXIT_FORCED, "second_signal", number.name)
        os._exit(EXIT_FORCED)
    service.stop(number.name)


def _handler(service: Service) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """What becomes of exceptions that reach the event loop.

    A task that nobody awaited is a part that died. Others (a peer that breaks TLS, a future whose reader is gone)
    are logged: a stranger must not be able to end the process.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        task = context.get("task") or context.get("future")
        if isinstance(error, Exception) and isinstance(task, asyncio.Task):
            service.fail(task.get_name() if not task.get_name().startswith("Task-") else "unnamed task", error)
            return
        metrics.counter(metrics.SERVICE_TASK_FAILURES).labels(task="event loop").inc()
        service.log.error("event loop", message=context.get("message"), exc_info=error)

    return handle


def _thread_hook(service: Service) -> Callable[[threading.ExceptHookArgs], None]:
    def handle(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            service.fail_threadsafe(args.thread.name if args.thread else "thread", args.exc_value)

    return handle


def _watchdog(seconds: float) -> threading.Timer:
    """Ends the process in so many seconds, whatever it does by then; says where each thread hangs."""
    timer = threading.Timer(seconds, _end_by_force, (seconds,))
    timer.daemon = True
    timer.name = "stop watchdog"
    timer.start()
    return timer


def _end_by_force(seconds: float) -> None:
    try:
        logs.get("service").error("still running after the time for a stop: ending by force", stop_s=seconds)
        ending.PROCESS.end(EXIT_FORCED, "stop_timeout", f"still running {seconds:g} s after it was to stop")
        faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr, all_threads=True)
    finally:
        os._exit(EXIT_FORCED)
