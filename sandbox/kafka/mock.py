"""librdkafka's mock cluster with the interface of `Broker`: for machines where no genuine Kafka can be had.

It lives in this process and keeps little: topics appear on first touch with four partitions, admin calls
time out, at most 5 MiB or 100,000 messages a partition, nothing persists, aborted transactions are visible and the
offsets of committed ones are lost. Good for a demo's last resort, no more; its clients need the profile `mock`.
"""

from confluent_kafka import Producer

from sandbox.kafka.running import Running

START_S = 10.0


class MockCluster(Running):
    """`with MockCluster() as cluster: cluster.bootstrap`."""

    def __init__(self, brokers: int = 1) -> None:
        self._brokers = brokers
        self._owner: Producer | None = None
        self._bootstrap = ""

    @property
    def bootstrap(self) -> str:
        """`host:port` of the first broker."""
        if not self._bootstrap:
            raise RuntimeError("the mock cluster has no port before its start")
        return self._bootstrap

    @property
    def running(self) -> bool:
        return self._owner is not None

    def start(self, timeout_s: float = START_S) -> None:
        if self._owner is not None:
            return
        # The cluster belongs to this client instance and ends with it; the bootstrap address is never used.
        owner = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": self._brokers, "log_level": 0})
        broker = next(iter(owner.list_topics(timeout=timeout_s).brokers.values()))
        self._bootstrap = f"{broker.host}:{broker.port}"
        self._owner = owner

    def stop(self, deadline_s: float = 0) -> bool:
        """Everything in it is gone."""
        self._owner = None
        return True

    def close(self) -> None:
        self.stop()
