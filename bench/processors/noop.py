"""Faust as it comes with an agent that does nothing: what a record costs before anything is done with it."""

from __future__ import annotations

import sys
from typing import Any

import faust

from bench.processors.settings import SESSION_S


def app(bootstrap: str, source: str, folder: str) -> faust.App:
    """The app; its group is its name."""
    found = faust.App(
        "bench-noop",
        broker=f"kafka://{bootstrap}",
        datadir=folder,
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        broker_commit_interval=1.0,
        broker_session_timeout=SESSION_S,
        broker_request_timeout=SESSION_S + 5,
        stream_wait_empty=False,
    )

    @found.agent(found.topic(source, key_type=bytes, value_type=bytes))
    async def nothing(stream: Any) -> None:
        async for _ in stream:
            pass

    return found


if __name__ == "__main__":
    faust.Worker(app(*sys.argv[1:4]), loglevel="warning").execute_from_commandline()
