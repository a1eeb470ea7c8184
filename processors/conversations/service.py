"""The service `conversations`: the core on the engine, with the tenants as they are now and our clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from processors.conversations.draft import HANDED, Tally
from processors.conversations.humans import EVERY_S, HumansWatch
from processors.conversations.process import process
from processors.conversations.world import Rules, World
from processors.guard import Guard
from processors.hosting import EngineMetrics, check_topics, host, partitions
from processors.routing.watch import RoutingWatch
from runtime import clock, metrics, points
from runtime.engine import Chunk, Effects, Engine, EngineSettings, SourceRecord, TableView
from runtime.service import CannotStart, Service
from runtime.settings import KafkaSettings, ProcessorSettings, TenantsSettings, load
from runtime.tenants import Tenants
from schemas import keys, topics
from schemas.dead_letter import Cause
from schemas.tenant import Tenant

APP_ID = "relevo-conversations"
NAME = "conversations"
_LETTERS = topics.INBOUND_CONVERSATIONS.name + topics.DEAD_LETTERS
_SEPARATOR = keys.SEPARATOR.encode()


class Handler:
    """Chunks to effects. `now_ms` is our clock, `guard` hears of dead letters."""

    def __init__(
        self,
        world: World,
        now_ms: Callable[[], int] = clock.now_ms,
        guard: Guard | None = None,
    ) -> None:
        self._world = world
        self._guard = guard
        self._now_ms = now_ms
        self._newcomers = Newcomers(lambda did: world.owner(did) is not None)
        self.humans = HumansWatch(world.owner, now_ms)

    async def __call__(self, chunk: Chunk, table: TableView) -> Effects:
        await self._newcomers.wait_for(chunk.records)
        sweep = table.sweep(self._world.rules.sweep)
        effects, tally = process(chunk.records, table.get, self._world, self._now_ms(), sweep)
        if self._guard is not None and not allowed(self._guard, chunk.records, effects):
            await self._guard.stand()
        self.humans.see(table, effects.writes)
        count(tally)
        points.reach("chunk_processed")
        return effects

    def sweep(self, table: TableView) -> Effects:
        """Housekeeping: let go of idle conversations also where nothing comes in."""
        entries = table.sweep(self._world.rules.sweep_quiet)
        effects, tally = process((), table.get, self._world, self._now_ms(), entries)
        self.humans.see(table, effects.writes)
        count(tally)
        return effects


def allowed(guard: Guard, records: Iterable[SourceRecord], effects: Effects) -> bool:
    """Tell the guard how the records ended, first what went well; False if the effects must not be submitted."""
    letters = {one.key or b"": one for one in effects.outputs if one.topic == _LETTERS}
    if letters or guard.watches:
        for record in records:
            if (record.key or b"") not in letters:
                guard.allows(_tenant(record.headers), record.key or b"")
    for key, letter in letters.items():
        guard.allows(_tenant(letter.headers), key, Cause.from_headers(letter.headers).reason)
    return not guard.stopped


def _tenant(headers: Iterable[tuple[str, bytes]]) -> str:
    return next((value.decode("utf-8", "replace") for name, value in headers if name == "tenant"), "")


class Newcomers:
    """Gives a line that nobody knows a moment: ingress may have read its tenant's record before we did."""

    def __init__(self, known: Callable[[str], bool], patience_s: float = 2.0, again_s: float = 30.0) -> None:
        self._known = known
        self._patience_s = patience_s
        self._again_s = again_s
        self._strangers: dict[str, float] = {}

    async def wait_for(self, records: Iterable[SourceRecord]) -> None:
        """Returns when all lines are known, or patience with those that are not is at its end."""
        prefixes = {(record.key or b"").partition(_SEPARATOR)[0] for record in records}
        lines = {prefix.decode("utf-8", "replace") for prefix in prefixes}
        waiting = {did for did in lines if did and not self._known(did) and self._waits(did)}
        end = time.monotonic() + self._patience_s
        while waiting and time.monotonic() < end:
            await asyncio.sleep(0.05)
            waiting = {did for did in waiting if not self._known(did)}
        for did in waiting:
            self._strangers[did] = time.monotonic() + self._again_s

    def _waits(self, did: str) -> bool:
        """Whether the line has not been waited for lately: strangers must not slow down the others."""
        now = time.monotonic()
        self._strangers = {known: until for known, until in self._strangers.items() if until > now}
        return did not in self._strangers


