"""Garbage: how often Python looks for cycles, in a process that keeps millions of small objects which are none.

By itself Python goes through everything that a process keeps each time that this has grown by a quarter, and through
the newest objects after every 700; most of what a worker makes is gone before that matters, or stays for days.
Promises: cycles are still found, those of short life within a moment, others after a while. Leaves to a worker: to say
when what it keeps has changed for long (`keep`), and when that is over (`let_go`).
"""

from __future__ import annotations

import gc

# The newest objects; how many such looks before one at those that outlived one; and so on.
THRESHOLDS = 500_000, 5, 100


def rarely() -> None:
    """From now on it is looked less often."""
    gc.set_threshold(*THRESHOLDS)


def keep() -> None:
    """What there is now stays: it is looked at once more, then not again."""
    gc.collect()
    gc.freeze()


def let_go() -> None:
    """What was to stay is to be looked at again, and what is garbage of it leaves with the next look at everything."""
    gc.unfreeze()
