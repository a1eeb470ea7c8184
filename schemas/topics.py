"""The catalogue of topics: what flows where, how it is cut into partitions, and how long it stays.

Partition counts are constants of a cluster: a changed count would move keys. Services check the topics against
this catalogue when they start and refuse to run on a mismatch; `relevo topics apply` creates what is missing.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas import (
    campaign,
    delivery,
    inbound,
    journal,
    line_command,
    line_state,
    optout,
    outbound,
    outcome,
    pause,
    tenant,
    token,
)
from schemas.record import Decoder, Frozen

Partitioning = Literal["conversation", "did", "account", "source", "none"]
Cleanup = Literal["delete", "compact", "compact,delete"]

DAY_MS = 86_400_000
LETTERS_MS = 30 * DAY_MS  # dead letters are kept for so long
MESSAGE_MAX_BYTES = 4 * 1024 * 1024
DEAD_LETTERS = ".dlq"
# Compaction keeps the last word under a key. An owner has so long to say more than a late one did.
COMPACTION_LAG_MS = 3_600_000


class Profile(msgspec.Struct, frozen=True):
    """What differs between clusters: a laptop's single broker, a production cluster of three and more, and librdkafka's
    mock, in which every topic has four partitions and the catalogue's smaller counts leave the others empty."""

    name: str
    partitions: int
    replication: int
    min_insync: int


LAPTOP = Profile("laptop", partitions=4, replication=1, min_insync=1)
PRODUCTION = Profile("production", partitions=64, replication=3, min_insync=2)
MOCK = Profile("mock", partitions=4, replication=1, min_insync=1)
PROFILES = {profile.name: profile for profile in (LAPTOP, PRODUCTION, MOCK)}


class Topic(Frozen):
    """One topic. `value` is the type of its records, or None where they are bytes as they came.

    `retention_ms` is -1 for topics that are only compacted; `partitions` 0 means the profile's count.
    """

    name: str
    purpose: str
    partitioned_by: Partitioning
    key: str
    value: Any
    cleanup: Cleanup
    retention_ms: int
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int = 0

    def count(self, profile: Profile) -> int:
        """How many partitions the topic has in a cluster of this profile."""
        return self.partitions or profile.partitions

    def config(self, profile: Profile) -> dict[str, str]:
        """The topic's settings at the broker."""
        config = {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MESSAGE_MAX_BYTES),
            "min.insync.replicas": str(profile.min_insync),
            "unclean.leader.election.enable": "false",
        }
        if "compact" in self.cleanup:
            # Old states go soon, so that a recovery reads little more than what is still true.
            config |= {"min.cleanable.dirty.ratio": "0.2", "segment.ms": str(6 * 3_600_000)}
            config |= {"delete.retention.ms": str(DAY_MS), "min.compaction.lag.ms": str(COMPACTION_LAG_MS)}
        return config

    def decoder(self) -> Decoder:
        """Reads the topic's records; only for topics whose values are ours."""
        if self.value is None:
            raise TypeError(f"{self.name} holds bytes as they came")
        return Decoder.of(self.value)


def _topic(name: str, purpose: str, by: Partitioning, key: str, value: Any, keep: str, **rest: Any) -> Topic:
    """A topic; `keep` is `compact`, `7d`, or `compact,90d`."""
    days = keep.removeprefix("compact").lstrip(",").removesuffix("d")
    cleanup: Cleanup = "compact" if keep == "compact" else "compact,delete" if keep.startswith("compact") else "delete"
    retention = int(days) * DAY_MS if days else -1
    return Topic(
        name=name,
        purpose=purpose,
        partitioned_by=by,
        key=key,
        value=value,
        cleanup=cleanup,
        retention_ms=retention,
        **rest,
    )


_INBOUND_OURS = inbound.AnyCommand | inbound.Timer | inbound.Alias | inbound.Moved

