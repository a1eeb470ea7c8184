"""`python -m bench.processors [--quick] [--json]`: what conversations costs, beside other ways."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import cpu, inputs, report
from bench.cluster import Cluster
from bench.processes import Measured, measure
from bench.processors import equal, truth, verdict
from bench.processors.variants import FULL, OURS_OUTPUTS, OURS_STATES, QUICK, VARIANTS, Amounts, variants
from runtime.clock import now_ms
from runtime.kafka.record import Record
from schemas import topics
from schemas.record import encode

WARM = 200  # records that each program gets before it is measured
ROUNDS = 3


def main() -> int:
    """Returns the exit code: 1 if anything came out wrong."""
    options = _options()
    amounts = QUICK if options.quick else FULL
    if options.events:
        amounts = Amounts(*(min(options.events, amount) for amount in amounts))
    started = time.monotonic()
    figures, examples = run(amounts, options)
    figures["seconds"] = round(time.monotonic() - started, 1)
    report.show(figures, as_json=options.json, lines=examples)
    return 1 if figures["lost"] or figures["wrong_states"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.processors", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer events: under a minute in all")
    parser.add_argument("--events", type=int, default=0, help="at most so many source records for each program")
    parser.add_argument("--each", type=int, default=10, help="records of a conversation (default: 10)")
    parser.add_argument("--unconfirmed", action="store_true", help="`plain` does not wait for its table: not safe")
    parser.add_argument("--bootstrap", default="", help="use this Kafka, which must be empty, instead of an own one")
    return parser.parse_args()


def run(amounts: Amounts, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """The figures, and examples of what was wrong."""
    cores = cpu.plan()
    given = _given(amounts, options.each)
    with tempfile.TemporaryDirectory() as name, Cluster(cores.others, options.bootstrap) as cluster:
        folder = Path(name)
        subjects = {
            variant.prepare(cluster, folder, inputs.AGENTS): given[variant.name].sources
            for variant in variants(confirmed=not options.unconfirmed)
        }
        cluster.create(inputs.AGENTS)
        cluster.feed(
            Record(topics.TENANTS.name, encode(one), one.tenant.encode(), partition=0) for one in inputs.tenants()
        )
        measured = measure(subjects, cluster, cores, folder, warm=WARM, rounds=ROUNDS)
        found = _judge(cluster, given)
    return _figures(measured, found), list(found.examples)


def _given(amounts: Amounts, each: int) -> dict[str, inputs.Input]:
    """An input for each program, of as many records as it is to read: all have as many of a conversation."""
    at_ms = now_ms()
    made = {amount: inputs.of_records(WARM + amount, each, at_ms) for amount in set(amounts)}
    return {name: made[amount] for name, amount in amounts._asdict().items()}


def _judge(cluster: Cluster, given: dict[str, inputs.Input]) -> verdict.Verdict:
    """Both of ours against what is reckoned from their input."""
    ours = equal.compute(given["ours"].tenants, given["ours"].sources)
    whole = truth.compute(given["conversations"].tenants, given["conversations"].sources)
    outputs = {agent: OURS_OUTPUTS + agent for agent in inputs.AGENTS}
    found = equal.judge(cluster, outputs, OURS_STATES, ours)
    return found.plus(verdict.judge(cluster, inputs.AGENTS, whole))


def _figures(measured: dict[str, Measured], found: verdict.Verdict) -> dict[str, Any]:
    rates = {name: one.per_cpu_second for name, one in measured.items()}
    return {
        **{f"{name}_per_cpu_second": round(rate) for name, rate in rates.items()},
        **_ratios(rates, "ours", ""),
        **_ratios(rates, "conversations", "conversations_"),
        "lost": found.lost,
        "wrong_states": found.wrong_states,
        **{f"{name}_{field}": value for name, one in measured.items() for field, value in _detail(one).items()},
        **{f"{variant.name}_is": variant.what for variant in VARIANTS},
        "machine": cpu.machine(),
    }


def _ratios(rates: dict[str, float], name: str, prefix: str) -> dict[str, float]:
    return {
        f"{prefix}ratio_to_plain": round(rates[name] / rates["plain"], 2),
        f"{prefix}ratio_to_reference": round(rates[name] / rates["reference"], 3),
    }


def _detail(one: Measured) -> dict[str, Any]:
    return {"records": one.records, "cpu_s": round(one.cpu_s, 2), "wall_s": round(one.wall_s, 2)}


if __name__ == "__main__":
    sys.exit(main())
