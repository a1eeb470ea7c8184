"""The service `agents`: one agent type, one Faust app, one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from processors.agents.agent import Agent
from processors.agents.config import Configs
from processors.agents.host import AgentHost
from processors.agents.limits import Limits, excused
from processors.agents.registry import AgentNotFound, find
from processors.agents.resources import World, opened
from processors.agents.step import Scene, Step
from processors.agents.tidying import EVERY_S, tidier
from processors.guard import Guard
from processors.hosting import EngineMetrics, check_topics, host, partitions
from processors.listening import listeners
from runtime import logs, metrics
from runtime.clock import now_ms
from runtime.engine import Engine, EngineSettings, SourceRecord
from runtime.hooks import connected
from runtime.secrets import KeyRing, KeyRingError
from runtime.service import CannotStart, Service
from runtime.settings import HooksSettings, KafkaSettings, KeysSettings, ProcessorSettings, TenantsSettings, load
from runtime.tenants import Tenants
from schemas import topics
from schemas.dead_letter import Cause, source
from schemas.delivery import DeliveryNote
from schemas.headers import Headers
from schemas.record import decode
from schemas.tenant import Hours, Tenant

_ALARMS_S = 0.25
_log = logs.get(__name__)


def main_of(spec: str) -> Callable[[Service], Awaitable[None]]:
    """The main of agents of one type: `menu`, `orders=acme.bots:orders`."""

    async def main(service: Service) -> None:
        await serve(service, spec)

    return main


async def serve(service: Service, spec: str) -> None:
    """Runs until the service stops. Raises CannotStart when there is no such agent, or its keys cannot be read."""
    kafka, processor, waits = load(KafkaSettings), load(ProcessorSettings), load(TenantsSettings)
    try:
        agent, ring = find(spec), _ring(load(KeysSettings))
    except (AgentNotFound, KeyRingError) as error:
        raise CannotStart(str(error)) from error
    await check_topics(kafka, checked_topics(agent.kind))
    tenants = Tenants(kafka, on_failure=lambda error: service.fail("tenants", error))
    service.health.wait_for("tenants", "reading the tenants")
    await tenants.start()
    try:
        try:
            await tenants.caught_up(waits.caught_up_s)
        except TimeoutError:
            raise CannotStart(f"the tenants could not be read within {waits.caught_up_s:g} s") from None
        service.health.met("tenants")
        guard = _guard(service, processor, agent.kind, tenants)
        made, handler = engine(kafka, processor, agent, tenants, service.settings.instance, guard, ring)
        async with (
            connected(load(HooksSettings), waits, use=f"agents.{agent.kind}") as calls,
            opened(agent, World(calls, now_ms, Limits.of(processor))),
        ):
            await host(service, made, handler)
    finally:
        await tenants.stop()


def engine(
    kafka: KafkaSettings,
    processor: ProcessorSettings,
    agent: Agent,
    tenants: Tenants,
    instance: str,
    guard: Guard,
    ring: KeyRing | None = None,
) -> tuple[Engine, AgentHost]:
    """The engine of an agent type, not started, and the host that it feeds. `ring` opens secrets among its settings."""

    def tenant_of(did: str) -> str:
        found = tenants.owner(did)
        return found.tenant if found else ""

    def hours(tenant: str) -> Mapping[str, Hours]:
        found = tenants.tenant(tenant)
        return found.hours if found else {}

    def told(name: str) -> Sequence[str]:
        found = tenants.tenant(name)
        return [kind for kind in listeners(found) if kind in processor.agents] if found else ()

    def tenant(name: str) -> Tenant | None:
        return tenants.tenant(name)

    config = Configs(agent.kind, tenant, ring)
    limits = Limits.of(processor)
    scene = Scene(agent, config, partitions(kafka.profile), limits, tenant_of, hours=hours, listeners=told)
    settings = EngineSettings.of_agents(processor)
    handler = AgentHost(
        scene,
        parallel=processor.agent_parallel,
        tenant_of=tenant_of,
        observe=_Counting(agent.kind),
        allows=guard.allows,
        places=settings.window * settings.chunk_max // 2,
    )
    events, changelog, *outputs = checked_topics(agent.kind)
    made = Engine(
        app_id=f"relevo-agents-{agent.kind}",
        source=events.name,
        changelog=changelog.name,
        kafka=kafka,
        handler=handler,
        instance=instance,
        outputs=[topic.name for topic in outputs],
        settings=settings,
        observer=EngineMetrics(f"agents.{agent.kind}"),
    )
    made.every(_ALARMS_S, handler.ring_alarms)
    made.every(EVERY_S, tidier(agent.kind, processor.idle_days, now_ms))
    return made, handler


def _ring(keys: KeysSettings) -> KeyRing | None:
    """The key ring, if there is one: agents without secrets need none. Raises KeyRingError."""
    return KeyRing.load(keys.file) if keys.file else None


def _guard(service: Service, processor: ProcessorSettings, kind: str, tenants: Tenants) -> Guard:
    def served() -> set[str]:
        return tenants.names(lambda tenant: _serves(kind, tenant))

    return Guard(service, f"agents.{kind}", processor, served, excused(kind))


def _serves(kind: str, tenant: Tenant) -> bool:
    """Whether events of the tenant may come to agents of a type; the menu gets what no rule matches."""
    routing = tenant.routing
    return tenant.active and (kind == "menu" or kind in routing.also or any(rule.to == kind for rule in routing.route))


def checked_topics(kind: str) -> list[topics.Topic]:
    """Source, changelog, and all that is written to."""
    events = topics.agent(kind)
    orders = topics.INBOUND_CONVERSATIONS
    written = [topics.OUTBOUND_REPLIES, orders, topics.dead_letters(events), topics.DELIVERIES]
    return [events, topics.agent_state(kind), *written]


class _Counting:
    """The outcomes as metrics; a conversation that was stopped is told in the log, too."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._delay = metrics.histogram(metrics.AGENT_DELAY_SECONDS).labels(agent=kind)

    def __call__(self, record: SourceRecord, done: Step, seconds: float) -> None:
        headers = Headers.from_kafka(record.headers)
        tenant = headers.tenant
        events = metrics.counter(metrics.AGENT_EVENTS)
        events.labels(agent=self._kind, tenant=tenant, outcome=done.outcome).inc()
        if done.outcome in ("handled", "dead_letter"):
            metrics.histogram(metrics.AGENT_SECONDS).labels(agent=self._kind).observe(seconds)
            if headers.at_ms and not headers.replay and not done.told:
                self._delay.observe(max(0.0, (now_ms() - headers.at_ms) / 1000 - seconds))
        for action in done.actions:
            actions = metrics.counter(metrics.AGENT_ACTIONS)
            actions.labels(agent=self._kind, tenant=tenant, action=action.kind).inc()
        if done.told:
            ended = "told" if done.outcome == "handled" else done.reason or done.outcome
            metrics.counter(metrics.AGENT_HELD).labels(agent=self._kind, tenant=tenant, ended=ended).inc(done.told)
        for one in done.records:
            if one.topic.endswith(topics.DEAD_LETTERS):
                whose, reason = Headers.from_kafka(one.headers).tenant, Cause.from_headers(one.headers).reason
                letters = metrics.counter(metrics.PROCESSOR_DEAD_LETTERS)
                letters.labels(processor=f"agents.{self._kind}", tenant=whose, reason=reason).inc()
            elif one.topic == topics.DELIVERIES.name:
                self._noted(decode(one.value, DeliveryNote))
        if done.tripped:
            metrics.counter(metrics.AGENT_LOOPS).labels(agent=self._kind, tenant=tenant).inc()
            at = source(record.topic, record.partition, record.offset)
            _log.warning("a conversation that answers itself was stopped", tenant=tenant, at=at, why=str(done.failure))

    def _noted(self, note: DeliveryNote) -> None:
        noted = metrics.counter(metrics.DELIVERIES_NOTED)
        for step in (*("made" for _ in note.made), *(one.how for one in note.ended)):
            noted.labels(agent=self._kind, tenant=note.tenant, step=step).inc()
