"""The bare loop: confluent-kafka, a dictionary of lists, aiohttp. The least that mass sending can cost in Python.

It reads single messages, gathers them by line and template, posts each thousand, and commits when its calls were
answered. It has no idempotence, no journal, no outcomes, no gate and no pace: a crash sends all that was under way
twice, and whom it must not write to it does not know. Half of a thousand goes when nothing more comes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import defaultdict
from typing import Any

import aiohttp
import orjson
from confluent_kafka import Consumer

BATCH = 1000
CALLS = 16
GROUP = "bench-egress-reference"


class Loop:
    """`source` to the address of a batch service."""

    def __init__(self, bootstrap: str, source: str, address: str) -> None:
        self._address = address
        self._gathered: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        self._calls: set[asyncio.Task[None]] = set()
        reading = {"group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        times = {"session.timeout.ms": 45_000, "max.poll.interval.ms": 90_000}
        self._consumer = Consumer({"bootstrap.servers": bootstrap, **reading, **times})
        self._consumer.subscribe([source])

    async def run(self) -> None:
        """Until the process is told to end."""
        read = 0
        async with aiohttp.ClientSession() as self._session:
            while True:
                messages = self._consumer.consume(BATCH, 0.1)
                for message in messages:
                    await self._take(message.value())
                read += len(messages)
                if read and not messages:
                    await self._finish()
                    read = 0
                await asyncio.sleep(0)

    async def _take(self, value: bytes | None) -> None:
        if value is None:
            raise RuntimeError("not a message")
        found = orjson.loads(value)
        gathered = self._gathered[found["did"], found["content"]["name"]]
        gathered.append(found)
        if len(gathered) == BATCH:
            await self._post(self._gathered.pop((found["did"], found["content"]["name"])))

    async def _post(self, messages: list[dict[str, Any]]) -> None:
        if len(self._calls) >= CALLS:
            await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
        call = asyncio.create_task(self._call(_body(messages)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _call(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer a token"}
        async with self._session.post(self._address, data=body, headers=headers) as answer:
            answer.raise_for_status()
            await answer.read()

    async def _finish(self) -> None:
        for gathered in self._gathered.values():
            await self._post(gathered)
        self._gathered.clear()
        await asyncio.gather(*self._calls)
        self._consumer.commit(asynchronous=False)


def _body(messages: list[dict[str, Any]]) -> bytes:
    content = messages[0]["content"]
    destinations = [
        {
            "destination": message["to"],
            "parameters": message["content"]["body"],
            "id": message["id"],
            "buttonsParameters": [button["parameter"] for button in message["content"]["buttons"]],
        }
        for message in messages
    ]
    hsm = {
        "namespace": content["namespace"],
        "template": content["name"],
        "languageCode": content["language"],
        "botAttention": True,
        "component": {"buttons": [{"index": button["index"]} for button in content["buttons"]]},
        "destinations": destinations,
    }
    return orjson.dumps({"id": 1, "did": messages[0]["did"], "type": "HSM", "channel": "WHATSAPP", "hsm": hsm})


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(Loop(*sys.argv[1:4]).run())
