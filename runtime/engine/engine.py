"""The engine: one app, one source topic, one table, one handler, exactly once.

It is hosted: `start` and `stop` run inside the caller's event loop, beside whatever else lives there, and signals
are the caller's. `start` returns once the worker is a member of the group; `ready` tells when the partitions are
recovered. `stop` drains and returns within its deadline or raises `StopTimeout`, and the caller then ends the
process, which is as safe as a crash.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from confluent_kafka.admin import AdminClient

from runtime import garbage
from runtime.engine import seams
from runtime.engine.app import EngineApp
from runtime.engine.assignment import Assignment
from runtime.engine.chunk import Partition
from runtime.engine.consumer import ChunkConsumer
from runtime.engine.ends import EndsWatch
from runtime.engine.fatal import Exit, end_process
from runtime.engine.handler import ChunkHandler, EventHandler, Housekeeper
from runtime.engine.lane import Lane
from runtime.engine.membership import Membership, check_metadata_format
from runtime.engine.observer import EngineObserver, SilentObserver
from runtime.engine.recovery import Recovery
from runtime.engine.settings import EngineSettings
from runtime.engine.table import Table, TableView
from runtime.engine.transaction import Committed, TransactionThread
from runtime.kafka import config
from runtime.kafka.transactions import transactional_client
from runtime.settings import KafkaSettings

TOPICS_S = 10.0
HEADROOM_BYTES = 8 * 1024  # headers and framing of a record
DRAIN_SHARE = 0.8  # of the time for a stop; the rest is for leaving the group


class StopTimeout(TimeoutError):
    """The engine could not stop in time. Nothing is lost by ending the process now."""


class TopicsMismatch(RuntimeError):
    """A topic is missing, or changelog and source differ in their partition count."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A partition of ours. Nothing before `reached` is undone; it is `committed`, or behind it by what is never
    delivered (control records, aborted ones) if all the rest is done. `end` is the end of the committed records as
    Kafka said lately, or None; `done` counts the records done since the partition came, in whatever order; `oldest_s`
    is the age of the oldest chunk not committed, `oldest_ms` when its first record was written (0: there is none)."""

    partition: int
    committed: int
    end: int | None
    open_chunks: int
    oldest_s: float
    keys: int
    reached: int
    done: int = 0
    oldest_ms: int = 0


class Part(NamedTuple):
    """A part that moves in steps. As long as it `waits` for something (what, in words), `steps` must grow."""

    name: str
    steps: int
    waits: str


class Engine:
    """See the module. `transactional_id` must be unique among live workers and stable over restarts; `outputs` are
    topics that the handler writes to, checked at start."""

    def __init__(
        self,
        *,
        app_id: str,
        source: str,
        changelog: str | None,
        kafka: KafkaSettings,
        handler: ChunkHandler | EventHandler,
        instance: str = "0",
        transactional_id: str | None = None,
        outputs: Sequence[str] = (),
        settings: EngineSettings | None = None,
        observer: EngineObserver | None = None,
    ) -> None:
        self.app_id = app_id
        self.source = source
        self.changelog = changelog
        self.table = Table()
        self._kafka = kafka
        self._handler = handler
        self._instance = instance
        self._outputs = outputs
        self._settings = settings or EngineSettings()
        self._observer: EngineObserver = observer or SilentObserver()
        self._transactional_id = transactional_id or f"{app_id}-{instance}"
        self._housekeepers: list[tuple[float, Housekeeper]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False
        self._ends = EndsWatch(kafka, source)

    @property
    def ready(self) -> bool:
        """Member of the group, and all partitions of ours recovered."""
        return self._started and self._assignment.ready.is_set()

    async def wait_ready(self) -> None:
        """Until `ready`."""
        await self._assignment.ready.wait()

    def every(self, seconds: float, housekeeper: Housekeeper) -> None:
        """Before `start`: call `housekeeper(table)` for each partition of ours so often, between two chunks. Its
        effects are one transaction like any others; it must be quick, for it runs on the loop."""
        self._housekeepers.append((seconds, housekeeper))

    def progress(self) -> list[Progress]:
        """Of all partitions of ours, for health and metrics."""
        now = time.monotonic()
        self._ends.watch(self._assignment.lanes)
        return [self._progress(tp, lane, now) for tp, lane in sorted(self._assignment.lanes.items())]

    def parts(self) -> list[Part]:
        """What moves besides partitions: a group that lets nobody in, a recovery that never ends, and the ends that
        nobody asks for any more would be silent otherwise."""
        joining = "" if self._ends.failing else self._assignment.waits_for
        return [
            Part("group", self._assignment.steps, joining),
            Part("ends of partitions", self._ends.rounds, "nobody asks Kafka for them"),
        ]

    async def start(self) -> None:
        """Check seams and topics, register the transactional producer, join the group."""
        seams.check()
        check_metadata_format()
        await asyncio.to_thread(self._check_topics)
        self._transactions = TransactionThread(
            lambda: transactional_client(self._kafka, self._transactional_id, self._settings.transaction_s),
            timeout_s=self._settings.transaction_s,
            works_max=self._settings.works_max,
            on_commit=self._committed,
        )
        await self._transactions.start()
        self._assignment = self._new_assignment()
        self._app = self._new_app()
        await self._app.start()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_house(*one)) for one in self._housekeepers]
        for task in self._tasks:
            task.add_done_callback(_housekeeping_ended)
        self._ends.start()
        garbage.settle(garbage.ENGINE)
        self._started = True

    async def stop(self, deadline_s: float = 15.0) -> None:
        """Finish what was begun, leave, stop Faust. Raises `StopTimeout`."""
        self._ends.stop()
        for task in self._tasks:
            task.cancel()
        try:
            async with asyncio.timeout(deadline_s):
                await self._assignment.finish(deadline_s * DRAIN_SHARE)
                await self._app.stop()
        except TimeoutError:
            raise StopTimeout(f"not stopped within {deadline_s:g} s") from None
        if not await self._transactions.stop(deadline_s):
            raise StopTimeout("the transaction thread does not end")

    def _progress(self, tp: Partition, lane: Lane, now: float) -> Progress:
        return Progress(
            partition=tp.partition,
            committed=lane.committed,
            end=self._ends.end_of(tp),
            open_chunks=lane.open_chunks,
            oldest_s=0.0 if lane.oldest_s is None else now - lane.oldest_s,
            keys=len(lane.table),
            reached=self._reached(tp, lane),
            done=lane.done,
            oldest_ms=lane.oldest_ms,
        )

    def _reached(self, tp: Partition, lane: Lane) -> int:
        looked_to = cast(ChunkConsumer, self._app.consumer).looked_to(tp, lane.expected)
        return lane.committed if lane.open_chunks or looked_to is None else max(lane.committed, looked_to)

    async def _keep_house(self, seconds: float, housekeeper: Housekeeper) -> None:
        while True:
            await asyncio.sleep(seconds)
            self._assignment.keep_house(housekeeper)

    def _committed(self, committed: Committed) -> None:
        outputs = sum(work.outputs for work in committed.works)
        records = sum(len(work.records) for work in committed.works)
        self._observer.transaction_committed(committed.seconds, len(committed.works), outputs, records - outputs)

    def _new_assignment(self) -> Assignment:
        settings = self._settings
        recovery = Recovery(
            self._kafka,
            self.app_id,
            self.changelog,
            stable_s=settings.stable_s,
            stall_s=settings.recovery_stall_s,
        )
        return Assignment(
            table=self.table,
            recovery=recovery,
            make_lane=self._new_lane,
            observer=self._observer,
            drain_s=settings.drain_s,
            begun_share=settings.begun_share,
        )

    def _new_lane(self, tp: Partition, start: int, membership: Membership, table: TableView) -> Lane:
        return Lane(
            tp,
            start,
            membership=membership,
            table=table,
            changelog=self.changelog,
            handler=self._handler,
            submit_work=self._transactions.submit,
            room=self._assignment.made_room,
            window=self._settings.window,
            records_open=self._settings.window * self._settings.chunk_max,
            waiting_max=self._settings.waiting_max,
            message_max=config.MESSAGE_MAX_BYTES - HEADROOM_BYTES,
        )

    def _new_app(self) -> EngineApp:
        return EngineApp(
            self.app_id,
            source=self.source,
            instance=self._instance,
            connection=config.aiokafka(self._kafka),
            settings=self._settings,
            assignment=self._assignment,
        )

    def _check_topics(self) -> None:
        metadata = AdminClient(config.admin(self._kafka)).list_topics(timeout=TOPICS_S)
        counts = {name: len(topic.partitions) for name, topic in metadata.topics.items()}
        wanted = [self.source, *([self.changelog] if self.changelog else []), *self._outputs]
        missing = [name for name in wanted if not counts.get(name)]
        if missing:
            names = ", ".join(missing)
            raise TopicsMismatch(f"missing topics, or not allowed: {names}; create them with `relevo topics apply`")
        if self.changelog and counts[self.changelog] != counts[self.source]:
            raise TopicsMismatch(
                f"{self.changelog} has {counts[self.changelog]} partitions, {self.source} {counts[self.source]}"
            )


def _housekeeping_ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        end_process(Exit.INTERNAL, "housekeeping ended: %r", task.exception())
