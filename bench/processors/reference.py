"""The bare loop: confluent-kafka, a dictionary, and a commit per thousand. The least that this can cost in Python.

It reads the same webhooks, drops duplicates, keeps of each conversation the window and the recent ids, and writes an
event, with the headers that came, and a state. It has no tenants, no routing, no checks, no transactions: a crash
writes up to a thousand events again, and a second worker's partitions would have to be recovered first.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

import orjson
from confluent_kafka import Consumer, Message, Producer

from bench.processors.kept import State, event, hear
from bench.processors.settings import SESSION_S
from bench.processors.webhook import read

BATCH = 1000
Headers = Any  # confluent-kafka gives them as it takes them
GROUP = "bench-reference"


class Loop:
    """`source` to `output`, with the states on `changelog`."""

    def __init__(self, bootstrap: str, source: str, output: str, changelog: str) -> None:
        self._output = output
        self._changelog = changelog
        self._states: dict[bytes, State] = {}
        connection = {"bootstrap.servers": bootstrap}
        own = {"enable.idempotence": True, "linger.ms": 5, "delivery.report.only.error": True}
        self._producer = Producer({**connection, **own, "partitioner": "murmur2_random"})
        reading = {"group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        times = {"session.timeout.ms": SESSION_S * 1000, "max.poll.interval.ms": 2 * SESSION_S * 1000}
        self._consumer = Consumer({**connection, **reading, **times})
        self._consumer.subscribe([source])

    def run(self) -> None:
        """Until the process is told to end."""
        since = 0
        while True:
            messages = self._consumer.consume(BATCH, 0.1)
            for message in messages:
                self._handle(message)
            since += len(messages)
            if since >= BATCH or (since and not messages):
                self._producer.flush()
                self._consumer.commit(asynchronous=False)
                since = 0

    def _handle(self, message: Message) -> None:
        key, value, headers = message.key(), message.value(), message.headers()
        if message.error() is not None or key is None or value is None:
            raise RuntimeError(f"not a webhook: {message.error()}")
        found = read(orjson.loads(value))
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State()
        if not hear(state, found):
            return
        self._produce(self._output, key, orjson.dumps(event(found)), headers)
        self._produce(self._changelog, key, orjson.dumps(state), None)

    def _produce(self, topic: str, key: bytes, value: bytes, headers: Headers | None) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Loop(*sys.argv[1:5]).run()
