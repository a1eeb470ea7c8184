"""Garbage: how often Python looks for cycles, in a process that keeps millions of small objects which are none.

By itself Python goes through the newest objects after every 700, and through everything that a process keeps each time
that this has grown by a quarter. But records and what becomes of them are in no circles: they go when the last who
holds them lets go, or stay for days. Promises: cycles, which errors and tasks make, are still found, those of short
life within a moment, others after a while. Leaves to a worker: to say when what it keeps has changed for long (`keep`),
and when that is over (`let_go`).
"""

from __future__ import annotations

import gc
import threading
from typing import NamedTuple


class Looks(NamedTuple):
    """So many new objects are looked at once; after how many such looks those that outlived one; and so on."""

    newest: int
    older: int = 10
    oldest: int = 10


# Of an engine: about as many objects as the chunks hold that are fetched or under way.
ENGINE = Looks(100_000)
# Of a worker of lines, which keeps millions.
LINES = Looks(500_000, 5, 100)

_lock = threading.Lock()
_settled = False


def rarely(looks: Looks) -> None:
    """From now on it is looked less often."""
    gc.set_threshold(*looks)


def settle(looks: Looks) -> None:
    """What is there now stays for good, and it is looked less often. A second call does nothing: what one engine of a
    process leaves behind must not be kept by the next."""
    global _settled
    with _lock:
        if not _settled:
            keep()
            rarely(looks)
            _settled = True


def keep() -> None:
    """What there is now stays: it is looked at once more, then not again."""
    gc.collect()
    gc.freeze()


def let_go() -> None:
    """What was to stay is to be looked at again, and what is garbage of it leaves with the next look at everything."""
    gc.unfreeze()
