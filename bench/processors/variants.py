"""The five programs that are measured, with the topics that each needs, and how much each is given to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.cluster import Cluster
from bench.processes import Subject
from bench.processors.settings import RING, SESSION_S
from processors.conversations.service import APP_ID, NAME
from schemas import topics


class Amounts(NamedTuple):
    """Records for each program: the slow ones get fewer, for what counts is what one costs."""

    noop: int
    plain: int
    reference: int
    ours: int
    conversations: int


FULL = Amounts(noop=30_000, plain=9_000, reference=120_000, ours=120_000, conversations=120_000)
QUICK = Amounts(noop=6_000, plain=1_800, reference=40_000, ours=40_000, conversations=20_000)
OURS_OUTPUTS = "bench.ours."
OURS_STATES = "bench.ours-states"


class Variant(NamedTuple):
    """`prepare` makes the topics and says what to start. `what` is for the table."""

    name: str
    what: str
    prepare: Callable[[Cluster, Path, Sequence[str]], Subject]


def _noop(cluster: Cluster, folder: Path, agents: Sequence[str]) -> Subject:
    source = cluster.topic("bench.noop")
    return _python("noop", "bench-noop", source, cluster.kafka.bootstrap, source, str(folder))


def _plain(cluster: Cluster, folder: Path, agents: Sequence[str], *more: str) -> Subject:
    source, output = cluster.topic("bench.plain"), cluster.topic("bench.plain.events")
    cluster.topic("bench-plain-states-changelog", cleanup="compact")
    return _python("plain", "bench-plain", source, cluster.kafka.bootstrap, source, output, str(folder), *more)


def _unconfirmed(cluster: Cluster, folder: Path, agents: Sequence[str]) -> Subject:
    return _plain(cluster, folder, agents, "unconfirmed")


def _reference(cluster: Cluster, folder: Path, agents: Sequence[str]) -> Subject:
    source, output = cluster.topic("bench.reference"), cluster.topic("bench.reference.events")
    changelog = cluster.topic("bench.reference.states", cleanup="compact")
    return _python("reference", "bench-reference", source, cluster.kafka.bootstrap, source, output, changelog)


def _python(name: str, group: str, source: str, *arguments: str) -> Subject:
    return Subject(name, (sys.executable, "-m", f"bench.processors.{name}", *arguments), group, source)


def _ours(cluster: Cluster, folder: Path, agents: Sequence[str]) -> Subject:
    source, changelog = cluster.topic("bench.ours"), cluster.topic(OURS_STATES, cleanup="compact")
    for agent in agents:
        cluster.topic(OURS_OUTPUTS + agent)
    given = (cluster.kafka.bootstrap, source, OURS_OUTPUTS, changelog, ",".join(agents))
    return _python("ours", "bench-ours", source, *given)


def _conversations(cluster: Cluster, folder: Path, agents: Sequence[str]) -> Subject:
    env = (
        ("RELEVO_KAFKA_BOOTSTRAP", cluster.kafka.bootstrap),
        ("RELEVO_PROCESSOR_AGENTS", ",".join(agents)),
        ("RELEVO_PROCESSOR_RING_SIZE", str(RING)),
        ("RELEVO_PROCESSOR_SESSION_TIMEOUT_S", str(SESSION_S)),
        ("RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S", str(SESSION_S)),
    )
    command = (sys.executable, "-m", "relevo", "serve", NAME)
    return Subject(NAME, command, APP_ID, topics.INBOUND_CONVERSATIONS.name, env)


VARIANTS = (
    Variant("noop", "an empty Faust agent", _noop),
    Variant("plain", "Faust made crash-safe as usual: send event and state, await Kafka, acknowledge", _plain),
    Variant("reference", "a bare confluent-kafka loop: no checks, no tenants, no transactions", _reference),
    Variant("ours", "the same work on our engine, and routing: exactly once", _ours),
    Variant(NAME, "the product's service: owners, opt-outs, facts and checks besides", _conversations),
)


def variants(*, confirmed: bool = True) -> Sequence[Variant]:
    """All; without `confirmed` the plain one does not wait until Kafka has its states, which is not safe."""
    what = "Faust with its states unconfirmed, which a crash may lose: send the event, await Kafka, acknowledge"
    plain = Variant("plain", what, _unconfirmed)
    return [plain if not confirmed and one.name == "plain" else one for one in VARIANTS]
