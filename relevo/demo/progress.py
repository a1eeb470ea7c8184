"""The demo's live view: what is being done, and the counts of the sandbox's ledger as they grow."""

from __future__ import annotations

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Self

import aiohttp
from rich.console import Console
from rich.live import Live
from rich.table import Table

from relevo.demo.stage import Stage, StageError

_EVERY_S = 0.5
_COUNTED = {
    "webhook": "webhooks delivered",
    "message": "replies that Chattigo took",
    "recipient": "template recipients that Chattigo took",
    "receipt": "receipts",
    "login": "logins",
}


class Progress:
    """`with Progress(console) as progress`: `say` adds a step, `follow` shows a stage's counts."""

    def __init__(self, console: Console) -> None:
        self._began = time.monotonic()
        self._steps: list[tuple[float, str]] = []
        self._counts: dict[str, int] = {}
        self._console = console
        self._live = Live(console=console, get_renderable=self._view, refresh_per_second=4, transient=False)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def say(self, step: str) -> None:
        """Something begins."""
        self._steps.append((self.seconds, step))
        if not self._console.is_terminal:
            self._console.print(f"{self.seconds:5.1f} s  {step}")

    async def follow(self, stage: Stage) -> None:
        """Look at the stage's counts until cancelled."""
        while True:
            with contextlib.suppress(StageError, aiohttp.ClientError, TimeoutError):  # only a picture is missing
                self._counts = (await stage.call("GET", "state"))["counts"]
            await asyncio.sleep(_EVERY_S)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the picture as it is now; what is printed from here on stands below it."""
        if self._console.is_terminal:
            self._live.stop()

    def _view(self) -> Table:
        view = Table("", "", show_header=False, show_edge=False, title=f"relevo demo, {self.seconds:.0f} s")
        for at, step in self._steps[-12:]:
            view.add_row(f"{at:5.1f} s", step)
        for kind, name in _COUNTED.items():
            if self._counts.get(kind):
                view.add_row(f"[bold]{self._counts[kind]}[/]", name)
        return view
