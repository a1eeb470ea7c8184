"""`python -m bench.services [--quick] [--json]`: what a webhook costs until it is answered, and an event until an agent
has said its part, in CPU time; and how many bytes of each stand in Kafka."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson

from bench import cpu, inputs, report
from bench.cluster import Cluster, Found
from bench.processes import Measured, Subject, measure
from bench.processors.settings import SESSION_S
from bench.services import reference
from bench.services.reference import BARE
from bench.services.web import Server, posted
from runtime.clock import now_ms
from runtime.kafka.record import Record
from runtime.secrets import secret_digest
from schemas import topics
from schemas.chattigo import webhook
from schemas.headers import Headers
from schemas.inbound import Facts, InboundEvent
from schemas.record import encode
from schemas.tenant import Tenant, WebhookSecret

AGENT = "echo"
SECRET = "a-secret-of-this-benchmark-alone-0123456789"
WARM, ROUNDS = 200, 3
_DAY_MS = 86_400_000


class Amounts(NamedTuple):
    webhooks: int
    events: int


FULL, QUICK = Amounts(60_000, 60_000), Amounts(6_000, 9_000)


def main() -> int:
    """Returns the exit code: 1 if a webhook or an answer is missing, or there twice."""
    parser = argparse.ArgumentParser("python -m bench.services", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer webhooks and events")
    options = parser.parse_args()
    started = time.monotonic()
    found = run(QUICK if options.quick else FULL)
    found |= {"seconds": round(time.monotonic() - started, 1), "machine": cpu.machine()}
    report.show(found, as_json=options.json)
    return 1 if found["lost"] else 0


def run(amounts: Amounts) -> dict[str, Any]:
    """The figures."""
    cores, at_ms = cpu.plan(), now_ms()
    posts = [record.value or b"" for record in _webhooks(amounts.webhooks, at_ms)]
    told = [_event(record, at_ms) for record in _webhooks(amounts.events + WARM, at_ms)]
    with tempfile.TemporaryDirectory() as name, Cluster(cores.others) as cluster:
        cluster.topic(BARE)
        source, output = cluster.topic("bench.events"), cluster.topic("bench.answers")
        cluster.create((AGENT,))
        cluster.feed(Record(topics.TENANTS.name, encode(one), one.tenant.encode(), partition=0) for one in _tenants())
        web = _posted(cluster, cores, Path(name), posts)
        agents = measure(_subjects(cluster, source, output, told), cluster, cores, Path(name), warm=WARM, rounds=ROUNDS)
        written = cluster.read(topics.INBOUND_CONVERSATIONS.name, topics.OUTBOUND_REPLIES.name)
    ids = [one.headers["id"] for one in written[topics.INBOUND_CONVERSATIONS.name]]
    answers = [orjson.loads(one.value or b"")["cause"] for one in written[topics.OUTBOUND_REPLIES.name]]
    lost = abs(len(posts) - len(ids)) + len(ids) - len(set(ids)) + abs(len(told) - len(answers))
    return {
        "lost": lost + len(answers) - len(set(answers)),
        **_figures("webhooks", web["webhooks"], web["bare"]),
        **_figures("agents", agents["agents"], agents["loop"]),
        "webhook_bytes": _bytes(written[topics.INBOUND_CONVERSATIONS.name]),
        "event_bytes": sum(len(one.value or b"") + _head(one.key, dict(one.headers)) for one in told) // len(told),
        "reply_bytes": _bytes(written[topics.OUTBOUND_REPLIES.name]),
    }


def _webhooks(count: int, at_ms: int) -> Sequence[Record]:
    """Each once, and nobody so often that a limit of agents is met."""
    found = (one for one in inputs.make(count * 2, count, at_ms).sources if b'"chatType"' not in (one.value or b""))
    return list({Headers.from_kafka(one.headers).id: one for one in found}.values())[:count]


def _tenants() -> list[Tenant]:
    """Each line's secret is the tenant's own."""

    def secret(name: str) -> list[WebhookSecret]:
        return [WebhookSecret(sha256=secret_digest(f"{SECRET}{name}"))]

    return [msgspec.structs.replace(one, secrets=secret(one.tenant)) for one in inputs.tenants()]


def _posted(cluster: Cluster, cores: cpu.Plan, folder: Path, bodies: Sequence[bytes]) -> dict[str, Measured]:
    """Both servers in turns, on a core of their own."""
    owners = {line.did: one.tenant for one in inputs.tenants() for line in one.lines}
    paths = [f"/v1/webhooks/{SECRET}{owners[webhook.read(body)[0].did]}" for body in bodies]
    calls = list(zip(paths, bodies, strict=True))
    with Server.webhooks(cluster, folder) as ours, Server.bare(cluster, folder) as bare:
        found = {"webhooks": Measured(), "bare": Measured()}
        with cpu.on(cores.others):
            for server in (ours, bare):
                server.pin(cores.measured)
            for turn in range(ROUNDS):
                part = calls[turn * len(calls) // ROUNDS : (turn + 1) * len(calls) // ROUNDS]
                for name, server in (("webhooks", ours), ("bare", bare)):
                    found[name] = found[name].plus(posted(server, part))
    return found


def _subjects(cluster: Cluster, source: str, output: str, told: Sequence[Record]) -> dict[Subject, Sequence[Record]]:
    env = (
        ("RELEVO_KAFKA_BOOTSTRAP", cluster.kafka.bootstrap),
        ("RELEVO_PROCESSOR_AGENTS", AGENT),
        ("RELEVO_PROCESSOR_SESSION_TIMEOUT_S", str(SESSION_S)),
        ("RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S", str(SESSION_S)),
    )
    service = (sys.executable, "-m", "relevo", "serve", "agents", "--agent", AGENT)
    loop = (sys.executable, "-m", "bench.services.reference", "answer", cluster.kafka.bootstrap, source, output)
    ours = Subject("agents", service, f"relevo-agents-{AGENT}", topics.agent(AGENT).name, env)
    return {ours: told, Subject("loop", loop, reference.GROUP, source): told}


def _event(record: Record, at_ms: int) -> Record:
    """The event that conversations makes of a webhook."""
    headers, (arrival,) = Headers.from_kafka(record.headers), webhook.read(record.value or b"")
    event = InboundEvent(
        id=headers.id,
        tenant=headers.tenant,
        did=arrival.did,
        contact=arrival.contact,
        reply_to=arrival.reply_to,
        kind="message",
        at_ms=arrival.at_ms,
        content=arrival.content,
        context=arrival.context,
        referral=arrival.referral,
        facts=Facts(window_expires_ms=at_ms + _DAY_MS, profile_name=arrival.profile_name, last_inbound_ms=at_ms),
    )
    told = Headers(
        id=headers.id, type="event", tenant=headers.tenant, at_ms=at_ms, did=arrival.did, contact=arrival.contact
    )
    return Record(topics.agent(AGENT).name, encode(event), record.key, tuple(told.to_kafka()))


def _figures(name: str, ours: Measured, bare: Measured) -> dict[str, Any]:
    return {
        f"{name}_per_cpu_second": round(ours.per_cpu_second),
        f"{name}_reference_per_cpu_second": round(bare.per_cpu_second),
        f"{name}_ratio": round(ours.per_cpu_second / bare.per_cpu_second, 2),
        f"{name}_records": ours.records,
        f"{name}_cpu_s": round(ours.cpu_s, 2),
    }


def _bytes(records: Sequence[Found]) -> int:
    """Of a record on average, with key and headers, before compression."""
    return sum(len(one.value or b"") + _head(one.key, one.headers) for one in records) // max(len(records), 1)


def _head(key: bytes | None, headers: dict[str, bytes]) -> int:
    return len(key or b"") + sum(len(name) + len(value) for name, value in headers.items())


if __name__ == "__main__":
    sys.exit(main())
