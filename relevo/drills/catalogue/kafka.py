"""Drills of Kafka: its only broker goes away, freezes, is killed, or runs out of disk while everything runs."""

from __future__ import annotations

from relevo.drills.drill import Drill, Fault, Load, Needs
from relevo.drills.outside.broker import BrokerFreezes, BrokerKilled, BrokerStops, DiskFull
from relevo.drills.outside.steps import Turned

# Customers write until all is back: what they say meanwhile is what it is about.
LOAD = Load(messages=240, rate=8.0, within_s=240.0)
PLAIN = Needs()
NETWORK = Needs(network=True)
SMALL_DISK = 256 * 2**20


def drill(name: str, what: str, fault: Fault, *, needs: Needs = PLAIN, brief: bool = False) -> Drill:
    """A drill of the broker; Chattigo repeats webhooks until somebody takes them."""
    return Drill(name, what, (fault, Turned()), LOAD, needs, family="kafka", brief=brief)


DRILLS = (
    drill("broker-stop", "Kafka's broker ends in order, and comes back after longer than a transaction may take",
          BrokerStops(), needs=NETWORK),
    drill("broker-pause", "Kafka's broker is frozen for longer than a session", BrokerFreezes(), brief=True),
    drill("broker-kill", "Kafka's broker is killed while transactions are open, and started again", BrokerKilled(),
          needs=NETWORK),
    drill("disk-full", "Kafka's disk is full, the broker ends by that, and later there is room again", DiskFull(),
          needs=Needs(disk_bytes=SMALL_DISK)),
)  # fmt: skip
