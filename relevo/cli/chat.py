"""`relevo chat`: talk to an agent in the terminal, without Kafka and without Chattigo."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from relevo.cli.console import err, fail, say


def chat(
    agent: Annotated[str, typer.Argument(help="A type, `module:function`, or `type=module:function`.")],
    name: Annotated[str, typer.Option(help="The person's name.")] = "Ana",
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The agent's part of a tenant's file (YAML).")
    ] = None,
) -> None:
    """Talk to an agent: what you type is said by the person."""
    # Imported here: the other commands start faster without the agents.
    from processors.agents.registry import AgentNotFound, find
    from relevo.chatting import HELP, Chatting
    from relevo.testing import Chat
    from relevo.testing.calls import calling

    import_from_here()
    try:
        found = find(agent)
    except AgentNotFound as error:
        fail(str(error))
    with calling(f"agents.{found.kind}") as calls:
        chat = Chat(found.function, kind=found.kind, name=name, config=_given(config), calls=calls)
        with chat:
            chatting = Chatting(chat)
            err.print(HELP, markup=False)
            for line in typed(name):
                for answer in chatting.types(line):
                    say(answer)


def _given(config: Path | None) -> dict[str, Any]:
    """The agent's settings, with secrets from the environment and from files beside it."""
    from relevo.tenants.agents import with_secrets
    from relevo.tenants.outside import NotOutside, Outside

    if config is None:
        return {}
    given = yaml.safe_load(config.read_text(encoding="utf-8"))
    if not isinstance(given, dict):
        fail(f"{config}: an agent's part of a tenant's file is a mapping")
    try:
        return with_secrets(given, Outside(config.parent))
    except NotOutside as error:
        fail(f"{config}: {error}")


def typed(name: str) -> Iterator[str]:
    """Lines from the keyboard (with a prompt) or a pipe, until `/quit` or the end."""
    prompt = f"{name}: " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt).strip()
        except (EOFError, KeyboardInterrupt):
            return
        if line == "/quit":
            return
        if line:
            yield line


def import_from_here() -> None:
    """Let modules of the current folder be found, whichever way the program was started; after all others, so that
    none of them is shadowed."""
    if "" not in sys.path:
        sys.path.append("")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command("chat")(chat)
