"""Several genuine brokers that are one Kafka: topics keep a copy on each, and any one of them may be killed.

Promises: `start()` returns once every broker is a member that leads and follows; what was acknowledged is on all
brokers but one at least; a broker that was killed comes back with `restart(node)`, same port, same data. Leaves to its
user whom to kill: `brokers` are by node id, as Kafka's metadata name them.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from sandbox.kafka.broker import START_S, Broker, port_was_taken
from sandbox.kafka.errors import BrokerFailed
from sandbox.kafka.formatting import new_id
from sandbox.kafka.ports import free_ports
from sandbox.kafka.properties import replicated
from sandbox.kafka.running import Running

ATTEMPTS = 3


class Cluster(Running):
    """`with Cluster() as cluster: cluster.bootstrap`. In a temporary folder. `properties` override every broker's."""

    def __init__(self, size: int = 3, *, properties: Mapping[str, str | int] | None = None, heap: str = "256m") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="relevo-kafka-")).resolve()
        self.brokers: dict[int, Broker] = {}
        self._size = size
        self._properties = dict(properties or {})
        self._heap = heap

    @property
    def bootstrap(self) -> str:
        """All brokers' addresses; they stay the same over restarts."""
        return ",".join(broker.bootstrap for broker in self.brokers.values())

    def start(self, timeout_s: float = START_S) -> None:
        """All brokers at once: none is ready before most are. Raises KafkaUnavailable or BrokerFailed."""
        for attempt in range(1, ATTEMPTS + 1):
            self.brokers = self._new_brokers(self.folder / str(attempt))
            try:
                with ThreadPoolExecutor(self._size) as threads:
                    list(threads.map(lambda broker: broker.start(timeout_s), self.brokers.values()))
            except BrokerFailed as failed:
                self._stop()
                if attempt == ATTEMPTS or not port_was_taken(failed):
                    raise
            else:
                self.wait_whole(timeout_s)
                return

    def restart(self, node: int, timeout_s: float = START_S) -> None:
        """Start a broker that was stopped or killed, and wait until the cluster is whole."""
        self.brokers[node].start(timeout_s)
        self.wait_whole(timeout_s)

    def wait_whole(self, timeout_s: float = START_S) -> None:
        """Until every broker is a member and in sync with every partition. Raises BrokerFailed."""
        deadline = time.monotonic() + timeout_s
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        while not self._is_whole(admin):
            if time.monotonic() > deadline:
                raise BrokerFailed("the cluster did not become whole in time", next(iter(self.brokers.values())).log)
            time.sleep(0.05)

    def close(self) -> None:
        """Ends all brokers and removes their data."""
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _new_brokers(self, folder: Path) -> dict[int, Broker]:
        cluster_id = new_id()
        free = free_ports(2 * self._size)
        ports = {node: (free[2 * node - 2], free[2 * node - 1]) for node in range(1, self._size + 1)}
        controllers = {node: controller for node, (_, controller) in ports.items()}
        return {
            node: Broker(
                folder / str(node),
                ports=both,
                cluster_id=cluster_id,
                properties={**replicated(node, controllers), **self._properties},
                heap=self._heap,
            )
            for node, both in ports.items()
        }

    def _is_whole(self, admin: AdminClient) -> bool:
        try:
            answer = admin.list_topics(timeout=2)
        except KafkaException:
            return False
        partitions = [one for topic in answer.topics.values() for one in topic.partitions.values()]
        in_sync = all(len(one.isrs) == len(one.replicas) and one.leader >= 0 for one in partitions)
        return len(answer.brokers) == self._size and in_sync

    def _stop(self) -> None:
        # Killed: a broker that ends in order waits for a controller, which the last ones no longer have.
        for broker in self.brokers.values():
            broker.kill()
