"""A scene for crash tests: lines over all partitions, workers that die, a mixed load, and the accounts of both sides.

One Chattigo that takes a moment for each call; replies to several people, single templates and a campaign on every
line. What the workers wrote is read on from where the scene began. `judge` counts for itself, `audit` asks the
project's own audit with Chattigo's record as the provider's view.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiohttp import web
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from egress.lines.item import REPLIES
from egress.lines.process.owner import GROUP
from relevo.audit import gathered, scan
from relevo.audit.provider import Provider, Taken
from relevo.audit.report import Report, report
from runtime.kafka import config
from runtime.settings import KafkaSettings
from schemas import ids, keys
from schemas.session import Template, Text
from tests.builders.egress import Call, SmallChattigo, Worker, World, cloud_status, flat_notice, until
from tests.builders.tail import PARTITIONS, Tail

TOOK_S = 0.3
# States that say that Chattigo has it; and those that say that it has not, or that nobody knows.
HAS = frozenset({"accepted", "sent", "delivered", "read"})
HAS_NOT = frozenset({"in_doubt", "refused", "dead"})
FAST: dict[str, Any] = {
    "post_timeout_batch_s": 3,
    "doubt_grace_s": 0.5,
    "rebalance_timeout_s": 7,
    "doubt_shortest_s": 7.5,
    "transaction_timeout_s": 4,
}


class Load(NamedTuple):
    """What each line gets: `people` with `replies` each, single templates, and a campaign cut into calls of 8."""

    people: int = 4
    replies: int = 4
    singles: int = 6
    recipients: int = 24


def dids(run: int, count: int) -> list[str]:
    """Numbers of lines that no other run has: the first on partition 0, the next on 1, and so on around."""
    found = []
    for index in range(count):
        names = (f"569{run:03}{index:02}{n:03}" for n in range(1000))
        found.append(next(name for name in names if keys.partition(name, PARTITIONS) == index % PARTITIONS))
    return found


class Hold:
    """Chattigo has a worker's requests, from the nth on, and does not answer; it has taken every second of them."""

    def __init__(self, scene: Scene, instance: str, nth: int) -> None:
        self._scene, self._instance, self._nth = scene, instance, nth
        self._seen = 0
        self._over = asyncio.Event()
        self.taken: list[Call] = []
        self.refused: list[Call] = []

    async def __call__(self, call: Call, request: web.Request) -> web.StreamResponse | None:
        if call.instance != self._instance or self._over.is_set():
            return await slowly(call, request)
        self._seen += 1
        if self._seen < self._nth:
            return await slowly(call, request)
        if self._seen % 2:
            self._scene.chattigo.accept(call)
            self.taken.append(call)
        else:
            self.refused.append(call)
        await self._over.wait()
        return web.Response(status=503)  # to nobody: the worker is dead

    def over(self) -> None:
        """The requests that are held end, and the next ones are answered again."""
        self._over.set()


async def slowly(call: Call, request: web.Request) -> web.StreamResponse | None:
    """Chattigo takes its time, so that calls are under way whenever a worker dies."""
    del call, request
    await asyncio.sleep(TOOK_S)
    return None


