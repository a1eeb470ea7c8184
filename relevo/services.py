"""The services by name: which coroutine each runs. Imported one at a time, for each is a process of its own."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from runtime.service import Main


class Entry(NamedTuple):
    """Where a service's `main` is, and what it does in a line."""

    module: str
    purpose: str


SERVICES = {
    "webhooks": Entry("ingress.webhooks.service", "takes Chattigo's webhooks and answers once Kafka holds them"),
    "conversations": Entry("processors.conversations.service", "drops duplicates, keeps conversations, routes"),
    "agents": Entry("processors.agents.service", "runs the business agents of one type"),
    "egress": Entry("egress.lines.process.service", "sends replies, templates and campaigns, each line by one owner"),
    "lease": Entry("egress.lease.service", "keeps one token for each of Chattigo's accounts"),
}


def main_of(name: str, agent: str = "") -> Main:
    """The coroutine function that `runtime.service.run` runs; for agents that of their type."""
    module = import_module(SERVICES[name].module)
    main: Main = module.main_of(agent) if name == "agents" else module.main
    return main
