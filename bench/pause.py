"""A real million: a campaign is paused in the middle, killed, resumed, killed amid its calls, and cancelled.

    python -m bench.pause --json
    python -m bench.pause --recipients 50000

A worker as it is deployed, on a genuine Kafka, with a server that takes every call and keeps its body; orders and
counts by `relevo campaign`. Told are how many calls came after the pause was acknowledged (those that were in flight
then), and whether what `relevo campaign show` says adds up to the file at each look and agrees with the server.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench import cpu, report
from bench.cluster import Cluster
from bench.egress import audit, stage, world
from bench.processes import READY_S, ProcessFailed
from bench.submitter import Needed, run
from runtime.clock import now_ms
from runtime.kafka.record import Record
from runtime.secrets import KeyRing, generate_key
from schemas import topics
from schemas.record import encode

MILLION = 1_000_000
CAMPAIGN = "million"
TENANT = "company-0"
_STEP = 7_368_787  # prime to 10^8: every number once, in no order
_POLL_S = 0.05
_LASTS_S = 60.0  # what the line's rate makes of the whole, so that each order finds it in the middle
_QUIET_S = 3.0  # no call comes for so long: nothing is in flight any more
_WORK_S = 600.0
# A worker that takes its lines over at once: it is the same member.
WORKER = {"RELEVO_EGRESS_SESSION_TIMEOUT_S": "10", "RELEVO_EGRESS_TRANSACTION_TIMEOUT_S": "10"}


class Pause:
    """One run. Everything is started when it is made, and ends with `stack`."""

    def __init__(self, folder: Path, recipients: int, stack: ExitStack) -> None:
        self._folder, self.recipients, self._stack = folder, recipients, stack
        cores = cpu.plan().others | cpu.plan().measured
        self._cluster = stack.enter_context(Cluster(cores))
        self._cluster.create(())
        self._server = stack.enter_context(stage.Server(folder, "chattigo", cores))
        self._bodies: list[bytes] = []
        self.looks: list[dict[str, Any]] = []
        self._set()

    def _set(self) -> None:
        key = generate_key("bench")
        (self._folder / "keys").write_text(key)
        [tenant] = [one for one in world.tenants(self._server.address) if one.tenant == TENANT]
        tenant = replace(tenant, lines=[replace(tenant.lines[0], rate=self.recipients / _LASTS_S)])
        token = world.token(tenant.accounts["hsm"], "a token", KeyRing.parse(key), now_ms())
        self._cluster.feed([Record(topics.TENANTS.name, encode(tenant), TENANT.encode(), partition=0), token])

    def submit(self) -> float:
        """The file becomes a campaign on the tenant's first line; gives the seconds that this took."""
        file = self._folder / "people.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("telefono", "a", "b", "c", "enlace"))
            rows = range(self.recipients)
            writer.writerows(
                (f"569{(row + 1) * _STEP % 10**8:08d}", "Ana", f"P-{row:07d}", "mañana", "p/1") for row in rows
            )
        mapping = ("--to", "telefono", *(word for name in "abc" for word in ("--body", name)), "--button", "enlace")
        line = ("--line", world.dids()[0], "--tenant", TENANT, "--template", "notice_00")
        return self._relevo("submit", str(file), *line, *mapping, "--id", CAMPAIGN, "--force", "--json").seconds

    def worker(self, points: str = "") -> stage.Program:
        """Another process of the same worker; `points` are test points, as `runtime.points` reads them."""
        env = WORKER | {"RELEVO_TEST_POINTS": points}
        return self._stack.enter_context(stage.worker(self._cluster, self._folder / "keys", self._folder, env))

    def order(self, action: str) -> float:
        """Returns once it is acknowledged; gives the seconds."""
        return self._relevo(action, CAMPAIGN, "--wait", "60", "--json").seconds

    def show(self) -> dict[str, Any]:
        """What the command says; its counts must add up to the file."""
        said = self._relevo("show", CAMPAIGN, "--json").said
        counts = said["counts"]
        total = sum(count for name, count in counts.items() if name not in ("total", "codes"))
        if not total == counts["total"] == self.recipients:
            raise RuntimeError(f"the counts do not add up to {self.recipients}: {counts}")
        self.looks.append(counts)
        return dict(said)

    def _relevo(self, *words: str) -> Needed:
        done = run(self._cluster.kafka.bootstrap, "campaign", *words)
        if done.code:
            raise RuntimeError(f"relevo campaign {words} ended with {done.code}")
        return done

    def calls(self) -> int:
        """How many came so far."""
        self._bodies += self._server.calls()
        return len(self._bodies)

    def quiet(self) -> int:
        """How many came once none came any more."""
        count, since = self.calls(), time.monotonic()
        while time.monotonic() - since < _QUIET_S:
            time.sleep(_POLL_S)
            if (now := self.calls()) != count:
                count, since = now, time.monotonic()
        return count

    def until_calls(self, count: int, program: stage.Program) -> None:
        deadline = time.monotonic() + _WORK_S
        while self.calls() < count:
            program.check()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.calls()} of {count} calls within {_WORK_S:g} s: {program.tail()}")
            time.sleep(_POLL_S)

    def until_told(self) -> dict[str, Any]:
        """Until every call that was planned has an outcome, or is in doubt."""
        deadline = time.monotonic() + READY_S
        while (said := self.show())["counts"].get("sending"):
            if time.monotonic() > deadline:
                raise ProcessFailed(f"some have no outcome after {READY_S:g} s: {said['counts']}")
        return said

    def sent(self) -> Counter[str]:
        """How often each person was sent to."""
        self.calls()
        return Counter(one.due.to for body in self._bodies for one in audit.arrived(body))


