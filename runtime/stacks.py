"""Stacks: where every thread and every task of this process is, written to the log.

For a process that stands still: the last lines of its log say what it did last, the stacks say what it waits for.
Promises: only places in the code are written, no values of variables; equal stacks are written once, with how many
there are; `tell` never raises and changes nothing. Loops other than the main one are known after `watch`. Leaves to
`runtime.witness` and to whoever ends a process that hangs: when to tell.
"""

import asyncio
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from runtime import logs, metrics

FRAMES_MAX = 40
STACKS_MAX = 60
Tell = Callable[..., None]
_log = logs.get(__name__)
_loops: dict[str, asyncio.AbstractEventLoop] = {}


def watch(name: str, loop: asyncio.AbstractEventLoop) -> None:
    """The tasks of this loop are told as well. A later loop of the same name takes its place."""
    _loops[name] = loop


def tell(why: str, **details: object) -> None:
    """Write them as one line of the log. `why` is a word of few: it labels the metric."""
    try:
        text = taken()
    except Exception as error:  # noqa: BLE001 - whoever asks has troubles enough, and the log says what is missing
        text = f"the stacks could not be taken: {error!r}"
    metrics.counter(metrics.SERVICE_STACKS).labels(why=why).inc()
    _log.warning("where all threads and tasks are", why=why, stack=text, **details)


def taken() -> str:
    """The text: threads first, then the tasks of each loop."""
    parts = [_grouped(_threads())]
    for name, loop in list(_loops.items()):
        if not loop.is_closed():
            parts.append(_grouped((f"a task of {name}: {task.get_name()}", _task(task)) for task in _tasks(loop)))
    return "\n".join(part for part in parts if part)


def _tasks(loop: asyncio.AbstractEventLoop) -> list["asyncio.Task[Any]"]:
    return sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())


def _threads() -> Iterable[tuple[str, str]]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        stack = traceback.extract_stack(frame, limit=FRAMES_MAX)
        yield f"thread {names.get(ident, ident)}", "".join(traceback.format_list(stack)).rstrip()


def _task(task: "asyncio.Task[Any]") -> str:
    """The way from the task to what it waits for. (A task itself shows only the first step.)"""
    places: list[str] = []
    awaited: Any = task.get_coro()
    while awaited is not None and len(places) < FRAMES_MAX:
        frame, inner = _step(awaited)
        if frame is None:
            places.append(f"  waits for {type(awaited).__name__}")
            break
        code = frame.f_code
        places.append(f'  File "{code.co_filename}", line {frame.f_lineno}, in {code.co_qualname}')
        awaited = inner
    return "\n".join(places)


_STEPS: tuple[tuple[str, str], ...] = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def _step(awaited: object) -> tuple[FrameType | None, object]:
    for frame, inner in _STEPS:
        if (found := getattr(awaited, frame, None)) is not None:
            return found, getattr(awaited, inner)
    return None, None


def _grouped(stacks: Iterable[tuple[str, str]]) -> str:
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, stack in stacks:
        first.setdefault(stack, name)
        counts[stack] += 1
    lines = [f"{first[stack]}{_more(counts[stack])}\n{stack}" for stack in list(first)[:STACKS_MAX]]
    if len(first) > STACKS_MAX:
        lines.append(f"and {len(first) - STACKS_MAX} others")
    return "\n".join(lines)


def _more(count: int) -> str:
    return "" if count == 1 else f" and {count - 1} more"