INBOUND_CONVERSATIONS = _topic(
    "inbound.conversations",
    "webhooks as they came; commands, timers, aliases and moves of people (told apart by the `type` header)",
    "conversation",
    "did|contact",
    _INBOUND_OURS,
    "7d",
    producers=("webhooks", "api", "agents", "conversations", "egress", "relevo"),
    consumers=("conversations",),
)
INBOUND_RECEIPTS = _topic(
    "inbound.receipts",
    "statuses and notifications of a line, as they came",
    "did",
    "did",
    None,
    "7d",
    producers=("webhooks",),
    consumers=("egress",),
)
INBOUND_REJECTED = _topic(
    "inbound.rejected",
    "request bodies that were not processed, with the reason in the headers",
    "none",
    "none",
    None,
    "30d",
    producers=("webhooks",),
    consumers=("relevo",),
)
OUTBOUND_REPLIES = _topic(
    "outbound.replies",
    "what is said in a conversation, in order",
    "did",
    "did|contact",
    outbound.OutboundMessage,
    "7d",
    producers=("agents", "conversations"),
    consumers=("egress",),
)
OUTBOUND_TEMPLATES = _topic(
    "outbound.templates",
    "one template for one recipient, outside any conversation",
    "did",
    "message id",
    outbound.OutboundMessage,
    "7d",
    producers=("api", "relevo"),
    consumers=("egress",),
)
OUTBOUND_PARKED = _topic(
    "outbound.parked",
    "messages that must wait, as their input had them (why: headers `parked_*`); fetched again by offset",
    "did",
    "message id",
    outbound.OutboundMessage,
    "30d",
    producers=("egress",),
    consumers=("egress",),
)
CAMPAIGNS = _topic(
    "campaigns",
    "a campaign's definition, contents and progress, and who was heard of, as separate records",
    "did",
    "did|campaign|part[|chunk]",
    campaign.CampaignRecord,
    "compact",
    producers=("relevo", "egress"),
    consumers=("egress", "relevo"),
)
CAMPAIGNS_CHUNKS = _topic(
    "campaigns.chunks",
    "a campaign's recipients, up to 1000 a record",
    "did",
    "campaign|index",
    campaign.Chunk,
    "90d",
    producers=("relevo",),
    consumers=("egress",),
)
LINES_COMMANDS = _topic(
    "lines.commands",
    "orders to a line's owner: campaigns, doubts, pauses",
    "did",
    "did",
    line_command.AnyLineCommand,
    "30d",
    producers=("relevo", "api"),
    consumers=("egress",),
)
LINES_STATE = _topic(
    "lines.state",
    "how each line stands: paused, stopped, its rate, what waits, what was paid today",
    "did",
    "did",
    line_state.LineState,
    "compact",
    producers=("egress",),
    consumers=("egress", "relevo"),
)
PAUSES = _topic(
    "pauses",
    "sending stands still for everybody, or for a tenant, as long as the record is there",
    "none",
    "all, or tenant|<name>",
    pause.Pause,
    "compact",
    producers=("relevo", "api"),
    consumers=("egress", "relevo"),
    partitions=1,
)
OPTOUTS = _topic(
    "optouts",
    "who does not want what from which line",
    "did",
    "did|contact",
    optout.Optout,
    "compact",
    producers=("conversations",),
    consumers=("egress", "relevo"),
)
EGRESS_JOURNAL = _topic(
    "egress.journal",
    "plans before the calls, outcomes after them, segments, checkpoints; tombstones past the horizon",
    "did",
    "did|plan id[|outcome|order], did|segment|n, did|checkpoint",
    journal.JournalRecord,
    "compact,90d",
    producers=("egress",),
    consumers=("egress", "relevo"),
)
OUTCOMES = _topic(
    "outcomes",
    "what became of each message: a public topic for the ISV's systems",
    "did",
    "did",
    outcome.Outcome,
    "90d",
    producers=("egress",),
    consumers=("relevo", "the ISV's systems"),
)
DELIVERIES = _topic(
    "deliveries",
    "what agents were to bring to systems outside, and what became of each: for the audit",
    "conversation",
    "did|contact",
    delivery.DeliveryNote,
    "30d",
    producers=("agents",),
    consumers=("relevo",),
)
TOKENS = _topic(
    "tokens",
    "the token of each account, encrypted, with its generation",
    "account",
    "service|username",
    token.Token,
    "compact",
    producers=("lease",),
    consumers=("egress", "lease", "relevo"),
)
TOKENS_REQUESTS = _topic(
    "tokens.requests",
    "please renew an account's token",
    "account",
    "service|username",
    token.TokenRequest,
    "1d",
    producers=("egress", "relevo"),
    consumers=("lease",),
)
TENANTS = _topic(
    "tenants",
    "configuration of each tenant, secrets encrypted",
    "none",
    "tenant",
    tenant.Tenant,
    "compact",
    producers=("relevo", "api"),
    consumers=("webhooks", "conversations", "agents", "egress", "lease", "relevo"),
    partitions=1,
)
CONVERSATIONS_STATE = _topic(
    "conversations.state",
    "changelog of the conversations table",
    "conversation",
    "did|contact",
    None,
    "compact",
    producers=("conversations",),
    consumers=("conversations", "relevo"),
)

