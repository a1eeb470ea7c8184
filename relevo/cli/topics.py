"""`relevo topics`: the cluster's topics against the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from relevo.cli.console import fail, out, say
from runtime.kafka import topics as kafka_topics
from runtime.settings import KafkaSettings, ProcessorSettings, load
from schemas import topics

app = typer.Typer(help="The topics of the cluster against the catalogue.", no_args_is_help=True)

Agents = Annotated[list[str] | None, typer.Option("--agent", help="An agent type that gets topics; repeatable.")]


def wanted(agents: list[str] | None) -> list[topics.Topic]:
    """The catalogue with the topics of these agent types, else of those that the settings name."""
    return list(topics.catalogue(tuple(agents or load(ProcessorSettings).agents)).values())


@app.command()
def apply(agents: Agents = None) -> None:
    """Create what is missing and set what differs; partition counts are never changed."""
    changes = kafka_topics.apply(load(KafkaSettings), wanted(agents))
    for change in changes:
        say(f"{change.action} {change.topic}: {change.detail}")
    say(f"{len(changes)} changes; the topics are as the catalogue says")


@app.command()
def check(agents: Agents = None) -> None:
    """Compare only; exit code 1 when a service would refuse to start."""
    topics_wanted = wanted(agents)
    mismatches = kafka_topics.check(load(KafkaSettings), topics_wanted)
    for mismatch in mismatches:
        say(str(mismatch))
    if mismatches:
        fail(f"{len(mismatches)} mismatches; what can be mended is by: relevo topics apply")
    say(f"{len(topics_wanted)} topics are as the catalogue says")


@app.command("ls")
def list_topics(agents: Agents = None) -> None:
    """The catalogue."""
    profile = topics.PROFILES[load(KafkaSettings).profile]
    table = Table(
        *(Column(name, overflow="fold") for name in ("topic", "partitions", "by", "key", "cleanup", "purpose"))
    )
    for topic in wanted(agents):
        count = str(topic.count(profile))
        table.add_row(topic.name, count, topic.partitioned_by, topic.key, topic.cleanup, topic.purpose)
    out.print(table)
