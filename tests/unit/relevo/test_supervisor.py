"""The supervisor keeps services running, stops them in order, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from relevo.liveness import BEGIN_S, Liveness
from relevo.supervisor import FIRST_WAIT_S, LONGEST_WAIT_S, STEADY_S, Exit, ServiceSpec, Supervisor
from sandbox.kafka.ports import free_ports

SERVE = "import time, signal; print('up', flush=True); time.sleep(60)"
STUBBORN = "import time, signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PYTHON = (sys.executable, "-I", "-S", "-c")


def spec(name: str, code: str = SERVE, **env: str) -> ServiceSpec:
    return ServiceSpec(name, (code,), env)


async def until(condition: Callable[[], bool], within_s: float = 15) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


def up(supervisor: Supervisor, name: str) -> Callable[[], bool]:
    return lambda: "up" in supervisor.log(name).read_text()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    made = Supervisor(tmp_path / "logs", {"SHARED": "1"}, program=PYTHON)
    yield made
    await made.stop(0.1)


async def test_a_service_gets_both_environments_and_its_own_wins(supervisor: Supervisor) -> None:
    code = (
        "import os; print('up', os.environ['SHARED'], os.environ.get('OWN'), flush=True); import time; time.sleep(60)"
    )
    supervisor.start(spec("a", code, OWN="2"))
    supervisor.start(spec("b", code, SHARED="3"))
    await until(lambda: up(supervisor, "a")() and up(supervisor, "b")())
    assert supervisor.log("a").read_text() == "up 1 2\n"
    assert supervisor.log("b").read_text() == "up 3 None\n"


async def test_a_killed_service_is_started_again_and_its_end_is_told(tmp_path: Path) -> None:
    told: list[Exit] = []
    supervisor = Supervisor(tmp_path, {}, told.append, PYTHON)
    supervisor.start(spec("a"))
    first = supervisor.pid("a")
    await until(up(supervisor, "a"))
    supervisor.kill("a")
    await until(lambda: supervisor.pid("a") not in (0, first))
    assert told == supervisor.exits == [Exit("a", -signal.SIGKILL)]
    assert await supervisor.stop() == []
    assert not alive(first)


LEAVES_WORD = """
import json, os, pathlib
word = {"pid": os.getpid(), "ended_ms": 1, "code": 73, "cause": "UNKNOWN_MEMBER_ID", "why": "the lines are lost"}
pathlib.Path(os.environ["RELEVO_SERVICE_ENDING_FILE"]).write_text(json.dumps(word))
raise SystemExit(73)
"""


async def test_a_service_that_leaves_word_why_it_ended_is_quoted_and_another_one_not(supervisor: Supervisor) -> None:
    supervisor.start(spec("a", LEAVES_WORD))
    await until(lambda: len(supervisor.exits) == 1)
    supervisor.start(spec("b", "raise SystemExit(7)"))
    await until(lambda: len(supervisor.exits) == 2)
    assert supervisor.exits == [Exit("a", 73, "UNKNOWN_MEMBER_ID: the lines are lost"), Exit("b", 7)]


async def test_a_service_that_keeps_ending_waits_longer_each_time(supervisor: Supervisor) -> None:
    supervisor.start(spec("a", "raise SystemExit(7)"))
    running = supervisor._services["a"]
    waits: list[float] = []
    for number in range(1, 4):
        await until(lambda: len(supervisor.exits) == number)  # noqa: B023
        waits.append(running.due - time.monotonic())
    assert supervisor.exits == [Exit("a", 7)] * 3
    assert waits == [pytest.approx(FIRST_WAIT_S * 2**n, abs=0.2) for n in range(3)]


async def test_the_wait_has_an_end_and_begins_anew_after_a_steady_time(supervisor: Supervisor) -> None:
    supervisor.start(spec("a", "pass"))
    running = supervisor._services["a"]
    supervisor._watch.cancel()  # type: ignore[union-attr]  # the clock is ours from here on
    now = running.started
    for _ in range(10):
        await until(lambda: running.child is not None and running.child.exit_code is not None)
        supervisor._look(running, now)
        wait, now = running.due - now, running.due
        supervisor._look(running, now)
        running.started = now
    assert wait == LONGEST_WAIT_S
    await until(lambda: running.child is not None and running.child.exit_code is not None)
    supervisor._look(running, now + STEADY_S + 1)
    assert running.due - (now + STEADY_S + 1) == pytest.approx(FIRST_WAIT_S)
    assert supervisor.pid("a") == 0


async def test_services_stop_in_the_reverse_order_of_their_start(supervisor: Supervisor, tmp_path: Path) -> None:
    book = tmp_path / "stopped"
    code = (
        "import signal, sys, time\n"
        f"def end(*_):\n    open({str(book)!r}, 'a').write(NAME)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(60)"
    )
    for name in "abc":
        supervisor.start(spec(name, code.replace("NAME", repr(name))))
        await until(up(supervisor, name))
    assert await supervisor.stop() == []
    assert book.read_text() == "cba"
    assert supervisor.exits == []


async def test_a_service_that_does_not_stop_is_killed_and_named(supervisor: Supervisor) -> None:
    supervisor.start(spec("quick"))
    supervisor.start(spec("stubborn", STUBBORN))
    await until(lambda: up(supervisor, "quick")() and up(supervisor, "stubborn")())
    pids = [supervisor.pid("quick"), supervisor.pid("stubborn")]
    assert await supervisor.stop(0.3) == ["stubborn"]
    assert [alive(pid) for pid in pids] == [False, False]


async def test_a_paused_service_stops_too(supervisor: Supervisor) -> None:
    supervisor.start(spec("a"))
    await until(up(supervisor, "a"))
    supervisor.kill("a", signal.SIGSTOP)
    assert await supervisor.stop(10) == []


async def test_a_stopped_supervisor_starts_nothing_again(supervisor: Supervisor) -> None:
    supervisor.start(spec("a", "raise SystemExit(1)"))
    await until(lambda: len(supervisor.exits) == 1)
    await supervisor.stop()
    due = supervisor._services["a"].due
    await until(lambda: time.monotonic() > due + 0.3)
    assert supervisor.pid("a") == 0


async def test_a_failure_of_what_hears_of_ends_is_raised_once_all_have_ended(tmp_path: Path) -> None:
    def broken(ended: Exit) -> None:
        raise RuntimeError("the console is gone")

    supervisor = Supervisor(tmp_path, {}, broken, PYTHON)
    for name in "ab":
        supervisor.start(spec(name))
    pid = supervisor.pid("b")
    supervisor.kill("a")
    await until(lambda: bool(supervisor.exits))
    with pytest.raises(RuntimeError, match="console"):
        await supervisor.stop()
    assert not alive(pid)


async def test_a_service_that_cannot_be_started_again_is_told_and_tried_later(supervisor: Supervisor) -> None:
    supervisor.start(spec("a", "pass"))
    log = supervisor.log("a")
    await until(lambda: len(supervisor.exits) == 1)
    log.unlink()
    log.mkdir()
    await until(lambda: len(supervisor.exits) == 2)
    assert supervisor.exits[1] == Exit("a", os.EX_OSERR, f"[Errno 21] Is a directory: '{log}'")
    log.rmdir()
    await until(lambda: len(supervisor.exits) == 3)
    assert supervisor.exits[2] == Exit("a", 0)


OWNER = """
import asyncio, os, sys, time
from pathlib import Path
from relevo.supervisor import ServiceSpec, Supervisor
async def main():
    supervisor = Supervisor(Path(sys.argv[1]), {}, program=(sys.executable, "-I", "-S", "-c"))
    for name in "ab":
        supervisor.start(ServiceSpec(name, ("import time; time.sleep(60)",), {}))
    print(supervisor.pid("a"), supervisor.pid("b"), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_no_service_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert [alive(pid) for pid in pids] == [True, True]
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a service outlived its supervisor"
        time.sleep(0.05)


async def test_ready_returns_when_the_admin_server_says_so(supervisor: Supervisor) -> None:
    answers = iter([503, 503])
    asked: list[str] = []

    async def ready(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=next(answers, 200))

    app = web.Application()
    app.router.add_get("/ready", ready)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    supervisor.start(spec("a")._replace(admin_port=port))
    await supervisor.ready("a", 10)
    assert asked == ["/ready"] * 3
    await runner.cleanup()


async def test_a_service_that_is_not_ready_in_time_is_named_with_its_log(supervisor: Supervisor) -> None:
    supervisor.start(spec("a")._replace(admin_port=free_ports(1)[0]))
    with pytest.raises(TimeoutError, match=r"a was not ready within 0 s: .*; see .*logs/a\.log"):
        await supervisor.ready("a", 0.2)


LIVE = """
import http.server, os, signal, sys
live = os.environ["LIVE"].split(",")
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Admin(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = int(live.pop(0) if len(live) > 1 else live[0])
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"" if code == 200 else b"turns: no step for 61 s")
    def log_message(self, *_):
        pass
print("up", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Admin).serve_forever()
"""


@pytest.mark.parametrize(("stubborn", "code"), [("", -signal.SIGTERM), ("1", -signal.SIGKILL)])
async def test_a_service_that_runs_and_is_not_live_is_started_again_with_its_reason(
    tmp_path: Path, stubborn: str, code: int
) -> None:
    port, given_up = free_ports(1)[0], list[tuple[str, str]]()
    supervisor = Supervisor(
        tmp_path, {}, program=PYTHON, period_s=0.1, grace_s=0.3, on_given_up=lambda *told: given_up.append(told)
    )
    sick = spec("a", LIVE, PORT=str(port), LIVE="200,503,503,200,503", STUBBORN=stubborn)._replace(admin_port=port)
    supervisor.start(sick)
    supervisor.start(spec("b"))  # without a port nobody asks
    first, beside = supervisor.pid("a"), supervisor.pid("b")
    await until(lambda: supervisor.pid("a") not in (0, first))
    why = "not live, 3 times in a row: turns: no step for 61 s"
    assert (supervisor.exits, given_up) == ([Exit("a", code, why)], [("a", why)])
    assert supervisor.pid("b") == beside
    await supervisor.stop(1)


def test_what_was_live_once_is_given_up_after_three_failures_in_a_row() -> None:
    liveness = Liveness(0)
    assert [liveness.heard(failure, 1) for failure in ("", "x", "x", "", "x", "x")] == [""] * 6
    assert liveness.heard("y", 1) == "not live, 3 times in a row: y"


def test_what_was_never_live_has_time_to_begin() -> None:
    liveness = Liveness(100)
    assert not any(liveness.heard("refused", 100 + at) for at in range(int(BEGIN_S)))
    assert [bool(liveness.heard("refused", 100 + BEGIN_S)) for _ in range(3)] == [False, False, True]


async def test_a_service_that_is_started_again_has_a_further_environment_once(tmp_path: Path) -> None:
    told: list[Exit] = []
    supervisor = Supervisor(tmp_path, {}, told.append, PYTHON)
    code = "import os, time; print('up', os.environ.get('ONCE'), flush=True); time.sleep(60)"
    supervisor.start(spec("a", code))
    await until(lambda: supervisor.log("a").read_text().count("up") == 1)
    first = supervisor.pid("a")
    await supervisor.again("a", {"ONCE": "armed"})
    await until(lambda: supervisor.log("a").read_text().count("up") == 2)
    second = supervisor.pid("a")
    assert told == [], "it was asked to end, which is no exit to tell of"
    supervisor.kill("a")
    await until(lambda: supervisor.log("a").read_text().count("up") == 3)
    assert supervisor.log("a").read_text() == "up None\nup armed\nup None\n"
    assert len({first, second, supervisor.pid("a")}) == 3
    assert told == [Exit("a", -signal.SIGKILL)]
    await supervisor.stop()


async def test_a_service_that_is_ended_is_not_started_again(supervisor: Supervisor) -> None:
    supervisor.start(spec("a"))
    supervisor.start(spec("b"))
    await until(lambda: up(supervisor, "a")() and up(supervisor, "b")())
    pid, log = supervisor.pid("a"), supervisor.log("a")
    await supervisor.end("a")
    assert supervisor.names == ["b"]
    assert not alive(pid)
    supervisor.kill("b")
    await until(lambda: supervisor.log("b").read_text().count("up") == 2)
    assert log.read_text() == "up\n"


async def test_a_program_of_its_own_runs_in_place_of_the_supervisors(supervisor: Supervisor) -> None:
    supervisor.start(ServiceSpec("a", ("a word",), {}, 0, ("/bin/echo", "up", "in its place:")))
    await until(up(supervisor, "a"))
    assert supervisor.log("a").read_text().startswith("up in its place: a word\n")
