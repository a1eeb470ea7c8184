"""The log is told where every thread and every task is, and nothing of what they hold."""

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from runtime import metrics, stacks
from runtime.engine import Exit, fatal


async def inner(secret: str) -> None:
    await asyncio.Event().wait()


async def outer(secret: str) -> None:
    await inner(secret)


@pytest.fixture
async def here() -> AsyncIterator[None]:
    stacks.watch("the test", asyncio.get_running_loop())
    yield
    stacks._loops.clear()


async def wait_for(task: asyncio.Task[None]) -> None:
    await asyncio.sleep(0)
    assert not task.done()


async def test_a_task_is_shown_down_to_what_it_waits_for_without_any_value(here: None) -> None:
    task = asyncio.create_task(outer("a secret of a person"), name="the task that stands")
    await wait_for(task)
    text = stacks.taken()
    shown = text[text.index("the task that stands") :]
    assert shown.index("in outer") < shown.index("in inner") < shown.index("in Event.wait")
    assert "a secret" not in text
    task.cancel()


async def test_a_thread_is_shown_with_its_name_and_place(here: None) -> None:
    release, inside = threading.Event(), threading.Event()

    def stands_here() -> None:
        inside.set()
        release.wait(10)

    thread = threading.Thread(target=stands_here, name="the thread that stands")
    thread.start()
    inside.wait(10)
    text = stacks.taken()
    release.set()
    thread.join()
    assert "in stands_here" in text[text.index("thread the thread that stands") :]


async def test_many_tasks_at_one_place_are_one_stack_with_their_number(here: None) -> None:
    tasks = [asyncio.create_task(outer(""), name=f"twin {number}") for number in range(30)]
    await asyncio.sleep(0)
    text = stacks.taken()
    assert "twin 0 and 29 more" in text
    assert text.count("in outer") == 1
    for task in tasks:
        task.cancel()


async def test_no_more_than_so_many_stacks_are_written(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "STACKS_MAX", 1)
    twins = [asyncio.create_task(outer(""), name="one"), asyncio.create_task(inner(""), name="two")]
    await asyncio.sleep(0)
    assert "others" in stacks.taken()
    for task in twins:
        task.cancel()


async def test_a_loop_of_another_thread_is_told_and_a_closed_one_is_not(here: None) -> None:
    other = uvloop.new_event_loop()
    stacks.watch("another", other)
    running = threading.Event()
    thread = threading.Thread(target=other.run_forever)

    def begin() -> None:
        other.create_task(outer(""), name="a task over there")
        other.call_soon(running.set)

    thread.start()
    other.call_soon_threadsafe(begin)
    assert await asyncio.to_thread(running.wait, 10)
    assert "a task of another: a task over there" in stacks.taken()
    other.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(other)])
    other.call_soon_threadsafe(lambda: other.call_soon(other.stop))
    await asyncio.to_thread(thread.join)
    other.close()
    heading = "a task of {}"  # this line is itself in what is taken
    assert heading.format("another") not in stacks.taken()


def test_what_cannot_be_taken_is_said_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise ValueError("no stacks today")

    said: list[dict[str, object]] = []
    counter = metrics.counter(metrics.SERVICE_STACKS).labels(why="test")
    before = counter._value.get()
    monkeypatch.setattr(stacks, "taken", broken)
    monkeypatch.setattr(stacks._log, "warning", lambda event, **fields: said.append(fields))
    stacks.tell("test", call="commit")
    assert said == [
        {"why": "test", "stack": "the stacks could not be taken: ValueError('no stacks today')", "call": "commit"}
    ]
    assert counter._value.get() == before + 1


@pytest.mark.parametrize("code", [Exit.DRAIN, Exit.TRANSACTION])
def test_an_end_because_something_did_not_end_says_where_it_is(monkeypatch: pytest.MonkeyPatch, code: Exit) -> None:
    told: list[str] = []
    monkeypatch.setattr(fatal.stacks, "tell", told.append)
    monkeypatch.setattr(fatal.os, "_exit", sys.exit)
    with pytest.raises(SystemExit):
        fatal.end_process(code, "4 works are not committed")
    assert told == (["drain"] if code == Exit.DRAIN else [])


def test_an_end_waits_for_no_log_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = logging.FileHandler(tmp_path / "gone.log")
    gone.stream.close()
    monkeypatch.setattr(logging.getLogger(), "handlers", [gone])
    monkeypatch.setattr(fatal.os, "_exit", sys.exit)
    with pytest.raises(SystemExit):
        fatal.end_process(Exit.TRANSACTION, "refused")