def count(tally: Tally) -> None:
    """The outcomes as metrics."""
    for (tenant, outcome, reason), number in tally.items():
        if outcome in HANDED:
            metrics.counter(metrics.PROCESSOR_HANDOFFS).labels(tenant=tenant, step=outcome, by=reason).inc(number)
            continue
        events = metrics.counter(metrics.PROCESSOR_EVENTS)
        events.labels(processor=NAME, tenant=tenant, outcome=outcome).inc(number)
        if outcome == "dropped":
            dropped = metrics.counter(metrics.PROCESSOR_DROPPED)
            dropped.labels(processor=NAME, tenant=tenant, reason=reason).inc(number)
        elif outcome == "dead_letter":
            letters = metrics.counter(metrics.PROCESSOR_DEAD_LETTERS)
            letters.labels(processor=NAME, tenant=tenant, reason=reason).inc(number)


async def main(service: Service) -> None:
    """Runs until the service stops."""
    kafka, processor, waits = load(KafkaSettings), load(ProcessorSettings), load(TenantsSettings)
    await check_topics(kafka, checked_topics(processor))
    tenants = Tenants(kafka, on_failure=lambda error: service.fail("tenants", error))
    tenants.on_change(RoutingWatch())
    service.health.wait_for("tenants", "reading the tenants")
    await tenants.start()
    try:
        await caught_up(tenants, waits.caught_up_s)
        service.health.met("tenants")
        world = World(tenants.owner, frozenset(processor.agents), partitions(kafka.profile), Rules.of(processor))
        guard = Guard(service, NAME, processor, lambda: tenants.names(_is_served))
        handler = Handler(world, guard=guard)
        await host(service, engine(kafka, processor, handler, service.settings.instance))
    finally:
        await tenants.stop()


def _is_served(tenant: Tenant) -> bool:
    """Whether webhooks of the tenant come here: of an inactive one they are rejected at the door."""
    return tenant.active and bool(tenant.lines)


async def caught_up(tenants: Tenants, seconds: float) -> None:
    """The tenants, read to their end. Raises CannotStart."""
    try:
        await tenants.caught_up(seconds)
    except TimeoutError:
        raise CannotStart(f"the tenants could not be read within {seconds:g} s; is Kafka there?") from None


def engine(kafka: KafkaSettings, processor: ProcessorSettings, handler: Handler, instance: str) -> Engine:
    """The engine of this processor; not started."""
    made = Engine(
        app_id=APP_ID,
        source=topics.INBOUND_CONVERSATIONS.name,
        changelog=topics.CONVERSATIONS_STATE.name,
        kafka=kafka,
        handler=handler,
        instance=instance,
        outputs=[topic.name for topic in checked_topics(processor)[2:]],
        settings=EngineSettings.of(processor),
        observer=EngineMetrics(NAME),
    )
    made.every(processor.sweep_s, handler.sweep)
    made.every(EVERY_S, handler.humans)
    return made


def checked_topics(processor: ProcessorSettings) -> list[topics.Topic]:
    """Source, changelog, and all that is written to."""
    source = topics.INBOUND_CONVERSATIONS
    fixed = [source, topics.CONVERSATIONS_STATE, topics.OUTBOUND_REPLIES, topics.OPTOUTS, topics.dead_letters(source)]
    return fixed + [topics.agent(kind) for kind in processor.agents]
