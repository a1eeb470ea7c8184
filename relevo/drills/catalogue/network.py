"""Drills of the network: slow, cut, half open, or gone at the worst moment, towards Kafka and towards Chattigo."""

from __future__ import annotations

from relevo.demo.network import CHATTIGO, KAFKA, WEBHOOKS
from relevo.drills.drill import Drill, Fault, Load, Needs
from relevo.drills.outside.network import Storm, Trapped
from relevo.drills.outside.steps import Turned

LOAD = Load(messages=160, rate=8.0, within_s=240.0)
NEEDS = Needs(network=True)
BATCH, REPLY = "POST /message/inbound", "/messages HTTP"
COMMIT, OFFSETS = 26, 28


def drill(name: str, what: str, fault: Fault, *, brief: bool = False) -> Drill:
    """A drill of the network, on the stage that has one."""
    return Drill(name, what, (fault, Turned()), LOAD, NEEDS, family="network", brief=brief)


DRILLS = (
    drill("kafka-slow", "each packet to and from Kafka takes 0.3 s, through a narrow line",
          Storm(KAFKA, "slow", (("latency_s", 0.3), ("bytes_per_s", 500_000)), lasts_s=12.0)),
    drill("kafka-cut", "all connections to Kafka are reset, and nobody listens there for 8 s",
          Storm(KAFKA, "cut", (("refuse", True),), cut="reset")),
    drill("kafka-half-open", "what Kafka answers is lost for 10 s, while connections stand",
          Storm(KAFKA, "half open", (("swallow", "down"),), lasts_s=10.0)),
    drill("kafka-commit-lost", "Kafka commits transactions, and the answers are lost with the connection",
          Trapped(KAFKA, "a transaction ended, and its answer did not come", kafka=COMMIT), brief=True),
    drill("kafka-commit-not-sent", "connections to Kafka end just before the word that ends a transaction",
          Trapped(KAFKA, "the end of a transaction did not arrive", kafka=COMMIT, at="request")),
    drill("chattigo-slow", "each packet to and from Chattigo takes a second",
          Storm(CHATTIGO, "slow", (("latency_s", 1.0),), lasts_s=12.0)),
    drill("chattigo-cut", "all connections to Chattigo are reset, and nobody listens there for 8 s",
          Storm(CHATTIGO, "cut", (("refuse", True),), cut="reset")),
    drill("chattigo-half-open", "what Chattigo answers is lost for 10 s, while connections stand",
          Storm(CHATTIGO, "half open", (("swallow", "down"),), lasts_s=10.0)),
    drill("chattigo-answer-lost", "replies left, and the connection is reset before Chattigo's answer is here",
          Trapped(CHATTIGO, "a reply left and its answer did not come", words=REPLY)),
    drill("chattigo-batch-answer-lost", "a batch left, and the connection is reset before Chattigo's answer is here",
          Trapped(CHATTIGO, "a batch left and its answer did not come", words=BATCH, nth=(1, 1), count=1,
                  begin=(0, 0))),
    drill("webhooks-answer-lost", "webhooks arrive, and Chattigo does not hear that they did",
          Trapped(WEBHOOKS, "a webhook arrived and its answer did not", words="POST /v1/webhooks/", count=5)),
)  # fmt: skip
