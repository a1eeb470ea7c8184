"""How a service starts, stops and dies, as processes of their own."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime import metrics, service
from runtime.service import Service
from runtime.settings import KafkaSettings, ServiceSettings

HEAD = """
import asyncio, sys, threading, time
from runtime import service
from runtime.settings import KafkaSettings, load
def started(): print("up", flush=True)
"""


class Process:
    """A script that runs `main` as a service; its log lines are JSON on standard error."""

    def __init__(self, body: str, tmp_path: Path, **variables: str) -> None:
        script = tmp_path / "service.py"
        script.write_text(HEAD + textwrap.dedent(body) + '\nservice.run(main, name="test")\n')
        environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVO_")}
        environ |= {"RELEVO_SERVICE_LOG_FORMAT": "json", "RELEVO_SERVICE_STOP_S": "1", **variables}
        self.log = tmp_path / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script)], env=environ, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def wait_until_up(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n", self.log.read_text()

    def code(self) -> int:
        return self.process.wait(30)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines()]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Starts one `Process` from the text of its main; ends it with the test."""
    made: list[Process] = []

    def start(body: str, **variables: str) -> Process:
        made.append(Process(body, tmp_path, **variables))
        return made[-1]

    yield start
    for process in made:
        process.process.kill()
        process.process.communicate()


WAITS = """
async def main(s):
    started()
    await s.stopping.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_gracefully(started: Any, number: signal.Signals) -> None:
    process = started(WAITS)
    process.wait_until_up()
    process.process.send_signal(number)
    assert process.code() == service.EXIT_OK
    assert process.events() == ["started", "stopping", "stopped"]
    assert process.lines()[1]["why"] == number.name


def test_the_start_is_logged_with_versions_and_settings(started: Any) -> None:
    process = started("async def main(s): pass", RELEVO_SERVICE_INSTANCE="seven")
    assert process.code() == service.EXIT_OK
    line = process.lines()[0]
    assert line["settings"]["RELEVO_SERVICE_INSTANCE"] == "seven"
    assert re.match(r"\d+\.\d+", line["versions"]["confluent-kafka"])
    assert line["admin_port"] > 0


def test_a_stop_that_takes_too_long_is_forced(started: Any) -> None:
    process = started(
        """
        async def main(s):
            started()
            await s.stopping.wait()
            await asyncio.Event().wait()
        """
    )
    process.wait_until_up()
    process.process.terminate()
    assert process.code() == service.EXIT_FORCED
    assert "ending by force" in process.events()[-1]


def test_a_stop_is_forced_even_when_the_event_loop_hangs(started: Any) -> None:
    process = started(
        """
        async def main(s):
            started()
            await s.stopping.wait()
            time.sleep(60)
        """
    )
    process.wait_until_up()
    process.process.terminate()
    assert process.code() == service.EXIT_FORCED
    assert "service.py" in process.log.read_text(), "the traceback says where it hangs"


def stacks_told(process: Process) -> dict[str, Any]:
    """The line of the log with the stacks, once it is there."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for line in process.lines():
            if line["event"] == "where all threads and tasks are":
                return line
        time.sleep(0.05)
    raise AssertionError(process.log.read_text())


def test_who_asks_by_a_signal_is_told_where_everything_is(started: Any) -> None:
    process = started(
        """
        async def stands_here():
            await asyncio.Event().wait()
        async def main(s):
            s.spawn(stands_here(), name="a part")
            await asyncio.sleep(0)
            started()
            await s.stopping.wait()
        """
    )
    process.wait_until_up()
    process.process.send_signal(signal.SIGUSR1)
    told = stacks_told(process)
    assert told["why"] == "signal"
    assert "in stands_here" in told["stack"][told["stack"].index("a task of main: a part") :]
    assert "Current thread" in process.log.read_text(), "and faulthandler, which needs no Python"
    process.process.terminate()
    assert process.code() == service.EXIT_OK


def test_a_service_whose_event_loop_hangs_tells_where(started: Any) -> None:
    process = started(
        """
        def hangs_here():
            time.sleep(300)
        async def main(s):
            await asyncio.sleep(0.6)  # a tick of the watch
            started()
            hangs_here()
        """,
        RELEVO_SERVICE_LOOP_LAG_S="0.7",
    )
    process.wait_until_up()
    told = stacks_told(process)
    assert told["why"] == "stall"
    assert "event loop: blocked for" in told["failing"]
    assert "in hangs_here" in told["stack"]


