"""A cluster's brokers differ where they must, agree where they must, and keep every record on all of them."""

from pathlib import Path

import pytest

from sandbox.kafka import cluster as module
from sandbox.kafka.cluster import Cluster
from sandbox.kafka.errors import BrokerFailed
from sandbox.kafka.properties import replicated, server_properties

CONTROLLERS = {1: 21_001, 2: 21_002, 3: 21_003}


def properties(node: int) -> dict[str, str]:
    text = server_properties(Path("data"), 20_000 + node, CONTROLLERS[node], replicated(node, CONTROLLERS))
    return dict(line.partition("=")[::2] for line in text.splitlines())


def test_nodes_have_names_of_their_own_and_the_same_controllers() -> None:
    nodes = [properties(node) for node in CONTROLLERS]
    assert [node["node.id"] for node in nodes] == ["1", "2", "3"]
    assert {node["controller.quorum.voters"] for node in nodes} == {
        "1@127.0.0.1:21001,2@127.0.0.1:21002,3@127.0.0.1:21003"
    }
    assert len({node["listeners"] for node in nodes}) == 3


def test_every_record_is_on_all_nodes_and_acknowledged_by_all_but_one() -> None:
    node = properties(2)
    copies = {name: value for name, value in node.items() if name.endswith("replication.factor")}
    in_sync = {name: value for name, value in node.items() if "min.isr" in name or "min.insync" in name}
    assert {"default.replication.factor", "offsets.topic.replication.factor"} < copies.keys()
    assert set(copies.values()) == {"3"}
    assert {"min.insync.replicas", "transaction.state.log.min.isr"} < in_sync.keys()
    assert set(in_sync.values()) == {"2"}


class FakeBroker:
    """Fails to start while `taken` names its port, as if somebody listened there."""

    taken: set[int] = set()
    made: list["FakeBroker"] = []

    def __init__(self, folder: Path, *, ports: tuple[int, int], **options: object) -> None:
        self.ports, self.options, self.killed = ports, options, False
        self.bootstrap = f"127.0.0.1:{ports[0]}"
        self.made.append(self)

    def start(self, timeout_s: float) -> None:
        if self.ports[0] in self.taken:
            failed = BrokerFailed("did not come up", Path("no-such-log"))
            failed.tail = ["java.net.BindException: Address already in use"]
            raise failed

    def kill(self) -> None:
        self.killed = True


def test_a_taken_port_moves_the_whole_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = iter([[1, 2, 3, 4, 5, 6], [11, 12, 13, 14, 15, 16]])
    monkeypatch.setattr(module, "Broker", FakeBroker)
    monkeypatch.setattr(module, "free_ports", lambda count: next(ports))
    monkeypatch.setattr(Cluster, "wait_whole", lambda self, timeout_s: None)
    monkeypatch.setattr(FakeBroker, "taken", {3})
    monkeypatch.setattr(FakeBroker, "made", [])
    cluster = Cluster()
    cluster.start()
    assert cluster.bootstrap == "127.0.0.1:11,127.0.0.1:13,127.0.0.1:15"
    assert all(broker.killed for broker in FakeBroker.made[:3])
    assert len({broker.options["cluster_id"] for broker in FakeBroker.made[3:]}) == 1
    cluster.close()
    assert all(broker.killed for broker in FakeBroker.made)
    assert not cluster.folder.exists()
