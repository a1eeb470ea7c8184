"""`python -m bench.egress [--quick] [--json]`: what mass sending costs, beside a bare loop."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from bench import cpu, report
from bench.cluster import PARTITIONS, Cluster
from bench.egress import audit, reference, stage, traffic, world
from bench.processes import READY_S, WORK_S, Measured
from runtime.clock import now_ms
from runtime.secrets import KeyRing, generate_key


class Amounts(NamedTuple):
    """In each round each line sends so many `singles` of each of `templates` templates, and a campaign of `chunks`
    thousands; `mixed`: the singles of all lines in random order."""

    rounds: int
    singles: int
    templates: int
    chunks: int
    fill: world.Fill
    mixed: bool = False


QUICK = Amounts(rounds=1, singles=1000, templates=2, chunks=2, fill=world.Fill(ids=20_000, plans=2))
FULL = Amounts(rounds=3, singles=1000, templates=2, chunks=4, fill=world.Fill(ids=200_000, plans=10))


def main() -> int:
    """Returns the exit code: 1 if anything came out wrong."""
    options = _options()
    started = time.monotonic()
    amounts = QUICK if options.quick else FULL
    if options.mixed:
        amounts = amounts._replace(singles=100, templates=world.TEMPLATES, mixed=True)
    found, examples = run(amounts)
    found["seconds"] = round(time.monotonic() - started, 1)
    report.show(found, as_json=options.json, lines=examples)
    return 1 if any(found[name] for name in ("lost", "doubled", "wrong", "receipts_unheard")) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.egress", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer messages and less history: under 40 s")
    parser.add_argument("--mixed", action="store_true", help="single messages of all lines and templates at random")
    return parser.parse_args()


class Bench:
    """One run: everything started, warm and frozen; then each program in its turn."""

    def __init__(self, amounts: Amounts, folder: Path, stack: ExitStack) -> None:
        self._amounts, self._cores = amounts, cpu.plan()
        self._cluster = stack.enter_context(Cluster(self._cores.others))
        self._cluster.topic(stage.SOURCE)
        self._cluster.create(())
        self._servers = {
            name: stack.enter_context(stage.Server(folder, name, self._cores.others))
            for name in ("reference", "egress")
        }
        self._set(folder / "keys")
        self._outcomes = stage.Outcomes(self._cluster.kafka)
        stack.callback(self._outcomes.close)
        self._bare = stack.enter_context(stage.bare(self._cluster, self._servers["reference"].address, folder))
        self._egress = stack.enter_context(stage.worker(self._cluster, folder / "keys", folder, {}))
        self.measured = dict.fromkeys(("reference", "templates", "campaigns", "receipts"), Measured())
        self.verdicts: dict[str, list[audit.Verdict]] = {name: [] for name in ("warming", "templates", "campaigns")}
        self.parked = self.unheard = 0

    def _set(self, keys: Path) -> None:
        key = generate_key("bench")
        keys.write_text(key)
        base = self._servers["egress"].address
        setting = world.Setting(base, KeyRing.parse(key), PARTITIONS, now_ms())
        self._cluster.feed(setting.records(self._amounts.fill))

    def warm(self) -> None:
        """Both have sent a few, and stand still."""
        batch = traffic.warming("warm", now_ms(), PARTITIONS)
        self._cluster.feed(batch.records)
        self._cluster.feed(batch.records, stage.SOURCE)
        stage.send_singles(self._egress, self._cluster, self._outcomes, batch, READY_S)()
        self._reference_done(READY_S)
        for program in (self._bare, self._egress):
            program.freeze(self._cores.measured)
        self._judge("warming", batch)
        self._servers["reference"].calls()

    def turn(self, number: int) -> None:
        """One round."""
        amounts = self._amounts
        batch = traffic.singles(
            f"singles-{number}",
            now_ms(),
            PARTITIONS,
            each=amounts.singles,
            templates=amounts.templates,
            mixed=amounts.mixed,
        )
        with cpu.on(self._cores.others):
            self._reference(batch)
            self._templates(batch)
            self._campaigns(f"campaign-{number}")

    def _reference(self, batch: traffic.Batch) -> None:
        self._cluster.feed(batch.records, stage.SOURCE)
        self._add("reference", self._bare.work(len(batch.due), lambda: self._reference_done(WORK_S)))
        sent = sum(len(audit.arrived(body)) for body in self._servers["reference"].calls())
        if sent != len(batch.due):
            raise RuntimeError(f"the bare loop sent {sent} of {len(batch.due)}")

    def _reference_done(self, seconds: float) -> None:
        stage.committed(self._cluster, reference.GROUP, stage.SOURCE, self._bare.check, seconds)

    def _templates(self, batch: traffic.Batch) -> None:
        self._cluster.feed(batch.records)
        done = stage.send_singles(self._egress, self._cluster, self._outcomes, batch)
        self._add("templates", self._egress.work(len(batch.due), done))
        self._judge("templates", batch)

    def _campaigns(self, name: str) -> None:
        every = list(traffic.campaigns(name, PARTITIONS, chunks=self._amounts.chunks))
        stage.submit(self._cluster, every, now_ms())
        due = {key: one for campaign in every for key, one in campaign.due.items()}
        done = lambda: self._outcomes.await_all(due, self._egress.check, WORK_S)  # noqa: E731
        self._add("campaigns", self._egress.work(len(due), done))
        self._judge("campaigns", traffic.Batch([], due))
        self._receipts(due)

    def _receipts(self, due: dict[str, traffic.Due]) -> None:
        """Each message of the campaigns was delivered, as its own webhook says."""
        self._cluster.feed(traffic.receipts(due, now_ms(), PARTITIONS))
        done = lambda: self._outcomes.await_all(due, self._egress.check, WORK_S)  # noqa: E731
        self._add("receipts", self._egress.work(len(due), done))
        heard = [one for said in self._outcomes.taken() if said.state == "delivered" for one in said.message_ids]
        self.unheard += len(due) - len(set(heard)) + len(heard) - len(set(heard))

    def _add(self, name: str, measured: Measured) -> None:
        self.measured[name] = self.measured[name].plus(measured)

    def _judge(self, name: str, batch: traffic.Batch) -> None:
        calls, outcomes = self._servers["egress"].calls(), self._outcomes.taken()
        self.parked += sum(len(one.message_ids) for one in outcomes if one.state == "parked")
        self.verdicts[name].append(audit.judge(calls, outcomes, batch.due, batch.refused))


def run(amounts: Amounts) -> tuple[dict[str, Any], list[str]]:
    """The figures, and examples of what was wrong."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        bench = Bench(amounts, Path(name), stack)
        bench.warm()
        for number in range(amounts.rounds):
            bench.turn(number)
    return figures(amounts, bench.measured, bench.verdicts, bench.parked, bench.unheard)


