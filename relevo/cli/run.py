"""`relevo serve` and `relevo all`: the services."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from relevo.cli.chat import import_from_here
from relevo.cli.console import fail, out, say
from relevo.fleet import FIRST_ADMIN_PORT, fleet, on_ports
from relevo.services import SERVICES, main_of
from relevo.supervisor import Exit, Supervisor
from runtime import service
from runtime.settings import ProcessorSettings, load
from sandbox.kafka.ports import free_ports

_LISTED = "; ".join(f"{name}: {entry.purpose}" for name, entry in SERVICES.items())


def serve(
    name: Annotated[str, typer.Argument(help=_LISTED)],
    agent: Annotated[
        str, typer.Option(help="For `serve agents`: the agents' type, or where they are: `type=module:function`.")
    ] = "",
) -> None:
    """Run one service in this process until SIGTERM."""
    if name not in SERVICES:
        fail(f"no service {name!r}; there are {', '.join(SERVICES)}", 2)
    if name == "agents" and not agent:
        fail(f"`serve agents` needs --agent TYPE; this installation has {', '.join(load(ProcessorSettings).agents)}", 2)
    import_from_here()
    service.run(main_of(name, agent), name=f"{name}-{agent.partition('=')[0]}" if agent else name)


def run_all(
    folder: Annotated[Path, typer.Option(help="Where the services' logs go.")] = Path(".relevo/all"),
    admin_port: Annotated[
        int, typer.Option(help="The first of the admin ports, which are in a row; 0 takes free ones.")
    ] = FIRST_ADMIN_PORT,
    agent: Annotated[
        list[str] | None, typer.Option(help="Where agents of a type are: `type=module:function`. May be repeated.")
    ] = None,
) -> None:
    """Run every service on this machine, each as a process, and start again what ends or is not live."""
    asyncio.run(_supervise(folder, admin_port, _agents(agent or [])))


def _agents(given: list[str]) -> list[str]:
    """How to find the agents of each type that has topics; those that are not given are found by their name."""
    found = {kind: kind for kind in load(ProcessorSettings).agents}
    for spec in given:
        kind = spec.partition("=")[0]
        if kind not in found:
            types = f"RELEVO_PROCESSOR_AGENTS ({', '.join(found)})"
            fail(f"--agent {spec}: the type {kind!r} is none of {types}, so it has no topics", 2)
        found[kind] = spec
    return list(found.values())


async def _supervise(folder: Path, admin_port: int, agents: list[str]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    supervisor = Supervisor(folder, os.environ, _say, on_given_up=_say_given_up)
    specs = fleet(agents, admin_port)
    for spec in specs if admin_port else on_ports(specs, free_ports(len(specs))):
        supervisor.start(spec)
        say(f"{spec.name}: pid {supervisor.pid(spec.name)}, admin on port {spec.admin_port}")
    await stop.wait()
    forced = await supervisor.stop()
    if forced:
        fail(f"these did not stop in time and were killed: {', '.join(forced)}")


def _say_given_up(name: str, why: str) -> None:
    out.print(f"{name} is ended to be started again: {why}", style="yellow", markup=False)


def _say(ended: Exit) -> None:
    why = f" ({ended.why})" if ended.why else ""
    out.print(f"{ended.name} ended with code {ended.code}{why}; starting it again", style="yellow", markup=False)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    app.command("serve")(serve)
    app.command("all")(run_all)
