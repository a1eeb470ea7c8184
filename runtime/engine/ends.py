"""Where the partitions of ours end, asked of Kafka by a client of its own.

A consumer learns a partition's end from its fetches, so one whose fetches stopped would seem to have nothing to do.
Here a thread asks every few seconds, beside everything that may hang: aiokafka, Faust, the event loop. The end is the
last stable offset, what a read_committed reader can reach.

Promises: an answer is never older than the rounds say; a failure is logged once until it is over, and leaves the last
answer standing. Leaves to health: that rounds go on (`rounds` moves whether Kafka answers or not).
"""

import threading
from collections.abc import Iterable

from confluent_kafka.admin import AdminClient

from runtime.engine.chunk import Partition
from runtime.engine.fatal import log
from runtime.kafka import config
from runtime.kafka.offsets import end_offsets
from runtime.settings import KafkaSettings

ROUND_S = 3.0
_ANSWER_S = 10.0


class EndsWatch:
    """One thread, from `start` to `stop`."""

    def __init__(self, settings: KafkaSettings, topic: str, round_s: float = ROUND_S) -> None:
        self.rounds = 0
        self.failing = False
        self._settings = settings
        self._round_s = round_s
        self._any = Partition(topic, 0)  # to ask for while nothing is ours: does Kafka answer?
        self._wanted: tuple[Partition, ...] = (self._any,)
        self._ends: dict[tuple[str, int], int] = {}
        self._stopping = threading.Event()

    def start(self) -> None:
        self._client = AdminClient(config.admin(self._settings))
        threading.Thread(target=self._run, name="ends", daemon=True).start()

    def stop(self) -> None:
        """Ask no more. Does not wait for the answer that is under way."""
        self._stopping.set()

    def watch(self, partitions: Iterable[Partition]) -> None:
        """The partitions to ask for from now on."""
        self._wanted = tuple(partitions) or (self._any,)

    def end_of(self, partition: Partition) -> int | None:
        """As of the last answer; None before the first."""
        return self._ends.get(partition)

    # In the thread.

    def _run(self) -> None:
        while not self._stopping.wait(self._round_s):
            self._round()

    def _round(self) -> None:
        wanted = self._wanted
        try:
            found = end_offsets(self._settings, wanted, committed=True, timeout_s=_ANSWER_S, client=self._client)
        except Exception as error:  # noqa: BLE001 - the next round may succeed; that it goes on is watched
            if not self.failing:
                log.warning("the ends of partitions cannot be asked for: %r", error)
            self.failing = True
        else:
            if self.failing:
                log.info("the ends of partitions are known again")
            self._ends, self.failing = found, False
        self.rounds += 1
