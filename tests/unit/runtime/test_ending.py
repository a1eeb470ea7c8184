"""Why a process ended outlives it: in its file, in the next one's log and metrics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from runtime import ending, metrics
from runtime.ending import Ending, Keeper, read
from runtime.kafka import loss
from runtime.kafka.consumer import ConsumerFailed
from runtime.kafka.transactions import Fenced
from runtime.service import run_to_end
from runtime.settings import ServiceSettings


def test_the_next_process_reads_why_the_one_before_ended(tmp_path: Path) -> None:
    path = tmp_path / "ending"
    first, second, third = Keeper(), Keeper(), Keeper()
    assert first.begin(path, "egress", "0") is None
    first.end(73, "ILLEGAL_GENERATION", "another worker owns the lines")
    first.end(75, "stop_timeout", "it hangs")  # what comes after follows from the first
    before = second.begin(path, "egress", "0")
    assert before is not None
    assert (before.service, before.instance, before.pid) == ("egress", "0", os.getpid())
    assert (before.code, before.cause, before.why) == (73, "ILLEGAL_GENERATION", "another worker owns the lines")
    assert 0 < before.started_ms <= before.ended_ms <= time.time_ns() // 1_000_000
    killed = third.begin(path, "egress", "0")  # the second one never said anything
    assert killed is not None
    assert (killed.code, killed.cause, killed.ended_ms) == (None, ending.KILLED, 0)


@pytest.mark.parametrize("left", [b"", b"\n"])
def test_an_empty_file_is_that_of_a_first_start(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "ending"
    path.write_bytes(left)
    assert read(path) is None


@pytest.mark.parametrize("left", [b'{"code": 7', b"[]", b"\xff", b'{"code": "x"}'])
def test_what_cannot_be_read_is_told_as_such_and_stops_nobody(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "ending"
    path.write_bytes(left)
    before = Keeper().begin(path, "egress", "0")
    assert before is not None
    assert before.cause == ending.UNREADABLE
    again = read(path)
    assert again is not None
    assert again.service == "egress", "the one that begins says that it runs"


def test_a_newer_version_may_say_more(tmp_path: Path) -> None:
    path = tmp_path / "ending"
    path.write_bytes(msgspec.json.encode({"code": 71, "cause": "x", "from_the_future": [1]}))
    assert read(path) == Ending(code=71, cause="x")


def test_a_file_that_cannot_be_written_keeps_nobody_from_ending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    keeper = Keeper()
    keeper.begin(folder / "ending", "egress", "0")
    (folder / "ending").unlink()
    folder.rmdir()
    keeper.end(73, "x")
    nothing = Keeper()
    assert nothing.begin(None, "egress", "0") is None
    nothing.end(73, "x")


def test_a_file_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    async def main(service: object) -> None:
        raise AssertionError("it must not start")

    settings = ServiceSettings(ending_file=tmp_path / "missing" / "ending")
    assert run_to_end(main, name="test", settings=settings) == 78


SCRIPT = """
import os, signal, sys, threading, time
from runtime import service
from runtime.engine.fatal import Exit, end_process
async def main(s):
    how = sys.argv[1]
    if how == "fatal":
        end_process(Exit.CHAIN, "chunk %d does not follow", 7)
    if how == "raise":
        raise ValueError("no such thing")
    if how == "part":
        s.fail("reading", OSError("gone"))
        s.ends(73, "later", "which follows from it")
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        s.stop("enough")
        time.sleep(60)
    if how == "thread":
        threading.Thread(target=time.sleep, args=(60,)).start()
service.run(main, name="test")
"""


@pytest.mark.parametrize(
    ("how", "code", "cause", "why"),
    [
        ("nothing", 0, "stopped", ""),
        ("raise", 70, "ValueError", "no such thing"),
        ("part", 73, "OSError", "reading: gone"),
        ("fatal", 72, "chain", "chunk 7 does not follow"),
        ("hang", 75, "stop_timeout", "still running 0.5 s after it was to stop"),
        ("thread", 0, "stopped", ""),
        ("kill", None, "killed", ""),
    ],
)
def test_each_way_to_end_leaves_its_cause(tmp_path: Path, how: str, code: int | None, cause: str, why: str) -> None:
    path = tmp_path / "ending"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVO_")}
    environ |= {"RELEVO_SERVICE_ENDING_FILE": str(path), "RELEVO_SERVICE_STOP_S": "0.5"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], env=environ, capture_output=True, timeout=30, check=False
    )
    left = read(path)
    assert left is not None, done.stderr.decode()
    assert (left.code, left.cause, left.why) == (code, cause, why)
    assert left.service == "test"


def test_the_next_start_shows_it_as_a_metric(tmp_path: Path) -> None:
    path = tmp_path / "ending"
    path.write_text(json.dumps({"service": "test", "code": 73, "cause": "UNKNOWN_MEMBER_ID", "ended_ms": 5_000}))

    async def main(service: object) -> None:
        shown = metrics.PROCESS.value(
            metrics.SERVICE_PREVIOUS_END, service="test", code="73", cause="UNKNOWN_MEMBER_ID"
        )
        assert shown == 5

    assert run_to_end(main, name="test", settings=ServiceSettings(ending_file=path)) == 0


def test_lost_lines_are_named_by_kafkas_error() -> None:
    from confluent_kafka import KafkaError

    fenced, expelled = Fenced(KafkaError(KafkaError.UNKNOWN_MEMBER_ID, "who?")), ConsumerFailed("relevo: too slow")
    assert loss.cause([expelled, fenced]) == "UNKNOWN_MEMBER_ID"
    assert loss.cause([expelled]) == "consumer"
    assert loss.why([fenced, expelled]) == "UNKNOWN_MEMBER_ID: who?; relevo: too slow"