def play(pause: Pause) -> dict[str, Any]:
    """The whole of it; the figures."""
    submitted, calls = pause.submit(), pause.recipients // world.CALL
    first = pause.worker()
    pause.until_calls(calls // 4, first)
    acknowledged_s = pause.order("pause")
    at_pause = pause.calls()
    os.kill(first.pid, 9)
    after_pause = pause.quiet() - at_pause
    paused = pause.show()
    heir = pause.worker(points=f"after_post=kill:{calls // 4}")
    time.sleep(_QUIET_S)
    while_paused = pause.calls() - at_pause - after_pause
    pause.order("resume")
    heir.ended(_WORK_S)
    pause.show()
    last = pause.worker()
    pause.until_calls(pause.calls() + calls // 8, last)
    cancelled_s = pause.order("cancel")
    pause.quiet()
    counts, sent = pause.until_told()["counts"], pause.sent()
    told, doubtful = counts.get("accepted", 0), counts.get("in_doubt", 0)
    return {
        "recipients": pause.recipients,
        "submit_s": round(submitted, 1),
        "pause_s": round(acknowledged_s, 2),
        "cancel_s": round(cancelled_s, 2),
        "calls_before_pause": at_pause,
        "calls_after_pause": after_pause,
        "calls_while_paused": while_paused,
        "state_paused": paused["state"],
        "counts": counts,
        "sent_to": len(sent),
        "twice": sum(count > 1 for count in sent.values()),
        "sides_agree": told <= len(sent) <= told + doubtful and told > 0,
        "looks_that_add_up": len(pause.looks),
    }


def main() -> int:
    """Returns the exit code: 1 where a call came while it was paused, twice to anybody, or counts differ."""
    parser = argparse.ArgumentParser("python -m bench.pause", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--recipients", type=int, default=MILLION)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = play(Pause(Path(folder), options.recipients, stack))
    found |= {"seconds": round(time.monotonic() - started, 1), "machine": cpu.machine()}
    report.show(found, as_json=options.json)
    return 1 if found["calls_while_paused"] or found["twice"] or not found["sides_agree"] else 0


if __name__ == "__main__":
    sys.exit(main())
