"""An idempotent producer for asyncio: a future a record or a group, done when all in-sync replicas have it.

Promises: a future is done within the message time-out (and about a second, librdkafka's clock) whatever the broker
does; a full queue is said at once; records of one partition keep the order of `send`. Leaves retries of failed
records to the caller. The delivery callbacks run on a poll thread that only appends to a deque and wakes the loop
once a burst.
"""

import asyncio
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from runtime import metrics
from runtime.kafka import config
from runtime.kafka.record import Backpressure, Delivered, DeliveryError, Record
from runtime.settings import KafkaSettings

__all__ = ["Backpressure", "Delivered", "DeliveryError", "Producer", "Record"]

# Below the ack hold of 8 s by more than librdkafka's clock of 1 s, so that a webhook is answered in time.
MESSAGE_TIMEOUT_MS = 6500
POLL_S = 0.1

_log = logging.getLogger(__name__)

Sink = Callable[[KafkaError | None, Message | None], None]


class Producer:
    """Start it on the loop that sends. `fatal` tells why it can never send again, else None."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        linger_ms: float = 1,
        message_timeout_ms: int = MESSAGE_TIMEOUT_MS,
        **overrides: Any,
    ) -> None:
        """`overrides` are librdkafka's options with `_` for `.` (`queue_buffering_max_messages=10`)."""
        own = {"linger.ms": linger_ms, "message.timeout.ms": message_timeout_ms, "error_cb": self._on_error}
        named = {name.replace("_", "."): value for name, value in overrides.items()}
        self._config = config.producer(settings, own | named)
        self._label = settings.client_id
        self._client: Client | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._burst: deque[tuple[Sink, KafkaError | None, Message | None]] = deque()
        self._armed = False
        self._room: set[asyncio.Future[None]] = set()
        self.fatal: str | None = None
        self.errors: Counter[str] = Counter()

    def __len__(self) -> int:
        """Records that are not confirmed yet, and what the client has not told yet (an error of a connection)."""
        return len(self._client) if self._client is not None else 0

    async def start(self) -> None:
        """Returns at once: whether Kafka can be reached shows in what is sent, and in `errors`."""
        self._loop = asyncio.get_running_loop()
        self._client = Client(self._config)
        self._thread = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    def send(self, record: Record) -> asyncio.Future[Delivered]:
        """Raises Backpressure when the queue is full; the future fails with DeliveryError."""
        future: asyncio.Future[Delivered] = asyncio.get_running_loop().create_future()
        self._enqueue(record, partial(_resolve, future))
        return future

    async def send_all(self, records: Iterable[Record]) -> None:
        """Returns when every record is confirmed; waits for room in the queue. Raises the first DeliveryError."""
        group = _Group(asyncio.get_running_loop().create_future())
        for record in records:
            group.expect()
            await self._enqueue_patiently(record, group.settle)
        group.settle()
        await group.future

    async def stop(self, deadline_s: float = 5) -> None:
        """Waits until all is confirmed, at most `deadline_s`; what is left then fails with DeliveryError."""
        client, self._client = self._client, None
        if client is None or self._thread is None:
            return
        left = await asyncio.to_thread(client.flush, deadline_s)
        if left:
            _log.error("%d records were not confirmed within %.1f s at stop", left, deadline_s)
            client.purge()
            await asyncio.to_thread(client.flush, 1.0)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)
        self._drain()

    async def _enqueue_patiently(self, record: Record, sink: Sink) -> None:
        while True:
            try:
                return self._enqueue(record, sink)
            except Backpressure:
                # What fills the queue is confirmed or timed out at last, so the next burst always comes.
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._room.add(waiter)
                await waiter

    def _enqueue(self, record: Record, sink: Sink) -> None:
        client = self._client
        if client is None:
            raise RuntimeError("the producer is not started, or stopped")
        topic, value, key, headers, partition, timestamp = record
        try:
            client.produce(
                topic,
                value,
                key,
                partition=partition,
                on_delivery=partial(self._reported, sink),
                timestamp=timestamp,
                headers=list(headers) or None,
            )
        except BufferError:
            metrics.counter(metrics.KAFKA_BACKPRESSURE).labels(client=self._label).inc()
            raise Backpressure(f"{len(client)} records wait for Kafka") from None
        except KafkaException as refused:
            self._settle(sink, refused.args[0], None)

    def _poll(self) -> None:
        client = self._client
        while client is not None and not self._stopping.is_set():
            client.poll(POLL_S)

    def _reported(self, sink: Sink, error: KafkaError | None, message: Message) -> None:
        # On the poll thread (or in flush): no work here, one wake-up of the loop a burst.
        self._burst.append((sink, error, message))
        if not self._armed:
            self._armed = True
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        # Disarmed first: what is appended from here on wakes the loop again, at worst for nothing.
        self._armed = False
        burst = self._burst
        while burst:
            self._settle(*burst.popleft())
        waiting, self._room = self._room, set()
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
        metrics.gauge(metrics.KAFKA_PRODUCER_QUEUE).labels(client=self._label).set(len(self))

    def _settle(self, sink: Sink, error: KafkaError | None, message: Message | None) -> None:
        if error is not None:
            metrics.counter(metrics.KAFKA_DELIVERY_ERRORS).labels(client=self._label, code=error.name()).inc()
        elif message is not None:
            seconds = message.latency() or 0.0
            metrics.histogram(metrics.KAFKA_DELIVERY_SECONDS).labels(client=self._label).observe(seconds)
        sink(error, message)

    def _on_error(self, error: KafkaError) -> None:
        self.errors[error.name()] += 1
        if error.fatal() or error.code() == KafkaError._FATAL:
            self.fatal = f"{error.name()}: {error.str()}"
            _log.critical("the producer can never send again: %s", self.fatal)


def _resolve(future: asyncio.Future[Delivered], error: KafkaError | None, message: Message | None) -> None:
    if future.done():
        return  # its owner gave up waiting; the record may be written all the same
    if error is not None or message is None:
        future.set_exception(DeliveryError.of(error or KafkaError(KafkaError._FAIL)))
    else:
        future.set_result(Delivered(message.topic() or "", message.partition() or 0, message.offset() or 0))


class _Group:
    """One future for several records: done when the last one is, failed by the first error."""

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self._open = 1  # the sender's own share, until it has handed in all
        self._error: KafkaError | None = None

    def expect(self) -> None:
        self._open += 1

    def settle(self, error: KafkaError | None = None, message: Message | None = None) -> None:
        self._error = self._error or error
        self._open -= 1
        if self._open or self.future.done():
            return
        if self._error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(DeliveryError.of(self._error))
