"""Submits a file of a million rows to a genuine Kafka, and tells what the command needed: time, and memory at its most.

    python -m bench.submitter --rows 1000000 --json

The memory is `ru_maxrss` of the command's process as the kernel counted it.
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
from pathlib import Path
from typing import Any, NamedTuple

from bench import report
from runtime.kafka import topics as kafka_topics
from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas import topics
from schemas.record import encode
from schemas.tenant import Account, Line, TemplateSpec, Tenant

ROWS = 1_000_000
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


def submit(bootstrap: str, file: Path, *arguments: str) -> Needed:
    """The command as a process of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    words = ("campaign", "submit", str(file), "--tenant", "bench", "--template", "order", "--all-lines", "--json")
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "relevo", *words, *arguments],
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
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Broker() as broker:
        file = Path(folder) / "people.csv"
        write_file(file, arguments.rows)
        asyncio.run(prepare(KafkaSettings(bootstrap=broker.bootstrap)))
        needed = submit(broker.bootstrap, file)
    figures = {
        "rows": arguments.rows,
        "recipients": needed.said.get("total", 0),
        "chunks": needed.said.get("chunks", 0),
        "seconds": round(needed.seconds, 1),
        "max_rss_mib": round(needed.max_rss_mib, 1),
    }
    report.show(figures, as_json=arguments.json)
    return needed.code


if __name__ == "__main__":
    sys.exit(main())
