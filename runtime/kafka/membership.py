"""How a process is a member of a consumer group: names and the times that must fit together."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Membership:
    """How a process is a member. Seconds; `callback_s` bounds the owner's callbacks and must be below `rebalance_s`."""

    group: str
    topic: str
    instance: str
    assignor: str = "range"
    session_s: float = 30.0
    rebalance_s: float = 45.0
    callback_s: float = 20.0
    batch: int = 500
    batches: int = 4

    def options(self) -> dict[str, Any]:
        """librdkafka's names for it."""
        if not self.callback_s < self.rebalance_s or not self.session_s <= self.rebalance_s:
            raise ValueError("callback_s must be below rebalance_s, and session_s not above it")
        return {
            "group.instance.id": self.instance,
            "partition.assignment.strategy": self.assignor,
            "session.timeout.ms": int(self.session_s * 1000),
            "heartbeat.interval.ms": int(min(3.0, self.session_s / 5) * 1000),
            # In the classic protocol this is the rebalance time-out as well.
            "max.poll.interval.ms": int(self.rebalance_s * 1000),
            # An offset that Kafka no longer keeps is a decision of the owner, not of a default.
            "auto.offset.reset": "error",
        }