def test_a_second_signal_ends_it_at_once(started: Any) -> None:
    process = started(
        """
        async def main(s):
            started()
            await s.stopping.wait()
            started()
            await asyncio.Event().wait()
        """,
        RELEVO_SERVICE_STOP_S="60",
    )
    process.wait_until_up()
    process.process.terminate()
    process.wait_until_up()
    process.process.terminate()
    assert process.code() == service.EXIT_FORCED
    assert "second signal" in process.events()[-1]


@pytest.mark.parametrize(
    "death",
    [
        's.spawn(die(), name="lines")',
        "asyncio.create_task(die(), name='lines')",
        "threading.Thread(target=lambda: 1/0, name='lines').start()",
    ],
    ids=["spawned task", "forgotten task", "thread"],
)
def test_a_part_that_dies_ends_the_service_and_is_named(started: Any, death: str) -> None:
    process = started(
        f"""
        async def die():
            raise ZeroDivisionError("for 56912345678")
        async def main(s):
            {death}
            await s.stopping.wait()
        """
    )
    assert process.code() == service.EXIT_TASK_FAILED
    (line,) = (line for line in process.lines() if line["event"] == "a part of the service died")
    assert line["part"] == "lines"
    assert "ZeroDivisionError" in line["exception"]
    assert "56912345678" not in process.log.read_text()


def test_a_main_that_raises_has_a_code_of_its_own(started: Any) -> None:
    process = started("async def main(s): raise ValueError('no')")
    assert process.code() == service.EXIT_MAIN_FAILED
    assert "ValueError: no" in process.lines()[1]["exception"]


def test_a_service_that_cannot_start_says_what_to_do_without_a_traceback(started: Any) -> None:
    process = started("async def main(s): raise service.CannotStart('run relevo topics apply')")
    assert process.code() == service.EXIT_CANNOT_START
    assert process.lines()[1]["why"] == "run relevo topics apply"
    assert "Traceback" not in process.log.read_text()


def test_a_taken_admin_port_is_told(started: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = started(WAITS, RELEVO_SERVICE_ADMIN_PORT=str(taken.getsockname()[1]))
        assert process.code() == service.EXIT_CANNOT_START
    assert "check RELEVO_SERVICE_ADMIN_*" in process.lines()[0]["why"]


def test_wrong_settings_end_it_before_it_starts(started: Any) -> None:
    process = started("async def main(s): load(KafkaSettings)", RELEVO_SERVICE_STOP="3")
    assert process.code() == service.EXIT_CANNOT_START
    assert "RELEVO_SERVICE_STOP: no such setting; did you mean RELEVO_SERVICE_STOP_S?" in process.log.read_text()


def test_a_thread_that_never_ends_does_not_keep_the_process(started: Any) -> None:
    process = started(
        """
        async def main(s):
            threading.Thread(target=time.sleep, args=(300,), name="reader").start()
        """
    )
    assert process.code() == service.EXIT_FORCED
    assert process.events()[:3] == ["started", "stopping", "stopped"]


def in_process(main: service.Main) -> int:
    return service.run_to_end(main, name="test", settings=ServiceSettings(log_format="json"), areas=[KafkaSettings()])


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    import logging

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_logging_restored")
def test_background_work_is_cancelled_at_the_end_and_live_before() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    async def main(s: Service) -> None:
        s.spawn(work(), name="work")
        await asyncio.sleep(0)
        seen.append(f"live {s.health.live}")

    assert in_process(main) == 0
    assert seen == ["live True", "cancelled"]


@pytest.mark.usefixtures("_logging_restored")
def test_a_peers_error_in_a_transport_does_not_end_the_service() -> None:
    async def main(s: Service) -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "SSL handshake failed", "exception": ConnectionError("rude")})
        lost = loop.create_future()
        loop.call_exception_handler({"message": "never retrieved", "exception": OSError("x"), "future": lost})
        assert not s.stopping.is_set()
        assert s.health.live

    assert in_process(main) == 0


@pytest.mark.usefixtures("_logging_restored")
def test_a_part_that_dies_fails_liveness() -> None:
    async def die() -> None:
        raise KeyError("x")

    async def main(s: Service) -> None:
        s.spawn(die(), name="lines")
        await s.stopping.wait()
        assert [tuple(f) for f in s.health.live_failures(0)] == [("lines", "died: KeyError")]

    assert in_process(main) == service.EXIT_TASK_FAILED


@pytest.mark.usefixtures("_logging_restored")
def test_how_many_tenants_have_a_label_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.PROCESS, "tenants_max", 50)
    monkeypatch.setenv("RELEVO_TENANTS_LABEL_TOP", "3")

    async def main(s: Service) -> None:
        assert metrics.PROCESS.tenants_max == 3

    assert in_process(main) == 0
