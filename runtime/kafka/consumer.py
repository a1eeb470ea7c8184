"""A member of a consumer group on a thread of its own: batches and changes of ownership on the loop.

The member subscribes to one anchor topic; what it reads is what `on_assign` returns, so that the same partition
numbers of sibling topics come with the anchor's. Promises: `on_revoke` runs before the partitions are let go, and
nothing that was read in an older generation is handed out after it; a slow owner does not cost the membership;
every end has a reason in `failure`. Each batch carries the group metadata of the generation that delivered it:
Kafka checks the generation, not the ownership. Leaves commits to a transactional producer, or `commit`.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent import futures
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from runtime import metrics
from runtime.kafka import config
from runtime.kafka.fetch import passing, take
from runtime.kafka.membership import Membership
from runtime.kafka.offsets import Partition, stable_committed
from runtime.settings import KafkaSettings

POLL_S = 0.1
COMMAND_S = 0.01
PATIENCE_S = 1.0
CALLBACK_SHARE = 0.8  # of the time for a callback, for the question where the group stands
T = TypeVar("T")

__all__ = ["Batch", "ConsumerFailed", "GroupConsumer", "Membership"]

_log = logging.getLogger(__name__)

OnAssign = Callable[[list[int]], Awaitable[Sequence[TopicPartition]]]
OnRevoke = Callable[[list[int]], Awaitable[None]]
Command = Callable[[Consumer], object]


class ConsumerFailed(Exception):
    """The member has ended and owns nothing any more; the text says why. End the process."""


class Batch(NamedTuple):
    """Records in the order of their partitions, and the group metadata under which their offsets may be committed."""

    messages: list[Message]
    group_metadata: object


class GroupConsumer:
    """`async for batch in consumer` until `stop` or ConsumerFailed."""

    def __init__(
        self,
        settings: KafkaSettings,
        membership: Membership,
        *,
        on_assign: OnAssign,
        on_revoke: OnRevoke,
        on_lost: OnRevoke | None = None,
        **overrides: Any,
    ) -> None:
        """Callbacks get the anchor's partition numbers. `on_assign` returns all partitions to read, with offsets.

        `on_lost` (default: `on_revoke`): the partitions already belong to someone else, nothing can be committed.
        """
        named = {name.replace("_", "."): value for name, value in overrides.items()}
        own = membership.options() | named
        self._config = config.consumer(settings, membership.group, overrides=own)
        self._settings = settings
        self._member = membership
        self._commands: deque[tuple[Command, asyncio.Future[None]]] = deque()
        self._left = False
        self._callbacks = {"assigned": on_assign, "revoked": on_revoke, "lost": on_lost or on_revoke}
        self._stopping = threading.Event()
        self._given_up = self._closing = False
        self._queue: deque[Batch] = deque()
        self._paused: set[Partition] = set()
        self._metadata: object | None = None
        self.failure: ConsumerFailed | None = None

    async def start(self) -> None:
        """Joins the group in the background."""
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._room = threading.Semaphore(self._member.batches)
        self._client = Consumer(self._config)
        # Never subscribed: the member's own client answers nobody while it polls or runs a callback.
        self._offsets = Consumer(config.consumer(self._settings, self._member.group))
        self._thread = threading.Thread(target=self._run, name=f"kafka-{self._member.group}", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Runs `on_revoke`, then leaves; a static member keeps its place for the session time-out."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)
        self._news.set()

    def give_up(self) -> None:
        """The owner is at its end: what it still has is let go as always, and it does not join the group again.

        Else a static member that ends right after it was expelled would take partitions to its grave, for a session.
        """
        self._given_up = True
        self._stopping.set()
        self._news.set()

    async def next(self, timeout_s: float | None = None) -> Batch | None:
        """The next batch; None after the time-out or the stop. Raises ConsumerFailed."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._queue and self.failure is None and not self._stopping.is_set():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None
        if self.failure is not None:
            raise self.failure
        if not self._queue:
            return None
        self._room.release()
        return self._queue.popleft()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        while (batch := await self.next()) is not None:
            yield batch

    def group_metadata(self) -> object:
        """Of the present generation; for offsets of a batch use the batch's own. Raises ConsumerFailed without one."""
        if self._metadata is None:
            raise ConsumerFailed("no partitions are assigned")
        return self._metadata

    async def committed(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """The group's stable offsets, None where nothing is committed; waits for open transactions on them, but not as
        long as a callback may take: so its failure says why. Raises OffsetsUnavailable."""
        wanted, timeout_s = list(partitions), CALLBACK_SHARE * self._member.callback_s
        return await asyncio.to_thread(lambda: stable_committed(self._offsets, wanted, timeout_s=timeout_s))

    async def positions(self, partitions: Iterable[Partition]) -> list[TopicPartition]:
        """What `on_assign` usually returns: the stable committed offsets, the beginning where there is none."""
        found = await self.committed(partitions)
        return [TopicPartition(*key, OFFSET_BEGINNING if offset is None else offset) for key, offset in found.items()]

    async def commit(self, offsets: Sequence[TopicPartition]) -> None:
        """Offsets outside a transaction. Raises KafkaException (also when the generation is over)."""
        await self._command(lambda client: client.commit(offsets=list(offsets), asynchronous=False))

    async def pause(self, partitions: Iterable[Partition]) -> None:
        """No further records are fetched from them; batches that wait already are still handed out."""
        chosen = list(partitions)
        self._paused.update(chosen)
        await self._command(lambda client: client.pause([TopicPartition(*partition) for partition in chosen]))

    async def resume(self, partitions: Iterable[Partition]) -> None:
        chosen = list(partitions)
        self._paused.difference_update(chosen)
        await self._command(lambda client: client.resume([TopicPartition(*partition) for partition in chosen]))

    async def seek(self, partition: Partition, offset: int) -> None:
        """The next fetch of an assigned partition starts there; batches that wait already do not change."""
        await self._command(lambda client: client.seek(TopicPartition(*partition, offset)))

    async def _command(self, call: Command) -> None:
        """Runs a call on the member's thread: the client answers other threads only between its polls."""
        if self.failure is not None or self._left:
            raise self.failure or ConsumerFailed(f"{self._member.group}: the member has left")
        done: asyncio.Future[None] = self._loop.create_future()
        self._commands.append((call, done))
        await done

    def _refuse_commands(self) -> None:
        self._left = True
        while self._commands:
            left = self.failure or ConsumerFailed(f"{self._member.group}: the member has left")
            _settle(self._commands.popleft()[1], left)

    def _run(self) -> None:
        try:
            self._client.subscribe(
                [self._member.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            while not self._stopping.is_set() and self.failure is None:
                self._step()
        except BaseException as failed:  # noqa: BLE001  the thread's last act: the owner must learn of it
            self._fail(failed)
        finally:
            self._closing = True
            self._client.close()
            self._offsets.close()
            self._loop.call_soon_threadsafe(self._refuse_commands)

    def _obey(self) -> bool:
        """Carries out what the owner ordered meanwhile; whether there was anything."""
        ordered = bool(self._commands)
        while self._commands:
            call, done = self._commands.popleft()
            failed: Exception | None = None
            try:
                call(self._client)
            except (KafkaException, RuntimeError) as refused:
                failed = refused
            self._loop.call_soon_threadsafe(_settle, done, failed)
        return ordered

    def _step(self) -> None:
        self._obey()
        messages = take(self._client, self._member.batch, POLL_S)
        good = [message for message in messages if message.error() is None]
        for error in (message.error() for message in messages):
            if error is not None and not passing(error):
                raise ConsumerFailed(f"{self._member.group}: {error}")
        if good:
            batch = Batch(good, self._metadata)
            if self._wait_for_room():
                self._loop.call_soon_threadsafe(self._deliver, batch)

    def _wait_for_room(self) -> bool:
        """False when the batch must not be delivered any more: the assignment changed meanwhile, or the end came."""
        before = self._metadata
        if self._room.acquire(timeout=PATIENCE_S):
            return True
        # Kafka expels who does not poll; so fetching is paused and polling goes on.
        held = self._client.assignment()
        self._client.pause(held)
        while not self._room.acquire(timeout=POLL_S):
            self._idle()
            if self._metadata is not before or self._stopping.is_set():
                return False
        self._client.resume([part for part in held if (part.topic, part.partition) not in self._paused])
        return True

    def _idle(self) -> None:
        if self._obey():
            self._client.pause(self._client.assignment())  # what was resumed goes on when there is room
        for message in self._client.consume(1, 0):
            error = message.error()
            if error is None:
                raise ConsumerFailed(f"{self._member.group}: a paused partition delivered a record")
            if not passing(error):
                raise ConsumerFailed(f"{self._member.group}: {error}")

    def _deliver(self, batch: Batch) -> None:
        if batch.group_metadata is self._metadata:
            self._queue.append(batch)
            self._news.set()
        else:
            self._room.release()

    def _assigned(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = sorted(partition.partition for partition in partitions)
        self._metadata = client.consumer_group_metadata()
        chosen = self._ask("assigned", numbers)
        if chosen is not None:
            client.assign(list(chosen))
            # Whatever was paused under an earlier assignment.
            client.resume(list(chosen))

    def _revoked(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._let_go("revoked", client, partitions)

    def _lost(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._let_go("lost", client, partitions)

    def _let_go(self, event: str, client: Consumer, partitions: list[TopicPartition]) -> None:
        if self.failure is None:
            self._ask(event, sorted(partition.partition for partition in partitions))
        self._metadata = None
        self._paused.clear()
        if self._given_up and not self._closing:
            client.unsubscribe()  # or it would join again as soon as it has let go
        client.unassign()

    def _ask(self, event: str, numbers: list[int]) -> Sequence[TopicPartition] | None:
        """The owner's answer, from the loop, within `callback_s`; without one the membership ends."""
        metrics.counter(metrics.KAFKA_REBALANCES).labels(group=self._member.group, event=event).inc()
        _log.info("%s: partitions %s %s", self._member.group, numbers, event)
        asked = asyncio.run_coroutine_threadsafe(self._answer(event, numbers), self._loop)
        deadline = time.monotonic() + self._member.callback_s
        try:
            # The owner may give commands (commit, pause) while it answers; only this thread can carry them out.
            while not futures.wait([asked], COMMAND_S).done and time.monotonic() < deadline:
                self._obey()
            return asked.result(0)
        except BaseException as failed:  # noqa: BLE001  an exception in librdkafka's callback would be lost
            asked.cancel()
            self._fail(failed, f"the owner's answer to {event} {numbers}")
            return None

    async def _answer(self, event: str, numbers: list[int]) -> Sequence[TopicPartition] | None:
        if event != "assigned":
            self._forget()
        return await self._callbacks[event](numbers)

    def _forget(self) -> None:
        # What waits would be worked on under a generation that ends now.
        while self._queue:
            self._queue.popleft()
            self._room.release()

    def _fail(self, failed: BaseException, what: str = "") -> None:
        if self.failure is None:
            self.failure = ConsumerFailed(f"{self._member.group}: {what or 'consuming'}: {failed!r}")
            self.failure.__cause__ = failed
            _log.critical("the member of %s ends", self._member.group, exc_info=failed)
        self._loop.call_soon_threadsafe(self._news.set)


def _settle(done: asyncio.Future[None], failed: Exception | None) -> None:
    if done.done():
        return  # the caller gave up; the command ran all the same
    if failed is None:
        done.set_result(None)
    else:
        done.set_exception(failed)
