"""Metrics of agents: events, actions, turns, deliveries to systems outside."""

from runtime.metrics.buckets import SLOW as _SLOW
from runtime.metrics.metric import Metric

AGENT_EVENTS = Metric(
    "relevo_processors_agent_events_total",
    "counter",
    "Events that agents got, by what became of them.",
    ("agent", "tenant", "outcome"),
)
AGENT_HELD = Metric(
    "relevo_processors_agent_held_messages_total",
    "counter",
    "Messages that waited to be told with others, by the end (told, muted, human_owns, a dead letter's reason).",
    ("agent", "tenant", "ended"),
)
AGENT_ACTIONS = Metric(
    "relevo_processors_agent_actions_total", "counter", "Actions that agents yielded.", ("agent", "tenant", "action")
)
AGENT_LOOPS = Metric(
    "relevo_processors_agent_loops_total",
    "counter",
    "Conversations in which an agent was stopped because it went on and on.",
    ("agent", "tenant"),
)
DELIVERY_ATTEMPTS = Metric(
    "relevo_processors_delivery_attempts_total",
    "counter",
    "Attempts of agents to deliver something to a system outside, by what came of it.",
    ("agent", "tenant", "outcome"),
)
DELIVERIES_ENDED = Metric(
    "relevo_processors_deliveries_ended_total",
    "counter",
    "Deliveries that ended without having arrived, by why: given up, or superseded by newer ones.",
    ("agent", "tenant", "reason"),
)
DELIVERIES_NOTED = Metric(
    "relevo_processors_deliveries_noted_total",
    "counter",
    "Deliveries as they go on record: `made`, and what became of each (delivered, given_up, merged, superseded, "
    "erased). What was made and became none of these waits.",
    ("agent", "tenant", "step"),
)
DELIVERIES_WAITING = Metric(
    "relevo_processors_deliveries_waiting_count",
    "gauge",
    "Deliveries that wait now, in the partitions of this worker.",
    ("agent", "tenant"),
)
DELIVERIES_OLDEST_S = Metric(
    "relevo_processors_deliveries_oldest_seconds",
    "gauge",
    "For how long the oldest of them has waited.",
    ("agent", "tenant"),
)
AGENT_SECONDS = Metric(
    "relevo_processors_agent_seconds", "histogram", "Time of an agent for one event.", ("agent",), buckets=_SLOW
)
AGENT_DELAY_SECONDS = Metric(
    "relevo_processors_agent_delay_seconds",
    "histogram",
    "From the webhook, or the order, until the agent gets the event; without what waited for further messages, and "
    "without what was put back from dead letters.",
    ("agent",),
    buckets=_SLOW,
)
AGENT_TURNS = Metric(
    "relevo_processors_agent_turns",
    "gauge",
    "Turns of an agent's events that run side by side: `held`, `free`, and `wanted` by events that wait for one.",
    ("agent", "state"),
)
HTTP_AGENT_EVENTS = Metric(
    "relevo_processors_http_agent_events_total",
    "counter",
    "Events that tenants' services were told of, by how that ended and what was done instead.",
    ("tenant", "outcome", "instead"),
)
