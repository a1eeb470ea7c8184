"""Crash drills: each service, killed or frozen at each point of its way. Made from a table, not one by one."""

from __future__ import annotations

from typing import NamedTuple

from relevo.drills.crash import AtPoint, Kind
from relevo.drills.drill import Drill, Load


class Point(NamedTuple):
    """A point of a service's way: what it is called there, the word for it in a drill's name, and in words.

    The rest is as in `AtPoint`.
    """

    service: str
    point: str
    word: str
    what: str
    nth: tuple[int, int] = (3, 9)
    late: bool = False
    renew: bool = False
    joins: bool = False


POINTS = (
    Point("webhooks", "webhook_planned", "before-produce", "has a webhook and Kafka has nothing of it"),
    Point("webhooks", "webhook_kept", "before-ack", "has a webhook in Kafka and has not answered it"),
    Point("conversations", "chunk_processed", "before-produce", "has routed events and produced nothing"),
    Point("conversations", "chunk_produced", "before-commit", "has produced events and not committed them"),
    Point("conversations", "chunk_committed", "after-commit", "has committed events and does not know it"),
    Point("conversations", "partitions_restored", "rebalance", "has read its table and opens its partitions",
          nth=(1, 1), late=True),
    Point("conversations", "partitions_released", "handing-over", "gives its partitions back, as another one joins",
          nth=(1, 1), joins=True),
    Point("agents", "event_submitted", "before-produce", "has answered an event and produced nothing"),
    Point("agents", "chunk_produced", "before-commit", "has produced answers and not committed them"),
    Point("agents", "chunk_committed", "after-commit", "has committed answers and does not know it"),
    Point("agents", "partitions_restored", "rebalance", "has read its table and opens its partitions",
          nth=(1, 1), late=True),
    Point("agents", "partitions_released", "handing-over", "gives its partitions back, as another one joins",
          nth=(1, 1), joins=True),
    Point("egress", "plan_written", "before-produce", "has plans and Kafka has nothing of them"),
    Point("egress", "transaction_open", "before-commit", "has produced plans and not committed them"),
    Point("egress", "before_post", "before-post", "has committed a plan and not made its POST", nth=(5, 15)),
    Point("egress", "after_post", "after-post", "has Chattigo's answer and no outcome on record", nth=(5, 15)),
    Point("egress", "outcome_recorded", "after-outcome", "has an outcome on record and does not know it", nth=(5, 15)),
    Point("egress", "in_recovery", "rebalance", "recovers its lines", nth=(2, 6), late=True),
    Point("egress", "lines_revoked", "handing-over", "gives its lines back, as another one joins",
          nth=(1, 1), joins=True),
    Point("lease", "lease_login", "login", "has put a login on record and not made it", nth=(1, 3), renew=True),
    Point("lease", "lease_logged_in", "logged-in", "has a token and nobody else does", nth=(1, 3), renew=True),
    Point("lease", "transaction_open", "before-commit", "has produced a record and not committed it",
          nth=(1, 4), renew=True),
    Point("lease", "accounts_recovered", "rebalance", "has read its accounts", nth=(1, 1), late=True, renew=True),
)  # fmt: skip
# There are many of them: each is short.
LOAD = Load(customers=30, messages=110, rate=18.0, campaign=40)
_HOW = {"kill": "is killed", "stop": "is frozen for longer than its session"}
_KINDS: tuple[Kind, ...] = ("kill", "stop")
# These run on every change: where most is at stake, and where a service with one rule broken must be seen.
_BRIEF = {
    "webhooks-before-produce-kill",
    "conversations-before-commit-kill",
    "egress-after-post-kill",
    "egress-before-post-stop",
}


def drill(point: Point, kind: Kind) -> Drill:
    """The drill of a point and of what happens there."""
    name = f"{point.service}-{point.word}-{kind}"
    heir = kind == "stop" and point.service != "webhooks"
    fault = AtPoint(
        point.service, point.point, kind, point.nth, point.late, renew=point.renew, joins=point.joins, heir=heir
    )
    what = f"{point.service} {_HOW[kind]} when it {point.what}"
    return Drill(name, what, (fault,), LOAD, family="crashes", brief=name in _BRIEF)


DRILLS = tuple(drill(point, kind) for kind in _KINDS for point in POINTS)
