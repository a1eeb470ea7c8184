"""Submits a file of a million rows to a genuine Kafka, counts what became of everybody, and tells what that needed.

    python -m bench.submitter --rows 1000000 --json

Every recipient has two outcomes when it is counted: accepted, then delivered in another order. Memory is `ru_maxrss`
of a command's process as the kernel counted it, in MiB; time is by the clock, on a machine that may have more to do.
Before that so many `--campaigns` have ended, which `relevo campaign ls` lists.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench import report
from runtime.kafka import topics as kafka_topics
from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas import ids, keys, topics
from schemas.campaign import ChunkRef, Contents, Definition, Progress
from schemas.outcome import Outcome, State
from schemas.record import encode
from schemas.session import Template
from schemas.tenant import Account, Line, TemplateSpec, Tenant

ROWS, CAMPAIGNS = 1_000_000, 1000
SUBMIT = ("campaign", "submit", "--tenant", "bench", "--template", "order", "--all-lines", "--json")
DIDS = ("56900009901", "56900009902")
_STEP = 7_368_787  # prime to 10^8: every number once, in no order


class Needed(NamedTuple):
    """How the command ended, and what it needed."""

    code: int
    seconds: float
    max_rss_mib: float
    said: dict[str, Any]


def write_file(file: Path, rows: int) -> None:
    """So many people, each once, numbers in no order."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("telefono", "nombre", "pedido"))
        for row in range(rows):
            writer.writerow((f"569{row * _STEP % 10**8:08d}", f"Persona {row}", f"P-{row:07d}"))


def tenant() -> Tenant:
    """Two lines that send templates."""
    account = Account(service="hsm", base="https://chattigo.example", username="u", password="")
    lines = [Line(did=did, templates="hsm") for did in DIDS]
    return Tenant(
        tenant="bench",
        accounts={"hsm": account},
        lines=lines,
        templates=[TemplateSpec(name="order", language="es", category="marketing", body=2)],
    )


async def prepare(settings: KafkaSettings) -> None:
    """Topics and the tenant."""
    kafka_topics.apply(settings, list(topics.catalogue().values()))
    producer = Producer(settings)
    await producer.start()
    try:
        await producer.send_all([Record(topics.TENANTS.name, encode(tenant()), b"bench", partition=0)])
    finally:
        await producer.stop()


async def tell(settings: KafkaSettings, campaign: str, lines: dict[str, int]) -> None:
    """Two outcomes of every recipient."""
    producer = Producer(settings)
    await producer.start()
    try:
        for did, count in lines.items():
            await producer.send_all(outcomes(campaign, did, count, "accepted", 1))
            await producer.send_all(outcomes(campaign, did, count, "delivered", count // 1000 or 1))
    finally:
        await producer.stop()


async def ended(settings: KafkaSettings, count: int) -> None:
    """So many campaigns of a hundred thousand that are finished, each with what its owner still said before."""
    producer = Producer(settings)
    await producer.start()
    try:
        await producer.send_all(
            record for number in range(count) for record in _ended(DIDS[number % 2], f"old{number}")
        )
    finally:
        await producer.stop()


def _ended(did: str, name: str) -> Iterator[Record]:
    template, refs = Template(name="order", language="es"), [ChunkRef(n, 1000) for n in range(100)]
    definition = Definition(campaign=name, tenant="bench", did=did, template=template, created_ms=1)
    yield _part(definition, "definition")
    yield _part(Contents(campaign=name, did=did, total=100_000, chunks=refs, digest="", committed_ms=1), "contents")
    for state, chunk in (("running", 50), ("running", 99), ("finished", 100)):
        said = Progress(campaign=name, did=did, state=state, chunk=chunk, position=0, at_ms=1)  # type: ignore[arg-type]
        yield _part(said, "progress")


def _part(record: Definition | Contents | Progress, part: str) -> Record:
    place = keys.partition(record.did, topics.CAMPAIGNS.count(topics.LAPTOP))
    key = keys.join(record.did, record.campaign, part).encode()
    return Record(topics.CAMPAIGNS.name, encode(record), key, partition=place)


def outcomes(campaign: str, did: str, count: int, state: State, step: int) -> Iterator[Record]:
    """Records of up to 1000 messages, whose positions are `step` apart."""
    order = [position for first in range(step) for position in range(first, count, step)]
    place = keys.partition(did, topics.OUTCOMES.count(topics.LAPTOP))
    for first in range(0, count, 1000):
        names = [ids.message_id_of_recipient(did, campaign, position) for position in order[first : first + 1000]]
        outcome = Outcome(
            tenant="bench", did=did, state=state, at_ms=1, message_ids=names, contacts=names, campaign=campaign
        )
        yield Record(topics.OUTCOMES.name, encode(outcome), did.encode(), partition=place)


def run(bootstrap: str, *words: str) -> Needed:
    """A command as a process of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "relevo", *words],
        env=environ | {"RELEVO_KAFKA_BOOTSTRAP": bootstrap},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    child.stdout.close()
    return Needed(child.returncode, seconds, usage.ru_maxrss / 1024, json.loads(said) if said else {})


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.submitter", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Broker(lasting=True) as broker:
        file = Path(folder) / "people.csv"
        write_file(file, arguments.rows)
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        asyncio.run(prepare(settings))
        asyncio.run(ended(settings, arguments.campaigns))
        listed = run(broker.bootstrap, "campaign", "ls", "--json")
        submitted = run(broker.bootstrap, *SUBMIT, str(file))
        campaign = submitted.said["campaign"]
        asyncio.run(tell(settings, campaign, submitted.said["lines"]))
        shown = run(broker.bootstrap, "campaign", "show", campaign, "--json")
    figures = {
        "rows": arguments.rows,
        "recipients": submitted.said["total"],
        "chunks": submitted.said["chunks"],
        "listed": len(listed.said),
        "list_seconds": round(listed.seconds, 1),
        "submit_seconds": round(submitted.seconds, 1),
        "submit_max_rss_mib": round(submitted.max_rss_mib, 1),
        "delivered": shown.said["counts"]["delivered"],
        "show_seconds": round(shown.seconds, 1),
        "show_max_rss_mib": round(shown.max_rss_mib, 1),
    }
    report.show(figures, as_json=arguments.json)
    return listed.code or submitted.code or shown.code


if __name__ == "__main__":
    sys.exit(main())
