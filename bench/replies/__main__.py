"""`python -m bench.replies [--quick] [--json]`: how long replies wait beside a full batch stream.

A worker as it is deployed, on a genuine Kafka, against the simulated Chattigo: each line has a campaign that lasts
longer than the run, and a steady stream of replies. What is told is on the simulated Chattigo's clock.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from bench import cpu, report
from bench.cluster import PARTITIONS, Cluster
from bench.egress import stage, world
from bench.processes import READY_S, WORK_S, ProcessFailed
from bench.replies import verdict
from bench.replies import world as lines
from runtime.clock import now_ms
from runtime.kafka.record import Record
from runtime.secrets import KeyRing, generate_key
from sandbox.chattigo import ledger
from sandbox.kafka.process import Child
from schemas import topics
from schemas.record import encode

PEOPLE = 200
_POLL_S = 0.1


class Amounts(NamedTuple):
    """So many lines, each with so many replies a second, for so long."""

    lines: int
    per_s: float
    seconds: float


QUICK = Amounts(lines=4, per_s=5, seconds=27)
FULL = Amounts(lines=5, per_s=7, seconds=180)


def main() -> int:
    """Returns the exit code: 1 if anything was lost, doubled, out of order, or went behind bulk's debt."""
    options = _options()
    amounts = QUICK if options.quick else FULL
    if options.seconds:
        amounts = amounts._replace(seconds=options.seconds)
    if options.lines:
        amounts = amounts._replace(lines=options.lines)
    started = time.monotonic()
    found, examples = run(amounts)
    found |= {"seconds": round(time.monotonic() - started, 1), "machine": cpu.machine()}
    report.show(found, as_json=options.json, lines=examples)
    return 1 if any(found[name] for name in ("lost", "doubled", "out_of_order", "behind_debt")) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.replies", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="four lines, 27 seconds of replies: under 60 s")
    parser.add_argument("--seconds", type=float, default=0, help="for so long instead")
    parser.add_argument("--lines", type=int, default=0, choices=range(world.TENANTS + 1), help="so many lines instead")
    return parser.parse_args()


class Chattigo:
    """The simulated Chattigo as a process, for as long as it is entered."""

    def __init__(self, folder: Path, dids: list[str]) -> None:
        self.ledger, self._log = folder / "ledger.ndjson", folder / "chattigo.log"
        self._file = lines.chattigo_file(folder, dids)

    def __enter__(self) -> Chattigo:
        command = (sys.executable, "-m", "relevo", "sandbox", "chattigo", str(self._file), "--port", "0")
        self._child = Child(command, self._log)
        until(lambda: "\n" in self._log.read_text(), lambda: None, READY_S, "Chattigo listens")
        self.address = self._log.read_text().splitlines()[0].strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()

    def post(self, path: str, body: object) -> Any:
        """One call, answered."""
        data, headers = orjson.dumps(body), {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.address + path, data, headers), timeout=30) as answer:
            return orjson.loads(answer.read())

    def counts(self) -> dict[str, int]:
        """How many lines of each type its ledger has."""
        with urllib.request.urlopen(f"{self.address}/_sandbox/state", timeout=30) as answer:
            found: dict[str, int] = orjson.loads(answer.read())["counts"]
        return found


def run(amounts: Amounts) -> tuple[dict[str, Any], list[str]]:
    """The figures, and examples of what was wrong."""
    dids = world.dids()[: amounts.lines]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        cluster = stack.enter_context(Cluster(cpu.plan().others | cpu.plan().measured))
        cluster.create(())
        chattigo = stack.enter_context(Chattigo(folder, dids))
        _set(cluster, chattigo, folder / "keys", dids)
        chunks = int(amounts.seconds * lines.RATE / world.CALL) + 4
        stage.submit(cluster, lines.bulk(dids, chunks, PARTITIONS), now_ms())
        worker = stack.enter_context(stage.worker(cluster, folder / "keys", folder, {}))
        full = amounts.lines * world.CALL
        until(lambda: chattigo.counts().get("recipient", 0) >= full, worker.check, READY_S, "bulk goes on every line")
        fed = feed(cluster, dids, amounts, worker.check)
        until(lambda: chattigo.counts().get("message", 0) >= len(fed), worker.check, WORK_S, "every reply came")
        return verdict.judge(fed, ledger.read(chattigo.ledger))


def _set(cluster: Cluster, chattigo: Chattigo, keys: Path, dids: list[str]) -> None:
    """Tenants, and a token of each of their accounts as the lease would have fetched it."""
    key = generate_key("bench")
    keys.write_text(key)
    ring, records = KeyRing.parse(key), list[Record]()
    for tenant in lines.tenants(chattigo.address, dids):
        records.append(Record(topics.TENANTS.name, encode(tenant), tenant.tenant.encode(), partition=0))
        for account in tenant.accounts.values():
            path = account.base.removeprefix(chattigo.address) + "/login"
            token = chattigo.post(path, {"username": account.username, "password": lines.PASSWORD})["access_token"]
            records.append(world.token(account, token, ring, now_ms()))
    cluster.feed(records)


def feed(cluster: Cluster, dids: list[str], amounts: Amounts, check: Callable[[], None]) -> list[verdict.Reply]:
    """Replies of all lines at a steady rate, whatever becomes of them; each record is made when it is due."""
    fed: list[verdict.Reply] = []
    each, begin = 1 / (amounts.per_s * len(dids)), time.monotonic()
    for number in range(int(amounts.seconds / each)):
        time.sleep(max(0.0, begin + number * each - time.monotonic()))
        did, made = dids[number % len(dids)], time.time() * 1000
        record = lines.reply(did, number // len(dids), PEOPLE, int(made), PARTITIONS)
        _, contact = record.key.decode().split("|") if record.key else ("", "")
        fed.append(verdict.Reply(did, contact, f"{number // len(dids):06d}", made))
        cluster.feed([record])
        check()
    return fed


def until(true: Callable[[], bool], check: Callable[[], None], seconds: float, what: str) -> None:
    """Waits for it; `check` raises when it will not come."""
    deadline = time.monotonic() + seconds
    while not true():
        check()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"not within {seconds:g} s: {what}")
        time.sleep(_POLL_S)


if __name__ == "__main__":
    sys.exit(main())
