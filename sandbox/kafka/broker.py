"""One genuine Apache Kafka broker (KRaft, no ZooKeeper) as a child process.

Promises: `start()` returns once an admin client got an answer, or raises with the broker's last log lines;
data survive `stop()`, `kill()` and `restart()` (a temporary folder goes with `close()`); the broker dies
with its owner unless `detached`. Calls block (seconds): use `async with`, or a thread, on an event loop.
"""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from sandbox.kafka.disk import SmallDisk
from sandbox.kafka.errors import BrokerFailed
from sandbox.kafka.formatting import NAMES, from_kept, keep, new_id
from sandbox.kafka.jars import Installation, prepare
from sandbox.kafka.ports import accepts, free_ports
from sandbox.kafka.process import Child
from sandbox.kafka.properties import COMES_BACK, LOGGING, LONE, server_properties
from sandbox.kafka.running import Running

START_S = 90.0
STOP_S = 15.0
PORT_ATTEMPTS = 4
# Half of what a broker costs in its first minutes is Java's optimising compiler.
_BRIEF = ("-XX:TieredStopAtLevel=1",)


class Broker(Running):
    """`with Broker() as broker: broker.bootstrap`. `port` 0: a free one; `folder` None: a temporary one.

    `properties` override the broker's; `client` are librdkafka's options to reach it when they ask for TLS or a login.
    One that is `lasting` is compiled for its speed, which takes the CPU time of some minutes' work; others are not.
    One node of a cluster (see `cluster`) is told its two `ports` and the `cluster_id` that all share. With `disk_bytes`
    its data are on a `disk` of that size, which goes with `close()`.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int = 0,
        ports: tuple[int, int] | None = None,
        cluster_id: str | None = None,
        properties: Mapping[str, str | int] | None = None,
        client: Mapping[str, str] | None = None,
        heap: str = "384m",
        log_level: str = "warn",
        detached: bool = False,
        lasting: bool = False,
        disk_bytes: int = 0,
    ) -> None:
        self._temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="relevo-kafka-") if folder is None else folder).resolve()
        self._fixed_port = port
        self._ports = ports
        self._lone = cluster_id is None
        self._cluster_id = cluster_id or new_id()
        self._properties = dict(properties or {})
        self._client = dict(client or {})
        self._heap = heap
        self._log_level = log_level
        self._detached = detached
        self._compiler = () if lasting else _BRIEF
        self.disk = SmallDisk(self._data, disk_bytes) if disk_bytes else None
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`; stays the same over a restart."""
        if self._ports is None:
            raise RuntimeError("the broker has no port before its first start")
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def log(self) -> Path:
        """What the broker wrote."""
        return self.folder / "broker.log"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.exit_code is None

    def start(self, timeout_s: float = START_S) -> None:
        """Raises KafkaUnavailable (no Java or jars), BrokerFailed, or NoSmallDisk."""
        if self.running:
            return
        if self.disk is not None and not self.disk.mounted:
            self.disk.start()
        installation = prepare()
        for attempt in range(PORT_ATTEMPTS):
            chosen_now = self._ports is None
            ports = self._choose_ports()
            try:
                self._launch(installation, ports, timeout_s)
            except BrokerFailed as failed:
                movable = chosen_now and not self._fixed_port and attempt + 1 < PORT_ATTEMPTS
                if not (movable and port_was_taken(failed)):
                    raise
                self._ports = None
            else:
                return

    def stop(self, deadline_s: float = STOP_S) -> bool:
        """SIGTERM, SIGKILL after the deadline; True if it ended by itself. The data stay."""
        child, self._child = self._child, None
        return child.stop(deadline_s) if child else True

    def kill(self) -> None:
        """SIGKILL, at once. The data stay."""
        child, self._child = self._child, None
        if child:
            child.kill()

    def restart(self, timeout_s: float = START_S) -> None:
        """Stops it if it runs and starts it again: same port, same data."""
        self.stop()
        self.start(timeout_s)

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        if self._child:
            self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._child:
            self._child.send(signal.SIGCONT)

    def close(self) -> None:
        """Stops it; a temporary folder is removed, so nobody waits until the data in it are in order."""
        if self._temporary:
            self.kill()
        else:
            self.stop()
        if self.disk is not None:
            self.disk.close()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _choose_ports(self) -> tuple[int, int]:
        if self._ports is None:
            port, controller = free_ports(2)
            self._ports = (self._fixed_port or port, controller)
        return self._ports

    def _launch(self, installation: Installation, ports: tuple[int, int], timeout_s: float) -> None:
        self._write_configuration(ports)
        self._format(installation)
        command = [
            *self._java(installation),
            f"-Xmx{self._heap}",
            "-XX:+UseSerialGC",
            *self._compiler,
            "kafka.Kafka",
            self._config,
        ]
        self._child = Child(command, self.log, detached=self._detached)
        try:
            self._wait_until_ready(ports[0], time.monotonic() + timeout_s)
        except BaseException:
            self.kill()
            raise

    @property
    def _config(self) -> str:
        return str(self.folder / "server.properties")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _seen(self) -> Path:
        """Where this process sees the data."""
        return self.disk.seen if self.disk is not None else self._data

    @property
    def _formatted(self) -> bool:
        return (self._seen / NAMES).exists()

    def _java(self, installation: Installation) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        behind = self.disk.prefix if self.disk is not None else ()
        return [*behind, str(installation.java), logging, "-cp", installation.class_path]

    def _write_configuration(self, ports: tuple[int, int]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        alone = (COMES_BACK if self._formatted else LONE) if self._lone else {}
        Path(self._config).write_text(server_properties(self._data, *ports, {**alone, **self._properties}))
        (self.folder / "log4j2.properties").write_text(LOGGING.format(level=self._log_level))
        self.log.write_bytes(b"")

    def _format(self, installation: Installation) -> None:
        if self._formatted:
            return
        # Roles of one's own are for the tool to judge.
        as_usual = "process.roles" not in self._properties
        node = int(self._properties.get("node.id", 1))
        if as_usual and from_kept(self._seen, installation.jars, self._cluster_id, node):
            return
        format_ = ["kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", self._config]
        command = [*self._java(installation), *_BRIEF, *format_]
        with self.log.open("ab") as output:
            done = subprocess.run(
                command, check=False, stdout=output, stderr=output, stdin=subprocess.DEVNULL, timeout=60
            )
        if done.returncode:
            raise BrokerFailed(f"formatting the broker's data folder failed ({done.returncode})", self.log)
        if as_usual:
            keep(self._seen, installation.jars)

    def _wait_until_ready(self, port: int, deadline: float) -> None:
        while not accepts(port):
            self._check_alive(deadline)
            time.sleep(0.05)
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0, **self._client})
        # Another broker on the port would answer too, while ours is still on its way to "Address already in use".
        while _cluster_that_answers(admin) != self._cluster():
            self._check_alive(deadline)

    def _cluster(self) -> str:
        meta = (self._seen / NAMES).read_text().splitlines()
        return next(line.partition("=")[2] for line in meta if line.startswith("cluster.id="))

    def _check_alive(self, deadline: float) -> None:
        code = self._child.exit_code if self._child else None
        if code is not None:
            raise BrokerFailed(f"the broker ended with {code} while it started", self.log)
        if time.monotonic() > deadline:
            raise BrokerFailed("the broker did not answer in time", self.log)


def _cluster_that_answers(admin: AdminClient) -> str | None:
    try:
        answer = admin.list_topics(timeout=1)
    except KafkaException:
        return None
    return answer.cluster_id if answer.brokers else None


def port_was_taken(failed: BrokerFailed) -> bool:
    """Whether a broker did not come up because somebody listens on its port."""
    return any("Address already in use" in line for line in failed.tail)