def figures(
    amounts: Amounts,
    measured: dict[str, Measured],
    verdicts: dict[str, list[audit.Verdict]],
    parked: int,
    unheard: int = 0,
) -> tuple[dict[str, Any], list[str]]:
    """Everything that is printed."""
    rates = {name: one.per_cpu_second for name, one in measured.items()}
    every = [verdict for part in verdicts.values() for verdict in part]
    sent = [*verdicts["templates"], *verdicts["campaigns"]]
    found = {
        **{f"{name}_per_cpu_second": round(rate) for name, rate in rates.items()},
        "templates_ratio": round(rates["templates"] / rates["reference"], 3),
        "campaigns_ratio": round(rates["campaigns"] / rates["reference"], 3),
        "calls": sum(one.calls for one in sent),
        "recipients": sum(one.recipients for one in sent),
        **{name: sum(getattr(one, name) for one in every) for name in ("lost", "doubled", "wrong")},
        **{f"{name}_{part}": value for name, one in measured.items() for part, value in _detail(one).items()},
        "parked": parked,
        "receipts_unheard": unheard,
        "templates_calls": sum(one.calls for one in verdicts["templates"]),
        "campaigns_calls": sum(one.calls for one in verdicts["campaigns"]),
        "calls_least": _least(amounts),
        "lines": world.LINES,
        "templates": world.TEMPLATES,
        "optouts": world.OPTOUTS,
        "ids_known_a_line": amounts.fill.ids,
        "messages_in_memory_a_line": amounts.fill.plans * world.CALL,
        "machine": cpu.machine(),
    }
    return found, [example for one in every for example in one.examples]


def _least(amounts: Amounts) -> int:
    """The fewest calls that this takes: for each line, template and campaign a thousand a call."""
    singles = world.LINES * amounts.templates * -(-amounts.singles // world.CALL)
    return amounts.rounds * (singles + world.LINES * amounts.chunks)


def _detail(one: Measured) -> dict[str, Any]:
    return {"recipients": one.records, "cpu_s": round(one.cpu_s, 2), "wall_s": round(one.wall_s, 2)}


if __name__ == "__main__":
    sys.exit(main())