STATIC = (
    INBOUND_CONVERSATIONS,
    INBOUND_RECEIPTS,
    INBOUND_REJECTED,
    OUTBOUND_REPLIES,
    OUTBOUND_TEMPLATES,
    OUTBOUND_PARKED,
    CAMPAIGNS,
    CAMPAIGNS_CHUNKS,
    LINES_COMMANDS,
    LINES_STATE,
    PAUSES,
    OPTOUTS,
    EGRESS_JOURNAL,
    OUTCOMES,
    DELIVERIES,
    TOKENS,
    TOKENS_REQUESTS,
    TENANTS,
    CONVERSATIONS_STATE,
)


def agent(kind: str) -> Topic:
    """The topic of the events for agents of one type."""
    return _topic(
        f"agents.{kind}",
        f"events for the {kind} agents, with the facts of their conversation",
        "conversation",
        "did|contact",
        inbound.InboundEvent,
        "7d",
        producers=("conversations", "agents"),
        consumers=("agents",),
    )


def agent_state(kind: str) -> Topic:
    """The changelog of what agents of one type remember."""
    return _topic(
        f"agents.{kind}.state",
        f"changelog of what the {kind} agents remember",
        "conversation",
        "did|contact",
        None,
        "compact",
        producers=("agents",),
        consumers=("agents",),
    )


def dead_letters(topic: Topic) -> Topic:
    """Where records of a topic are kept that could not be processed."""
    return msgspec.structs.replace(
        topic,
        name=topic.name + DEAD_LETTERS,
        purpose=f"records of {topic.name} that could not be processed, and why",
        partitioned_by="source",
        value=None,
        cleanup="delete",
        retention_ms=LETTERS_MS,
        producers=topic.consumers,
        consumers=("relevo",),
    )


_WITH_DEAD_LETTERS = (
    INBOUND_CONVERSATIONS,
    INBOUND_RECEIPTS,
    OUTBOUND_REPLIES,
    OUTBOUND_TEMPLATES,
    CAMPAIGNS,
    CAMPAIGNS_CHUNKS,
    LINES_COMMANDS,
    TOKENS_REQUESTS,
)


def catalogue(agents: tuple[str, ...] = ()) -> dict[str, Topic]:
    """Every topic of a cluster whose agents are of these types, by name."""
    of_agents = [maker(kind) for kind in agents for maker in (agent, agent_state)]
    letters = [dead_letters(t) for t in _WITH_DEAD_LETTERS]
    letters += [dead_letters(agent(kind)) for kind in agents]
    return {topic.name: topic for topic in (*STATIC, *of_agents, *letters)}
