"""`relevo sandbox`: the outside world on this machine, a genuine Kafka and a simulated Chattigo."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from relevo.cli.console import err, fail, say
from relevo.cli.people import people
from sandbox.kafka import Broker, BrokerFailed, KafkaUnavailable, MockCluster

app = typer.Typer(help="The outside world on this machine.", no_args_is_help=True)
app.command("people")(people)


@app.command()
def kafka(
    folder: Annotated[Path, typer.Option(help="Where the data are kept.")] = Path(".relevo/kafka"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one; so does the mock.")] = 9092,
    mock: Annotated[bool, typer.Option("--mock", help="librdkafka's mock instead; nothing is kept.")] = False,
) -> None:
    """Run a genuine Apache Kafka until Ctrl-C; its jars are downloaded once."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    err.print("starting Kafka…")
    try:
        with MockCluster() if mock else Broker(folder, port=port, lasting=True) as broker:
            say(f"RELEVO_KAFKA_BOOTSTRAP={broker.bootstrap}")
            if mock:
                say("RELEVO_KAFKA_PROFILE=mock")
            while not stop.wait(0.5):
                pass  # a signal in the moment before an endless wait would not end it
            err.print("stopping")
    except KafkaUnavailable as failed:
        fail(str(failed))
    except BrokerFailed as failed:
        fail(f"{failed}\nWithout a genuine Kafka: relevo sandbox kafka --mock")


@app.command()
def chattigo(
    config: Annotated[
        Path | None,
        typer.Argument(exists=True, help="YAML; docs/sandbox.md describes it. Without: a line of each kind."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8090,
    profile: Annotated[str, typer.Option(help="gentle, typical, harsh, or a YAML file of knobs.")] = "",
    seed: Annotated[int | None, typer.Option(help="Of all chance; else the configuration's.")] = None,
) -> None:
    """Run a simulated Chattigo until Ctrl-C; prints its address, where a browser finds a page."""
    # Imported here: the other commands start faster without the simulator.
    import msgspec

    from sandbox.chattigo.config import load, standard
    from sandbox.chattigo.server import serve

    try:
        settings = standard() if config is None else load(config)
        settings.profile = profile or settings.profile
        settings.seed = settings.seed if seed is None else seed
        asyncio.run(serve(settings, port=port))
    except (msgspec.MsgspecError, ValueError) as wrong:
        fail(f"{config or 'the standard configuration'}: {wrong}")


_URL = Annotated[str, typer.Option(help="Where the simulated Chattigo listens.")]
_DID = Annotated[str, typer.Option(help="The line; not needed where there is one.")]
_HERE = "http://127.0.0.1:8090"


@app.command()
def webhook(
    address: Annotated[str, typer.Argument(help="The webhook's address, as `relevo tenants apply` printed it.")],
    did: _DID = "",
    url: _URL = _HERE,
) -> None:
    """Tell the simulated Chattigo where a line's webhooks go, as Chattigo's staff would."""
    from relevo.talk import Talk
    from sandbox.control import SandboxError

    async def tell() -> str:
        async with Talk(url, did) as talk:
            return await talk.webhook(address)

    try:
        say(f"what customers write to {asyncio.run(tell())} goes there from now on")
    except SandboxError as refused:
        fail(str(refused))


@app.command()
def profile(
    name: Annotated[str, typer.Argument(help="gentle, typical, harsh, or a YAML file of knobs.")], url: _URL = _HERE
) -> None:
    """Switch the running simulated Chattigo to a profile; says what is not as by default then."""
    import msgspec

    from relevo.talk import Talk
    from sandbox.chattigo import profiles
    from sandbox.control import SandboxError

    async def switch() -> str:
        async with Talk(url) as talk:
            return await talk.profile(name, profiles.load(name))

    try:
        say(asyncio.run(switch()))
    except (SandboxError, msgspec.MsgspecError, ValueError) as refused:
        fail(str(refused))


@app.command()
def turn(
    knobs: Annotated[list[str], typer.Argument(help="Such as webhooks.duplicate=0.2; docs/reference/sandbox.md.")],
    url: _URL = _HERE,
) -> None:
    """Turn knobs of the running simulated Chattigo, all of them or none; says what is not as by default then."""
    from relevo.talk import Talk, nested
    from sandbox.control import SandboxError

    async def patch() -> str:
        async with Talk(url) as talk:
            return await talk.turn(nested(knobs))

    try:
        say(asyncio.run(patch()))
    except (SandboxError, ValueError) as refused:
        fail(str(refused))


@app.command("say")
def customer_says(
    text: Annotated[str, typer.Argument(help="What the customer writes.")],
    contact: Annotated[str, typer.Option(help="The customer's number.")] = "56922222222",
    did: _DID = "",
    url: _URL = _HERE,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for an answer.")] = 15,
) -> None:
    """A customer writes to the business; what it answers is printed. Exit code 1 if nothing comes."""
    from relevo.talk import Talk
    from sandbox.control import SandboxError

    async def hear() -> int:
        count = 0
        async with Talk(url, did) as talk:
            async for answer in talk.says(contact, text, wait):
                say(answer)
                count += 1
        return count

    try:
        if not asyncio.run(hear()):
            fail(f"no answer within {wait:g} s; does the line have its webhook? relevo sandbox webhook ADDRESS")
    except SandboxError as refused:
        fail(str(refused))


@app.command()
def proxy(
    links: Annotated[
        list[str], typer.Argument(help="name=host:port, or name=host:port@LISTEN for a port of your own.")
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the control API; 0 takes a free one.")] = 8091,
) -> None:
    """Run TCP proxies whose network can be made bad while they run; prints where their control API is."""
    from sandbox.proxy.link import Address
    from sandbox.proxy.server import serve

    wanted = {}
    try:
        for link in links:
            name, equals, rest = link.partition("=")
            to, at, listens = rest.partition("@")
            if not name or not equals or (at and not listens.isdigit()):
                raise ValueError(f"needs name=host:port or name=host:port@LISTEN, not {link!r}")
            wanted[name] = (Address.parse(to), int(listens or 0))
        asyncio.run(serve(wanted, port, say))
    except (OSError, ValueError) as wrong:
        fail(str(wrong))
