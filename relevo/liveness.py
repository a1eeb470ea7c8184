"""Whether a service that runs is live: it is asked `/live` as Kubernetes would ask it, and as often.

Promises: a service is given up after three answers in a row that it is not live, or none; one that was not live yet
since its start has time to begin. Leaves to the supervisor what follows.
"""

from __future__ import annotations

import aiohttp

PERIOD_S = 10.0
TIMEOUT_S = 5.0
FAILURES = 3
BEGIN_S = 120.0
_SAID_MAX = 300


class Liveness:
    """Of one process, which began at `started`. Pure."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._began = False
        self._failures = 0

    def heard(self, failure: str, now: float) -> str:
        """An answer: what failed, empty for live. Returns why the process must end, empty while it may go on."""
        if not failure:
            self._began, self._failures = True, 0
            return ""
        if not self._began and now - self._started < BEGIN_S:
            return ""
        self._failures += 1
        return f"not live, {self._failures} times in a row: {failure}" if self._failures >= FAILURES else ""


async def ask(session: aiohttp.ClientSession, port: int) -> str:
    """What the admin server on this port says is not live; empty if it is live."""
    try:
        async with session.get(
            f"http://127.0.0.1:{port}/live", timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        ) as answer:
            return "" if answer.status == 200 else (await answer.text(errors="replace"))[:_SAID_MAX]
    except (aiohttp.ClientError, TimeoutError) as error:
        return repr(error)
