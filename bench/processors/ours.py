"""The work of `plain` and `reference` on our engine, with the tenants' routing besides: exactly once.

It reads the same webhooks, drops duplicates, keeps the same state in the engine's table, and writes the same event,
with the headers that came, to the topic of the agent that the tenant's rules pick and of each tap. A crash, a frozen
worker or a second one change nothing of what is written. It has none of the product's checks, owners and opt-outs.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

import orjson
import uvloop

from bench.processors.kept import State, event, hear
from bench.processors.settings import SESSION_S
from bench.processors.webhook import Message, read
from processors.routing import Subject, router_of
from runtime.engine import Chunk, Effects, Engine, EngineSettings, SourceRecord, TableView
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from runtime.tenants import Tenants
from schemas.content import AnyContent, ButtonReply, Image, Text
from schemas.tenant import Tenant

GROUP = "bench-ours"
_START_S = 60.0


class Handler:
    """Chunks to effects. `owner` is the tenant that has a line, `outputs` the name of an agent's topic without it."""

    def __init__(self, owner: Callable[[str], Tenant | None], outputs: str) -> None:
        self._owner = owner
        self._outputs = outputs

    async def __call__(self, chunk: Chunk, table: TableView) -> Effects:
        effects, states = Effects(), dict[bytes, State]()
        for record in chunk:
            self._take(record, table, states, effects)
        effects.writes = {key: orjson.dumps(state) for key, state in states.items()}
        return effects

    def _take(self, record: SourceRecord, table: TableView, states: dict[bytes, State], effects: Effects) -> None:
        key, value = record.key, record.value
        if key is None or value is None:
            raise ValueError("not a webhook")
        message = read(orjson.loads(value))
        state = states.get(key) or _state(table.get(key))
        if not hear(state, message):
            return
        states[key] = state
        told = orjson.dumps(event(message))
        for agent in self._targets(message):
            effects.outputs.append(Record(self._outputs + agent, told, key, record.headers, partition=record.partition))

    def _targets(self, message: Message) -> list[str]:
        tenant = self._owner(message.did)
        if tenant is None:
            raise ValueError(f"nobody has the line {message.did}")
        kind = "resumed" if message.kind == "transfer" else "message"
        return router_of(tenant).decide(Subject(did=message.did, kind=kind, content=_content(message))).targets


def _state(value: bytes | None) -> State:
    return State() if value is None else State(**orjson.loads(value))


def _content(message: Message) -> AnyContent | None:
    """The content as rules look at it."""
    match message.kind:
        case "Text":
            return Text(body=message.content)
        case "text":
            return Text(body=message.content["body"])
        case "image":
            return Image(caption=message.content["caption"])
        case "interactive":
            return ButtonReply(**message.content["button_reply"])
        case _:
            return None


async def main(bootstrap: str, source: str, outputs: str, changelog: str, agents: str) -> None:
    """Until the process is told to end."""
    kafka = KafkaSettings(bootstrap=bootstrap)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    tenants = Tenants(kafka)
    await tenants.start()
    await tenants.caught_up(_START_S)
    engine = Engine(
        app_id=GROUP,
        source=source,
        changelog=changelog,
        kafka=kafka,
        handler=Handler(tenants.owner, outputs),
        outputs=[outputs + agent for agent in agents.split(",")],
        settings=EngineSettings(session_s=SESSION_S, rebalance_s=SESSION_S),
    )
    await engine.start()
    await stopping.wait()
    await engine.stop()
    await tenants.stop()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:6]))
