"""Who may do what in Kafka: one user a service, with what its part of the topic catalogue needs and no more.

Promises: whoever consumes a topic by the catalogue may read it; whoever produces to it and checks it at its start may
write to it, and sees the settings of what it checks. In a name `<own>` stands for the type of an
agents' service and `<each>` for each type there is. Leaves to `topics` what is read and written, to the services the
names of their groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from egress.lease import service as lease
from egress.lease.names import Names
from egress.lines.process import owner
from egress.lines.process import service as egress
from ingress.webhooks import service as webhooks
from processors.agents import service as agents
from processors.conversations import service as conversations
from relevo.dead_letters.shelf import TRANSACTIONAL_ID as LETTERS_ID
from runtime.settings import ProcessorSettings
from schemas import topics
from schemas.record import Frozen

OWN, EACH = "<own>", "<each>"
READ, WRITE, DESCRIBE, SETTINGS = "Read", "Write", "Describe", "DescribeConfigs"
AGENTS_GROUP = "relevo-agents-"
SUBMIT_IDS = "relevo-submit-"
LEASE_GROUP = Names(partitions=0).group
# librdkafka asks who coordinates a group whenever a client has a group's name, also where it never joins it.
FOLLOWER, READER, AUDIT = "relevo-follower", "relevo-reader", "relevo-audit"


class Grant(Frozen):
    """Operations on a topic, a group or a transactional id; `prefix` where the name is only how names begin."""

    resource: str
    name: str
    operations: tuple[str, ...]
    pattern: str = "literal"


class User(Frozen):
    """A user of Kafka: what it is for, and all that it may do."""

    name: str
    purpose: str
    grants: tuple[Grant, ...]


def users() -> tuple[User, ...]:
    """One for each service, one for who operates, one for who counts what waits."""
    return (
        _user("webhooks", "takes webhooks", webhooks.TOPICS, [_asks(FOLLOWER)]),
        _user(
            "conversations",
            "keeps conversations",
            conversations.checked_topics(ProcessorSettings(agents=(EACH,))),
            [*_member(conversations.APP_ID), _asks(FOLLOWER)],
        ),
        _user(
            "agents",
            "runs agents of one type",
            agents.checked_topics(OWN),
            [*_member(f"{AGENTS_GROUP}{OWN}"), _asks(FOLLOWER)],
        ),
        _user(
            "egress",
            "owns lines and sends",
            egress.TOPICS,
            [*_member(owner.GROUP), _asks(FOLLOWER), _asks(READER)],
        ),
        _user("lease", "logs in", lease.TOPICS, [*_member(LEASE_GROUP), _asks(FOLLOWER), _asks(READER)]),
        User(name="tools", purpose="operates, by the command line", grants=tuple(_tools())),
        User(name="scaler", purpose="counts what waits, for the scaling", grants=tuple(_scaler())),
    )


def expanded(user: User, types: Sequence[str], own: str = "") -> list[Grant]:
    """The grants of a user where there are agents of these types; `own` is the type of an agents' service."""
    found = []
    for grant in user.grants:
        names = [grant.name.replace(OWN, own)]
        if EACH in grant.name:
            names = [grant.name.replace(EACH, kind) for kind in types if kind != own]
        found += [msgspec.structs.replace(grant, name=name) for name in names]
    return found


def _user(name: str, purpose: str, checked: Iterable[topics.Topic], further: Iterable[Grant]) -> User:
    """By the catalogue, and the settings of the topics that are `checked` at the start."""
    seen = {topic.name for topic in checked}
    grants = []
    for topic in _all():
        operations = _operations(topic, name, topic.name in seen)
        if operations:
            grants.append(Grant(resource="topic", name=topic.name, operations=operations))
    return User(name=name, purpose=purpose, grants=(*grants, *further))


def _all() -> list[topics.Topic]:
    """Every topic once, those of agents as one's own and as each one's."""
    return [*topics.catalogue((OWN,)).values(), *(t for t in topics.catalogue((EACH,)).values() if EACH in t.name)]


def _operations(topic: topics.Topic, name: str, checked: bool) -> tuple[str, ...]:
    """A service checks all that it writes to. Agents of one type may write to the events of each, unchecked, and have
    nothing else to do with the others' topics."""
    is_agents = name == "agents"
    if OWN in topic.name and not is_agents:
        return ()
    if is_agents and EACH in topic.name:
        return (WRITE,) if topic.name == topics.agent(EACH).name else ()
    can = {READ: name in topic.consumers, WRITE: checked and name in topic.producers, SETTINGS: checked}
    return tuple(operation for operation, granted in can.items() if granted)


def _member(group: str) -> Iterator[Grant]:
    """Of a group, with the transactions of its workers."""
    yield Grant(resource="group", name=group, operations=(READ,))
    yield Grant(resource="transactionalId", name=f"{group}-", operations=(WRITE,), pattern="prefix")


def _asks(group: str) -> Grant:
    return Grant(resource="group", name=group, operations=(DESCRIBE,))


def _tools() -> Iterator[Grant]:
    """Sees and reads all, for the audit also what agents remember; writes what the catalogue says, dead letters'
    marks, and their originals to where they came from; asks how far readers have come."""
    every = [topic for topic in _all() if OWN not in topic.name]
    letters = {topic.name for topic in every if topic.name.endswith(topics.DEAD_LETTERS)}
    sources = {name.removesuffix(topics.DEAD_LETTERS) for name in letters}
    for topic in every:
        writes = "relevo" in topic.producers or topic.name in letters | sources
        operations = (READ, *(WRITE,) * writes, SETTINGS)
        yield Grant(resource="topic", name=topic.name, operations=operations)
    for group in (conversations.APP_ID, f"{AGENTS_GROUP}{EACH}", owner.GROUP, FOLLOWER, READER, AUDIT):
        yield _asks(group)
    yield Grant(resource="transactionalId", name=SUBMIT_IDS, operations=(WRITE,), pattern="prefix")
    yield Grant(resource="transactionalId", name=LETTERS_ID, operations=(WRITE,))


SCALED = (
    (conversations.APP_ID, topics.INBOUND_CONVERSATIONS),
    (f"{AGENTS_GROUP}{EACH}", topics.agent(EACH)),
    (owner.GROUP, topics.OUTBOUND_REPLIES),
    (owner.GROUP, topics.OUTBOUND_TEMPLATES),
    (owner.GROUP, topics.INBOUND_RECEIPTS),
)
"""What waits for whom, where workers come and go with it."""


def _scaler() -> Iterator[Grant]:
    for topic in dict.fromkeys(topic.name for _, topic in SCALED):
        yield Grant(resource="topic", name=topic, operations=(DESCRIBE,))
    for group in dict.fromkeys(group for group, _ in SCALED):
        yield _asks(group)
