"""Faust as it is usually made safe against crashes: dedupe in a Table, wait for Kafka's word, then acknowledge.

Each step waits for the one before. First the event: a state that is in Kafka without it would drop it when it is read
again. Then the state: a record that is acknowledged without it would be taken twice. Faust itself does not wait for
what a Table writes: before a commit it gives its buffer a tenth of a second, and a write that failed is a line in the
log. `unconfirmed` leaves it at that, to be compared.

At least once: what was sent and not yet acknowledged is sent again after a crash. Everything else is as Faust comes:
its driver, its JSON, its Table in memory with a changelog.
"""

from __future__ import annotations

import sys
from typing import Any

import faust
import orjson

from bench.processors.kept import event as told
from bench.processors.kept import hear
from bench.processors.settings import SESSION_S
from bench.processors.webhook import read


class State(faust.Record):
    """What is kept of a conversation, as Faust writes it."""

    seen: list[str] = []
    last_inbound: int = 0
    window: int = 0
    name: str = ""


class Confirmed(faust.Table[Any, Any]):
    """A table that keeps what it wrote last, to be waited for."""

    written: Any = None

    def send_changelog(self, *args: Any, **kwargs: Any) -> Any:
        self.written = super().send_changelog(*args, **kwargs)
        return self.written


def app(bootstrap: str, source: str, outputs: str, folder: str, confirmed: bool = True) -> faust.App:
    """The app; its group is its name, and its table's changelog `bench-plain-states-changelog`."""
    found = faust.App(
        "bench-plain",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=folder,
        web_enabled=False,
        topic_disable_leader=True,
        broker_commit_interval=1.0,
        broker_session_timeout=SESSION_S,
        broker_request_timeout=SESSION_S + 5,
        stream_wait_empty=False,
        table_standby_replicas=0,
        topic_partitions=4,
        Table=Confirmed,
    )
    out = found.topic(outputs, key_type=bytes, value_serializer="json")
    states: Any = found.Table("states", default=State, key_type=bytes, value_type=State, partitions=4)

    @found.agent(found.topic(source, key_type=bytes, value_type=bytes, value_serializer="raw"))
    async def forward(stream: Any) -> None:
        async for event in stream.noack().events():
            message = read(orjson.loads(event.value))
            state = states[event.key]
            if hear(state, message):
                await (await out.send(key=event.key, value=told(message), headers=event.headers))
                states[event.key] = state
                if confirmed:
                    await states.written
            event.ack()

    return found


if __name__ == "__main__":
    broker, read_from, write_to, data, *more = sys.argv[1:]
    faust.Worker(
        app(broker, read_from, write_to, data, confirmed=not more), loglevel="warning"
    ).execute_from_commandline()
