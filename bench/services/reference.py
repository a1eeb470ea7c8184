"""The bare programs: a server that writes what it is posted to Kafka, and a loop that answers each event.

The server answers once Kafka has the record; it knows no tenant and checks nothing. The loop has no memory, no
transaction and no limits.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import msgspec
import orjson
from aiohttp import web
from confluent_kafka import Consumer, KafkaError, Message, Producer

from schemas import keys, topics
from schemas.inbound import InboundEvent
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Text

GROUP, BARE = "bench-agents-reference", topics.INBOUND_CONVERSATIONS.name + ".bare"
BATCH = 1000


def _producer(bootstrap: str) -> Producer:
    own = {"enable.idempotence": True, "linger.ms": 5, "partitioner": "murmur2_random"}
    return Producer({"bootstrap.servers": bootstrap, **own})


class Bare:
    """A POST's body goes to the topic."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = _producer(bootstrap)

    async def run(self) -> None:
        """Until the process is ended; the port is the first line of the output."""
        threading.Thread(target=self._work, daemon=True).start()
        app = web.Application()
        app.router.add_post("/{tail:.*}", self._post)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    def _work(self) -> None:
        while True:
            self._producer.poll(0.1)

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[KafkaError | None] = loop.create_future()

        def delivered(error: KafkaError | None, _: Message) -> None:
            loop.call_soon_threadsafe(done.set_result, error)

        self._producer.produce(BARE, body, _key(orjson.loads(body)).encode(), on_delivery=delivered)
        return web.Response(status=500 if await done else 200)


def _key(found: Any) -> str:
    if "entry" not in found:
        return keys.join(found["did"], found["msisdn"])
    value = found["entry"][0]["changes"][0]["value"]
    return keys.join(value["metadata"]["display_phone_number"], value["messages"][0]["from"])


def answer(bootstrap: str, source: str, output: str) -> None:
    """Each event's text goes back."""
    decoder, producer = msgspec.json.Decoder(InboundEvent), _producer(bootstrap)
    reading = {"group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    times = {"session.timeout.ms": 250_000, "max.poll.interval.ms": 500_000}
    consumer = Consumer({"bootstrap.servers": bootstrap, **reading, **times})
    consumer.subscribe([source])
    while True:
        messages = consumer.consume(BATCH, 0.1)
        for message in messages:
            _say(producer, output, message.key(), decoder.decode(message.value() or b""))
        if messages:
            producer.flush()
            consumer.commit(asynchronous=False)


def _say(producer: Producer, output: str, key: Any, event: InboundEvent) -> None:
    message = OutboundMessage(
        id=f"{event.id}-1",
        tenant=event.tenant,
        did=event.did,
        contact=event.contact,
        to=event.reply_to,
        content=Text(body=getattr(event.content, "body", "")),
        cause=event.id,
    )
    while True:
        try:
            producer.produce(output, encode(message), key)
        except BufferError:
            producer.poll(0.1)
        else:
            return


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(Bare(sys.argv[2]).run())
    else:
        answer(*sys.argv[2:5])
