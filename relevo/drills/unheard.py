"""Events that were routed to an agent and that the agent has not come to: they are on their way, too.

To the audit an event that is routed has its end; a drill waits until somebody has heard it. Blocks.
"""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Consumer
from msgspec.structs import replace

from relevo.asking import asker
from relevo.audit.report import Report
from relevo.audit.scan import partitions_of, scan_between
from runtime.kafka import config
from runtime.kafka.offsets import begin_offsets, end_offsets, stable_committed
from runtime.settings import KafkaSettings
from schemas import topics

GROUP = "relevo-agents-"


def unheard(settings: KafkaSettings, agents: Iterable[str]) -> list[str]:
    """Records of the agents' topics behind what each has committed. Raises OffsetsUnavailable and ReadFailed."""
    found: list[str] = []
    for kind in agents:
        found += _behind(settings, topics.agent(kind).name, GROUP + kind)
    return found


def _behind(settings: KafkaSettings, topic: str, group: str) -> list[str]:
    places = partitions_of(settings, [topic])
    client = Consumer(config.consumer(settings, group, overrides={"group.id": group}))
    try:
        committed = stable_committed(client, places)
    finally:
        client.close()
    asked = asker(settings)
    begins, ends = begin_offsets(settings, places, client=asked), end_offsets(settings, places, client=asked)
    starts = {place: committed.get(place) or begins[place] for place in places}
    left = {place: start for place, start in starts.items() if start < ends[place]}
    # What is left may be markers of transactions alone, which nobody ever reads.
    return [f"{m.topic()}-{m.partition()}-{m.offset()}" for m in scan_between(settings, left, ends)] if left else []


def waiting(report: Report, places: list[str]) -> Report:
    """The report with these among the events that are still on their way."""
    events = report.events
    pending, count = [*events.pending, *places], events.pending_count + len(places)
    return replace(report, events=replace(events, pending=pending, pending_count=count))
