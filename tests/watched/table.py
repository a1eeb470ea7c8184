"""Which fault brings which alerts about: what is played, and what docs/operations.md shows."""

from __future__ import annotations

from typing import NamedTuple

from relevo.drills.drill import Fault
from relevo.drills.outside.broker import BrokerFreezes
from relevo.drills.outside.chattigo import Down, Refusals, TokensDie
from relevo.drills.outside.poison import PoisonRecords, PoisonWebhooks
from tests.watched.faults import (
    LOOPS,
    Again,
    Dies,
    Fails,
    Gone,
    LoginsRefused,
    Said,
    Stopped,
    Strangers,
    Twins,
    Unreadable,
)

FOREVER_S = 600.0


class Row(NamedTuple):
    """A fault in words, what `must` fire while it stands, and what `may` as well until all is over."""

    what: str
    fault: Fault
    must: tuple[str, ...]
    may: tuple[str, ...] = ()

    @property
    def rough(self) -> bool:
        """Whether it makes others late, too: the next one waits until all is over."""
        return set(LATE) <= set(self.may)


def named(*names: str) -> tuple[str, ...]:
    return tuple(f"Relevo{name}" for name in names)


# What stands on Kafka or on a service that is away: it is late, and is many at once when it goes on.
LATE = named("SendingLate", "AgentsLate", "WebhooksSlow", "TransactionsSlow", "EventLoopLate", "ProcessorBehind")

ROWS = (
    Row("a campaign's recipients fail, and WhatsApp forbids the country", Fails((131026, 130497)),
        named("CampaignPaused", "AccountAlarm")),
    Row("the process of `lease` is killed again and again", Dies("lease"), named("ServiceRestarts"),
        named("ServiceGone")),
    Row("an agent raises", Said("raise"), named("DeadLetters")),
    Row("an agent acts on one conversation without end", Said("odd", LOOPS), named("AgentLoops"), named("DeadLetters")),
    Row("an agent blocks its event loop", Said("stand", contact="56988880002"), named("ServiceStands"), LATE),
    Row("the service behind an `http` agent is not there", Said("shop", 1000, 1.0, "56988880003"),
        named("HookCircuitOpen"), named("DeadLetters")),
    Row("WhatsApp locks the account", Fails((131031,), resumes=True), named("LineStopped"),
        (*LATE, *named("CampaignPaused"))),
    Row("all tokens die again and again", TokensDie(times=30), named("LoginsMany"), LATE),
    Row("somebody tries addresses of webhooks", Strangers(), named("WebhooksStrange")),
    Row("records that nobody can read, on every topic that work is read from", PoisonRecords(), named("DeadLetters")),
    Row("`egress` and `lease` are killed, and not started again", Gone(("egress", "lease")),
        named("ServiceGone", "PartitionsUnowned"), (*LATE, *named("ObjectiveMissing"))),
    Row("Kafka's broker stands (SIGSTOP)", BrokerFreezes(FOREVER_S), named("WebhooksUnavailable", "WebhooksHeld"),
        (*LATE, *named("PartitionsUnowned", "ServiceStands", "ServiceGone", "TransactionsFail", "ServiceNotReady",
                       "KafkaRefuses", "TaskFailed", "ServiceEndedItself"))),
    Row("`conversations` and all agents are killed, and not started again",
        Gone(("conversations", "agents-menu", "agents-odd", "agents-http")),
        named("ServiceGone", "PartitionsUnowned"), (*LATE, *named("ObjectiveMissing"))),
    Row("`webhooks` is killed, and not started again", Gone(("webhooks",)), named("ServiceGone", "ObjectiveMissing"),
        (*LATE, *named("WebhooksUnavailable"))),
    Row("the process of `conversations` stands (SIGSTOP)", Stopped("conversations"), named("ServiceGone"),
        (*LATE, *named("PartitionsUnowned", "ServiceStands", "ServiceEndedItself"))),
    Row("two processes of one instance of `conversations`", Twins("conversations"), named("ServiceEndedItself"),
        (*LATE, *named("PartitionsUnowned", "ServiceGone", "ServiceNotReady", "ServiceRestarts", "TransactionsFail"))),
    Row("no login is let in, and tokens live for a minute", LoginsRefused(), named("LoginsFail", "TokenDying"),
        (*LATE, *named("ChattigoDown"))),
    Row("bodies of no known shape come to the webhooks", Again(PoisonWebhooks()), named("WebhooksUnreadable"), LATE),
    Row("Chattigo refuses replies", Refusals(403, (("isv.send", 100_000),)), named("ChattigoRefuses")),
    Row("nobody listens where Chattigo was", Down(FOREVER_S), named("ChattigoDown"),
        (*LATE, *named("ChattigoDoubtful", "ResendsMany", "CallsShort"))),
    # Last: what is started again reads the topic again, and tells of it again.
    Row("a record of a tenant that nobody can read", Unreadable("tenants"), named("TenantRefused")),
    Row("a record of a pause that nobody can read", Unreadable("pauses"), named("PauseUnreadable")),
)  # fmt: skip
