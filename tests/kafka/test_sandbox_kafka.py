"""The sandbox's broker: it comes up by itself, keeps its data, says why it failed, and dies with its owner."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from sandbox.kafka import Broker, BrokerFailed, KafkaUnavailable, MockCluster, jars
from sandbox.kafka.ports import is_free


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "kafka") as broker:
        yield broker


def until(condition: Callable[[], object], deadline_s: float = 30) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the condition did not become true in time"
        time.sleep(0.05)


def write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, 30)]
    finally:
        consumer.close()


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


def test_keeps_port_and_data_over_stop_and_kill(own: Broker) -> None:
    address = own.bootstrap
    create(address, "kept")
    write(address, "kept", [b"one", b"two"])
    own.restart()
    write(address, "kept", [b"three"])
    own.kill()
    assert not own.running
    own.start()
    assert own.bootstrap == address
    assert read(address, "kept", 3) == [b"one", b"two", b"three"]


def test_a_paused_broker_answers_nobody_until_it_is_resumed(own: Broker) -> None:
    create(own.bootstrap, "frozen")
    producer = Producer({"bootstrap.servers": own.bootstrap, "log_level": 0})
    own.pause()
    producer.produce("frozen", b"late")
    assert producer.flush(1) == 1
    own.resume()
    assert producer.flush(30) == 0


def test_stops_by_itself_also_when_paused(own: Broker) -> None:
    own.pause()
    assert own.stop(30)
    assert own.pid is None


def test_temporary_data_go_with_it() -> None:
    with Broker() as broker:
        folder = broker.folder
        assert (folder / "data").exists()
    assert not folder.exists()


def test_a_broker_that_does_not_come_up_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(BrokerFailed, match=r"(?s)formatting.*process\.roles") as caught:
        Broker(tmp_path, properties={"process.roles": "kitchen"}).start()
    assert any("ConfigException" in line or "process.roles" in line for line in caught.value.tail)


def test_a_broker_that_ends_while_it_starts_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(BrokerFailed, match=r"(?s)ended with.*last lines"):
        Broker(tmp_path, heap="4m").start()


def test_a_taken_port_of_ones_own_choice_is_an_error(own: Broker, tmp_path: Path) -> None:
    port = int(own.bootstrap.rsplit(":", 1)[1])
    assert not is_free(port)
    with pytest.raises(BrokerFailed, match=f"{port}|Address already in use"):
        Broker(tmp_path / "second", port=port).start()


def test_dies_with_an_owner_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from sandbox.kafka import Broker; broker = Broker(pathlib.Path(sys.argv[1])); "
        "broker.start(); print(broker.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        os.kill(pid, 0)
        owner.kill()
    until(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_detached_outlives_its_owner(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from sandbox.kafka import Broker; "
        "broker = Broker(pathlib.Path(sys.argv[1]), detached=True); broker.start(); print(broker.pid, broker.bootstrap)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    pid, bootstrap = done.stdout.split()
    try:
        admin = AdminClient({"bootstrap.servers": bootstrap})
        assert admin.list_topics(timeout=10).brokers
    finally:
        os.kill(int(pid), signal.SIGKILL)


def test_without_jars_it_says_what_was_tried_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "KAFKA", "org.apache.kafka:kafka_2.13:0.0.0-none")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(KafkaUnavailable) as caught:
        jars.prepare()
    told = str(caught.value)
    assert "jgo for org.apache.kafka:kafka_2.13:0.0.0-none" in told
    assert "mvn for" in told
    assert "--mock" in told
    assert str(tmp_path) in told


def test_mock_cluster_takes_and_gives_records() -> None:
    with MockCluster() as cluster:
        producer = Producer({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        producer.produce("topic", b"value", partition=0)
        assert producer.flush(10) == 0
        assert read(cluster.bootstrap, "topic", 1) == [b"value"]
    assert not cluster.running