class Scene:
    """`async with Scene(...)`: then `workers`, `load`, whatever happens to them, and the accounts."""

    def __init__(self, bootstrap: str, run: int, load: Load = Load(), lines: int = 5, **line: Any) -> None:  # noqa: B008
        self.kafka = KafkaSettings(bootstrap=bootstrap)
        self.chattigo = SmallChattigo(behave=slowly)
        options = {"rate": 40.0, "batch_max": 8} | line
        self.worlds = [World(bootstrap, self.chattigo, did, **options) for did in dids(run, lines)]
        self.workers: dict[str, Worker] = {}
        self.exits: list[tuple[str, int]] = []
        self.last_words: list[str] = []
        self._run, self._load = run, load
        self._owed: dict[tuple[str, str], str] = {}
        self._receipted = 0
        self.muted: set[str] = set()
        self._mutes: dict[str, str] = {}
        self._supervisors: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Scene:
        await self.chattigo.__aenter__()
        await asyncio.gather(*(world.__aenter__() for world in self.worlds))
        lines = [world.did for world in self.worlds]
        self.tail = await asyncio.to_thread(Tail, self.kafka, lines)
        self.raw = await asyncio.to_thread(Tail, self.kafka, lines, "read_uncommitted")
        return self

    async def __aexit__(self, *_: object) -> None:
        for supervisor in self._supervisors:
            supervisor.cancel()
        living = [w for w in self.workers.values() if w.process is not None and w.process.returncode is None]
        for worker in living:
            worker.signal(signal.SIGCONT)
            await worker.kill()
        self.tail.close()
        self.raw.close()
        await asyncio.gather(*(world.__aexit__() for world in self.worlds))
        await self.chattigo.__aexit__()

    # -- workers

    async def start(self, *names: str, points: str = "", **settings: Any) -> None:
        """Starts workers; `points` are the first one's. A name that was there before gets a new process."""
        for index, name in enumerate(names):
            worker = Worker(self.kafka.bootstrap, name, "" if index else points, FAST | settings)
            self.workers[name] = worker
            await worker.start()

    async def shared(self, *names: str) -> None:
        """Waits until the group is exactly these workers, each owns something, and all of it is recovered."""
        client = AdminClient(config.admin(self.kafka))

        def owned() -> dict[str, int]:
            try:
                [answer] = client.describe_consumer_groups([GROUP], request_timeout=5).values()
                group = answer.result(6)
            except KafkaException:
                return {}
            if group.state != ConsumerGroupState.STABLE:
                return {}
            return {
                (m.group_instance_id or "").removeprefix(f"{GROUP}-"): len(m.assignment.topic_partitions)
                for m in group.members
            }

        async def settled() -> bool:
            found = await asyncio.to_thread(owned)
            ready = all(self.recovered(name) >= found.get(name, 0) for name in names)
            return set(found) == set(names) and all(found.values()) and sum(found.values()) == PARTITIONS and ready

        await until(settled, f"{names} share the partitions", 120)

    def recovered(self, name: str) -> int:
        """Partitions that a worker has recovered since its last assignment."""
        return self.workers[name].log.rpartition(b" assigned")[2].count(b"partition recovered")

    def supervise(self, *names: str) -> None:
        """From now on these workers are started again when they end, as Kubernetes does it."""
        self._supervisors += [asyncio.create_task(self._keep(name)) for name in names]

    async def _keep(self, name: str) -> None:
        while True:
            self.exits.append((name, await self.workers[name].ended(600)))
            self.last_words.append(f"{name}: {self.workers[name].log.decode()[-4000:]}")
            await self.start(name)

    async def stop(self) -> None:
        """All workers end gracefully: no call is under way any more, and every outcome is on record."""
        for supervisor in self._supervisors:
            supervisor.cancel()
        living = {n: w for n, w in self.workers.items() if w.process is not None and w.process.returncode is None}
        # One that was started again just now may not listen to signals yet: it would die of this one.
        await until(lambda: all(worker.log for worker in living.values()), "every worker has begun")
        codes = await asyncio.gather(*(worker.stop() for worker in living.values()))
        for (name, worker), code in zip(living.items(), codes, strict=True):
            assert code == 0, f"{name}: {worker.log.decode()[-4000:]}"

    # -- load

    async def say(self, world: World, text: str) -> None:
        """One more reply to a person of the line who gets nothing else."""
        message = world.message(text, f"59{world.did[2:]}")
        self._owed[message.contact, text] = message.id
        await world.send(REPLIES, message)

    def mute(self, world: World) -> str:
        """From now on each turn has a template for a person who opts out: the caller sees to that."""
        person = f"58{world.did[2:]}"
        self._mutes[world.did] = person
        return person

    async def load(self, turn: int = 0) -> None:
        """The mixed load of every line, all lines at once; another turn is for the same people, and new ones."""
        await asyncio.gather(*(self._load_line(turn, index, world) for index, world in enumerate(self.worlds)))

    async def _load_line(self, turn: int, index: int, world: World) -> None:
        load, line, campaign = self._load, f"57{self._run:03}{index:02}", f"spring-{turn}"
        people = [f"{line}1{p:03}" for p in range(load.people)]
        singles = [f"{line}2{turn}{n:02}" for n in range(load.singles)]
        recipients = [f"{line}3{turn}{n:02}" for n in range(load.recipients)]
        replies = [
            world.message(f"{turn}{n:02}-{person}", person, content=Text(body=f"{turn}{n:02}"))
            for n in range(load.replies)
            for person in people
        ]
        order = Template(name="order", language="es", body=["x"])
        templates = [
            world.message(f"single-{turn}-{n}", person, content=order, send_class="utility")
            for n, person in enumerate(singles)
        ]
        if world.did in self._mutes:
            templates.append(
                world.message(f"muted-{turn}", self._mutes[world.did], content=order, send_class="utility")
            )
            self.muted.add(templates[-1].id)
        self._owed |= {(m.contact, m.content.body): m.id for m in replies if isinstance(m.content, Text)}
        self._owed |= {(message.contact, ""): message.id for message in templates}
        for position, person in enumerate(recipients):
            self._owed[person, ""] = ids.message_id_of_recipient(world.did, campaign, position)
        await world.send("outbound.replies", *replies)
        await world.send("outbound.templates", *templates)
        await world.campaign(campaign, recipients)

    # -- accounts

    def taken(self, call: Call) -> list[str]:
        """The messages that an accepted call brought to people."""
        text = call.body["text"]["body"] if "text" in call.body else ""
        return [self._owed[contact, text] for contact in call.recipients]

    async def accounted(self) -> bool:
        """Every message has an end on record, or is in doubt."""
        await self.tail.more()
        return set(self._owed.values()) <= self.tail.states.keys()

    def orphans(self) -> set[str]:
        """Plans that have no outcome yet."""
        return {plan.plan_id for plan in self.tail.plans} - {outcome.plan_id for outcome in self.tail.results}

    async def declared(self, orphans: set[str]) -> bool:
        """Each of these plans has an outcome now: most often that it is in doubt."""
        await self.tail.more()
        return not orphans & self.orphans()

    async def receipts(self) -> None:
        """A receipt for every recipient of every accepted call that had none yet; a batch is named by its own id."""
        fresh, self._receipted = self.chattigo.accepted[self._receipted :], len(self.chattigo.accepted)
        for call in fresh:
            if call.is_batch:
                notices = [flat_notice(_did(call), call.body["id"], contact, "SENT") for contact in call.recipients]
                await self._tell(call, *notices)
            else:
                await self.statuses("delivered", [call])

    async def statuses(self, state: str, calls: list[Call]) -> None:
        """WhatsApp's own receipts, for every recipient: a batch's answer names none of these ids."""
        for call in calls:
            named = [(contact, call.wamid or f"wamid.{call.body['id']}.{contact}") for contact in call.recipients]
            await self._tell(call, *(cloud_status(_did(call), wamid, contact, state) for contact, wamid in named))

    async def _tell(self, call: Call, *bodies: dict[str, Any]) -> None:
        [world] = [world for world in self.worlds if world.did == _did(call)]
        for body in bodies:
            await world.receipt(body)

    async def settled(self) -> bool:
        """What Chattigo has taken is known to be taken."""
        await self.tail.more()
        return all(self.tail.states.get(one) in HAS for one in self._reached())

    def _reached(self) -> set[str]:
        return {one for call in self.chattigo.accepted for one in self.taken(call)}

    def judge(self) -> None:
        """Nobody twice off the record, nobody lost, both sides agree, each person's replies in order."""
        resends = Counter(m.id for plan in self.tail.plans if plan.resend_of for m in plan.messages)
        counts = Counter(one for call in self.chattigo.accepted for one in self.taken(call))
        assert {one: n for one, n in counts.items() if n > 1 + resends[one]} == {}, "sent twice off the record"
        states = {one: self.tail.states.get(one, "lost") for one in self._owed.values()}
        wrong = {one: state for one, state in states.items() if state not in (HAS if counts[one] else HAS_NOT)}
        assert wrong == {}, "the two sides do not agree"
        for contact, told in self._told().items():
            assert told == sorted(told), f"out of order: {contact}"

    def _told(self) -> dict[str, list[str]]:
        """What each person was told, a repetition counted where it first was."""
        told: dict[str, dict[str, None]] = defaultdict(dict)
        for call in self.chattigo.accepted:
            if "text" in call.body:
                told[call.recipients[0]][call.body["text"]["body"]] = None
        return {contact: list(texts) for contact, texts in told.items()}

    def resent(self) -> set[str]:
        """Messages that were sent again on record."""
        return {m.id for plan in self.tail.plans if plan.resend_of for m in plan.messages}

    def replies_in(self, plans: set[str]) -> set[str]:
        """The replies of these plans."""
        mine = (plan for plan in self.tail.plans if plan.plan_id in plans)
        return {m.id for plan in mine for m in plan.messages if m.source == REPLIES}

    async def quiet(self) -> bool:
        """Every plan has an outcome, and no reply is in doubt."""
        await self.tail.more()
        return not self.orphans() and not self.in_doubt & self.replies_in({p.plan_id for p in self.tail.plans})

    def twice(self) -> set[str]:
        """Messages that Chattigo took more than once."""
        counts = Counter(one for call in self.chattigo.accepted for one in self.taken(call))
        return {one for one, count in counts.items() if count > 1}

    @property
    def in_doubt(self) -> set[str]:
        """Messages that are in doubt now."""
        return {one for one in self._owed.values() if self.tail.states.get(one) == "in_doubt"}

    async def replayed(self) -> set[str]:
        """Messages that were planned more than once, because a transaction with their plan was not committed."""
        await self.raw.more()
        await self.tail.more()
        again = Counter(plan.plan_id for plan in self.raw.plans) - Counter(plan.plan_id for plan in self.tail.plans)
        stand = {plan.plan_id: plan for plan in self.tail.plans}
        return {m.id for plan_id in again if plan_id in stand for m in stand[plan_id].messages}

    async def proves(self) -> bool:
        """Whether the crash has left something to get right: a doubt, or a plan that was made again."""
        return bool(await self.replayed() or self.in_doubt)

    def moved(self) -> set[str]:
        """Lines on which more than one process made calls."""
        by_line: dict[str, set[str]] = defaultdict(set)
        for call in self.chattigo.calls:
            by_line[_did(call)].add(call.process)
        return {did for did, processes in by_line.items() if len(processes) > 1}

    async def audit(self) -> Report:
        """The project's audit of these lines: topics against what Chattigo has."""
        return await asyncio.to_thread(self._audit)

    def _audit(self) -> Report:
        names = [t.encode() for t in (world.did for world in self.worlds)]
        every = scan.scan(self.kafka, gathered._readers(()))
        mine = (m for m in every if any(name in (m.key() or b"") + (m.value() or b"") for name in names))
        taken = [one for call in self.chattigo.accepted for one in provider_view(call)]
        return report(gathered.sort(mine, ()), Provider(taken=taken))


def provider_view(call: Call) -> Iterator[Taken]:
    """An accepted call as the audit's provider knows it."""
    batch = "hsm" in call.body
    root = str(call.body["id"]) if batch else ""
    for contact in call.recipients:
        yield Taken(_did(call), contact, root, "", call.digest, call.wamid or f"{root}/{contact}", batch)


def _did(call: Call) -> str:
    return call.body["did"] if "hsm" in call.body else call.path.split("/")[2]
