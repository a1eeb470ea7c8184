"""Runs coroutines to their end from a plain test, or from one that is a coroutine itself.

One event loop a thread for as long as the tests run, so that what an agent opened while it handled one event (the
connections of a client) still works in the next. It is nobody's current loop: plugins that manage loops do not meet it.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
_here = threading.local()
_made: list[asyncio.AbstractEventLoop] = []


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result; in another thread if a loop runs in this one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _loop().run_until_complete(coroutine)
    return _aside().submit(lambda: _loop().run_until_complete(coroutine)).result()


def _loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop | None = getattr(_here, "loop", None)
    if loop is None:
        loop = _here.loop = asyncio.new_event_loop()
        _made.append(loop)
    return loop


@cache
def _aside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="relevo-testing")


@atexit.register
def _close() -> None:
    for loop in _made:
        loop.close()
