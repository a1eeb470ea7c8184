"""Metrics of conversations, and of what they have in common with agents."""

from runtime.metrics.buckets import COUNTS as _COUNTS
from runtime.metrics.buckets import FAST as _FAST
from runtime.metrics.buckets import SLOW as _SLOW
from runtime.metrics.metric import Metric

PROCESSOR_EVENTS = Metric(
    "relevo_processors_events_total", "counter", "Events by what became of them.", ("processor", "tenant", "outcome")
)
PROCESSOR_DROPPED = Metric(
    "relevo_processors_dropped_events_total",
    "counter",
    "Events dropped on purpose, by reason.",
    ("processor", "tenant", "reason"),
)
PROCESSOR_DEAD_LETTERS = Metric(
    "relevo_processors_dead_letters_total",
    "counter",
    "Records in the dead letter topics, by reason.",
    ("processor", "tenant", "reason"),
)
PROCESSOR_LETTER_STOPS = Metric(
    "relevo_processors_dead_letter_stops_total",
    "counter",
    "Times that the worker stopped because most of what it handled became dead letters; it ends soon after.",
    ("processor",),
)
PROCESSOR_CHUNK_RECORDS = Metric(
    "relevo_processors_chunk_records", "histogram", "Records in a chunk.", ("processor",), buckets=_COUNTS
)
PROCESSOR_TRANSACTION_SECONDS = Metric(
    "relevo_processors_transaction_seconds",
    "histogram",
    "Time of a transaction of outputs, state and offsets.",
    ("processor",),
    buckets=_FAST,
)
PROCESSOR_TABLE_KEYS = Metric(
    "relevo_processors_table_keys", "gauge", "Keys in the table of this worker.", ("processor",)
)
PROCESSOR_RECOVERY_SECONDS = Metric(
    "relevo_processors_recovery_seconds",
    "histogram",
    "Time to recover the partitions of one assignment.",
    ("processor",),
    buckets=_SLOW,
)
PROCESSOR_RECOVERED = Metric(
    "relevo_processors_recovered_records_total", "counter", "Records of changelogs read in recoveries.", ("processor",)
)
PROCESSOR_HUMAN_CONVERSATIONS = Metric(
    "relevo_processors_human_conversations", "gauge", "Conversations of this worker that humans own.", ("tenant",)
)
PROCESSOR_HANDOFFS = Metric(
    "relevo_processors_handoffs_total",
    "counter",
    "Changes of owner: handed_off to a human by an agent, an order, or as seen in an event; given_back by the human "
    "(transfer), an order, the time-out, or the end of the chat.",
    ("tenant", "step", "by"),
)
PROCESSOR_UNUSABLE_RULES = Metric(
    "relevo_processors_unusable_rules",
    "gauge",
    "Rules of tenants' routing that never match, because something in them is wrong.",
)
