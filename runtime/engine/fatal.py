"""The end of the process, with an exit code and one log line that say why.

The engine's memory may run ahead of Kafka (see `transaction`), so there are failures after which the only right
thing is to end: the next process reads what was committed and goes on from there. `end_process` never returns,
runs no handler and waits for nothing, so that it also works from a thread while the event loop hangs.
"""

import contextlib
import logging
import os
from enum import IntEnum
from typing import NoReturn

from runtime import ending, stacks

log = logging.getLogger("relevo.engine")


class Exit(IntEnum):
    """Exit codes of a worker that ended itself."""

    HANDLER = 70  # the handler raised
    TRANSACTION = 71  # Kafka refused a transaction: another worker owns the partitions, or the outcome is unknown
    CHAIN = 72  # a chunk does not follow the one before it
    INTERNAL = 73  # the engine or Faust crashed
    DRAIN = 74  # partitions were taken away and the open transactions did not end in time
    STOP = 75  # a graceful stop took longer than its deadline
    RECOVERY = 76  # offsets or changelog could not be read in time
    GROUP = 77  # the group refuses the worker
    LETTERS = 79  # most of what was handled became dead letters (the host's code; 78 is a host that cannot start)


_HANGS = frozenset({Exit.DRAIN})  # something did not end, and the stacks say what it waits for


def end_process(code: Exit, message: str, *args: object) -> NoReturn:
    """Log `message` with the code's name, flush the log, and end with `code`."""
    if code in _HANGS:
        stacks.tell(code.name.lower())
    log.critical("ending with code %d (%s): " + message, int(code), code.name, *args)
    for handler in logging.getLogger().handlers:
        with contextlib.suppress(OSError, ValueError):  # a log that is gone or full keeps nobody alive
            handler.flush()
    ending.PROCESS.end(int(code), code.name.lower(), message % args if args else message)
    os._exit(int(code))
