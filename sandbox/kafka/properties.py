"""A broker's `server.properties` and log configuration for a laptop: pure text.

One node is broker and controller, all on 127.0.0.1, replication 1, few partitions in the internal topics so that the
start is quick; `replicated` is what differs for several nodes. What a test needs otherwise (log cleaner, retention,
listeners) it overrides by name.
"""

from collections.abc import Mapping
from pathlib import Path

MESSAGE_BYTES = 4 * 1024 * 1024

SESSION = "broker.session.timeout.ms"
ABORT_SCAN = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
LAPTOP: Mapping[str, str | int] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.partitions": 4,
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "auto.create.topics.enable": "false",
    "message.max.bytes": MESSAGE_BYTES,
    "replica.fetch.max.bytes": MESSAGE_BYTES,
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # One buffer of 128 MiB is the default; a small heap has no room for it.
    "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    "log.segment.bytes": 256 * 1024 * 1024,
    # A killed broker may register again only after its old session (default 9 s).
    SESSION: 4000,
    "broker.heartbeat.interval.ms": 500,
    # A transaction of a killed process is aborted at its time-out, found by this scan (default 10 s).
    ABORT_SCAN: 1000,
}
# A lone broker. While its partitions have no leader, Kafka 4.3.1 takes the end of a transaction for written there
# (docs/engine.md). So one that was frozen is not fenced when it goes on; and one that comes back, which has no leaders
# in its first moments, ends what timed out while it was away a little later.
LONE: dict[str, str | int] = {SESSION: 600_000}
COMES_BACK: dict[str, str | int] = {ABORT_SCAN: 10_000}

LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss,SSS}} %p %c{{1}} %m%n
rootLogger.level = {level}
rootLogger.appenderRef.console.ref = console
"""


def replicated(node: int, controllers: Mapping[int, int]) -> dict[str, str | int]:
    """Overrides for one node of several, each broker and controller: every record on all of them, acknowledged by all
    but one. `controllers` are the nodes' controller ports."""
    size = len(controllers)
    kept = {name: size for name in LAPTOP if name.endswith("replication.factor")}
    in_sync = {name: max(size - 1, 1) for name in LAPTOP if name.endswith(("min.isr", "min.insync.replicas"))}
    voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in controllers.items())
    return {"node.id": node, "controller.quorum.voters": voters, **kept, **in_sync}


def server_properties(data: Path, port: int, controller: int, overrides: Mapping[str, str | int]) -> str:
    """The text of `server.properties`; `overrides` win."""
    own = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(data),
    }
    merged = {**LAPTOP, **own, **overrides}
    return "".join(f"{name}={value}\n" for name, value in merged.items())
