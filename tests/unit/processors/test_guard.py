"""A worker whose limit tripped submits nothing more, says why, and ends with a code of its own."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from processors.agents import service as agents
from processors.conversations import service as conversations
from processors.conversations.service import Handler, allowed
from processors.guard import Guard
from runtime import metrics
from runtime.engine import Chunk, Effects, Partition, TableView
from runtime.health import Health
from runtime.service import Service
from runtime.settings import ProcessorSettings
from schemas.tenant import Routing, Rule
from tests.builders.conversations import Source, conversation_key, posted, tenant, world
from tests.builders.webhooks import cloud, cloud_text, cloud_value


class Host:
    """A service that remembers what it was told."""

    def __init__(self) -> None:
        self.health = Health()
        self.code = 0
        self.stops: list[str] = []
        self.stopped = asyncio.Event()
        self.told: list[dict[str, Any]] = []
        self.log = SimpleNamespace(error=lambda text, **fields: self.told.append({"text": text, **fields}))

    def stop(self, why: str) -> None:
        self.stops.append(why)
        self.stopped.set()


def guard(host: Host, conversations: int = 3, excused: frozenset[str] = frozenset(), served: str = "a") -> Guard:
    settings = ProcessorSettings(dead_letter_conversations=conversations, dead_letter_stand_s=0.05)
    return Guard(cast(Service, host), "test", settings, lambda: [served], excused)


async def test_a_trip_stops_what_follows_shows_why_and_ends_the_service_a_moment_later() -> None:
    host = Host()
    made = guard(host)
    before = metrics.PROCESS.value(metrics.PROCESSOR_LETTER_STOPS, processor="test")
    assert [made.allows("a", b"%d" % n, "raised") for n in range(3)] == [True, True, False]
    assert not made.allows("a", b"9")
    assert made.stopped
    assert host.code == 79
    assert [failure.check for failure in host.health.live_failures(0)] == ["dead letters"]
    assert metrics.PROCESS.value(metrics.PROCESSOR_LETTER_STOPS, processor="test") == before + 1
    (line,) = host.told
    assert "raised 3" in line["why"]
    assert line["exit_code"] == 79
    assert "RELEVO_PROCESSOR_DEAD_LETTER_CONVERSATIONS=0" in line["go_on"]
    assert host.stops == []
    await asyncio.wait_for(host.stopped.wait(), 5)
    assert host.stops == ["too many dead letters"]


async def test_reasons_that_say_nothing_of_the_worker_do_not_count() -> None:
    made = guard(Host(), excused=frozenset({"loop"}))
    assert all(made.allows("a", b"%d" % n, "loop") for n in range(100))
    assert not made.watches


def said(number: int, *, broken: bool = False) -> Source:
    contact = f"569222200{number:02}"
    source = posted(cloud(cloud_value(messages=[cloud_text("x", wamid=f"w{number}", sender=contact)])), contact=contact)
    return source._replace(offset=number, value=b"{" if broken else source.value)


def chunk(*records: Source) -> Chunk:
    return Chunk(Partition(records[0].topic, 0), records, previous_end=0)


async def test_conversations_commit_nothing_of_the_chunk_that_trips_it_nor_of_any_after() -> None:
    host = Host()
    handler = Handler(world(tenant()), guard=guard(host, served="acme"))
    table = TableView(0)
    effects = await handler(chunk(said(1, broken=True), said(2), said(3)), table)
    assert [output.topic for output in effects.outputs].count("inbound.conversations.dlq") == 1
    for records in ([said(4, broken=True), said(5, broken=True)], [said(6)]):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handler(chunk(*records), table), 0.05)
    assert host.code == 79


@pytest.mark.parametrize("good", [1, 2])
async def test_of_a_chunk_what_went_well_is_weighed_against_what_did_not(good: int) -> None:
    made = guard(Host(), conversations=2, served="acme")
    records = [said(number) for number in range(2 + good)]
    outputs = (await Handler(world(tenant()))(chunk(said(50, broken=True)), TableView(0))).outputs
    letters = [letter._replace(key=record.key) for letter in outputs for record in records[:2]]
    assert allowed(made, records, Effects(outputs=letters)) is (good == 2)
    assert conversation_key() not in [letter.key for letter in letters]


def test_a_tenant_that_is_inactive_counts_as_nobody_else_who_is_served() -> None:
    routing = Routing(route=[Rule(to="orders")])
    for active in (True, False):
        made = tenant(routing=routing, active=active)
        assert conversations._is_served(made) is active
        assert [agents._serves(kind, made) for kind in ("menu", "orders", "other")] == [active, active, False]
