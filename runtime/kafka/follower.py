"""Follows compacted topics from the beginning and hands what it reads to a read model on the event loop.

Promises: batches come in order of each partition, one at a time, only committed records; it is caught up once
everything has been applied that was in the topics when it started (also with an empty topic, and behind aborted
transactions). A failure (of `apply`, or a final one of Kafka) ends it, and every waiter learns why. Leaves merging
to `apply`: records may come again after a restart.
"""

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from runtime import metrics
from runtime.kafka import config
from runtime.kafka.fetch import passing, take
from runtime.kafka.offsets import Partition, end_offsets
from runtime.settings import KafkaSettings

BATCH = 1000
WAIT_S = 0.2
METADATA_S = 15.0

_log = logging.getLogger(__name__)

Apply = Callable[[list[Message]], Awaitable[None] | None]


class FollowerFailed(Exception):
    """The follower has ended; the read model goes stale. Its cause says why."""


class Follower:
    """`apply` may be a coroutine function. `partitions` None means all; they are then those of the start."""

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str | Sequence[str],
        apply: Apply,
        *,
        partitions: Sequence[int] | None = None,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        """`on_failure` is called on the loop when the follower ends by itself."""
        self._settings = settings
        self._topics = [topic] if isinstance(topic, str) else list(topic)
        self._apply = apply
        self._partitions = partitions
        self._on_failure = on_failure
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._behind: dict[Partition, int] = {}
        self.failure: BaseException | None = None

    @property
    def caught_up_now(self) -> bool:
        """True from the first time that everything of the start was applied, until a failure."""
        return self._thread is not None and not self._behind and self.failure is None

    async def start(self) -> None:
        """Raises FollowerFailed when the topics do not exist or Kafka does not answer, OffsetsUnavailable likewise."""
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        client = Consumer(config.consumer(self._settings, "relevo-follower", overrides={"enable.partition.eof": True}))
        try:
            await asyncio.to_thread(self._assign, client)
        except BaseException:
            await asyncio.to_thread(client.close)
            raise
        if not self._behind:
            self._done.set()
        self._thread = threading.Thread(target=self._follow, args=(client,), name="kafka-follower", daemon=True)
        self._thread.start()

    async def caught_up(self, timeout_s: float) -> None:
        """Returns once caught up. Raises FollowerFailed, or TimeoutError that says how far it is."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._done.wait()
        except TimeoutError:
            raise TimeoutError(f"not caught up after {timeout_s:.0f} s; to reach: {self._behind}") from None
        if self.failure is not None:
            raise FollowerFailed(f"following {', '.join(self._topics)} failed") from self.failure

    async def stop(self) -> None:
        """Waits for the batch that is being applied."""
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _assign(self, client: Consumer) -> None:
        wanted = [(topic, number) for topic in self._topics for number in self._numbers(client, topic)]
        ends = end_offsets(self._settings, wanted)
        self._behind = {partition: end for partition, end in ends.items() if end > 0}
        client.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in wanted])

    def _numbers(self, client: Consumer, topic: str) -> Sequence[int]:
        if self._partitions is not None:
            return self._partitions
        try:
            found = client.list_topics(topic, METADATA_S).topics[topic]
        except KafkaException as failed:
            raise FollowerFailed(f"{topic}: {failed.args[0]}") from failed
        if found.error is not None:
            raise FollowerFailed(f"{topic}: {found.error}")
        return sorted(found.partitions)

    def _follow(self, client: Consumer) -> None:
        try:
            while not self._stopping.is_set():
                self._take(take(client, BATCH, WAIT_S))
        except BaseException as failed:  # noqa: BLE001  the thread's last act: whoever waits must learn of it
            self._loop.call_soon_threadsafe(self._fail, failed)
        finally:
            client.close()

    def _take(self, batch: list[Message]) -> None:
        positions: dict[Partition, int] = {}
        records = []
        for message in batch:
            error = message.error()
            if error is None:
                records.append(message)
                positions[_partition(message)] = (message.offset() or 0) + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                positions[_partition(message)] = message.offset() or 0
            elif not passing(error):
                raise FollowerFailed(f"{message.topic()}: {error}")
        if records or positions:
            asyncio.run_coroutine_threadsafe(self._applied(records, positions), self._loop).result()

    async def _applied(self, records: list[Message], positions: dict[Partition, int]) -> None:
        if records:
            result = self._apply(records)
            if inspect.isawaitable(result):
                await result
        for partition, position in positions.items():
            if position >= self._behind.get(partition, 0):
                self._behind.pop(partition, None)
        self._measure(positions)
        if not self._behind:
            self._done.set()

    def _measure(self, positions: dict[Partition, int]) -> None:
        for topic in {topic for topic, _ in positions}:
            left = sum(end - positions.get(key, 0) for key, end in self._behind.items() if key[0] == topic)
            metrics.gauge(metrics.KAFKA_FOLLOWER_LAG).labels(topic=topic).set(left)

    def _fail(self, failed: BaseException) -> None:
        _log.critical("following %s ended", ", ".join(self._topics), exc_info=failed)
        self.failure = failed
        self._done.set()
        if self._on_failure is not None:
            self._on_failure(failed)


def _partition(message: Message) -> Partition:
    return message.topic() or "", message.partition() or 0
