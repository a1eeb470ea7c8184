"""Metrics of lines and of the partitions that they are on: circuits, pace, stops, the journal, the intake."""

from runtime.metrics.buckets import SLOW as _SLOW
from runtime.metrics.metric import Metric

EGRESS_CIRCUIT = Metric(
    "relevo_egress_account_circuit_state",
    "gauge",
    "Circuit of an account: 0 closed, 1 half-open, 2 open. There from the account's first failure on.",
    ("account",),
)
EGRESS_CIRCUIT_OPENED = Metric(
    "relevo_egress_account_circuit_opened_total",
    "counter",
    "Times that an account's circuit opened, failed probes included, by the last failure.",
    ("account", "reason"),
)
EGRESS_THROTTLES = Metric(
    "relevo_egress_throttles_total", "counter", "Times that a line was slowed down, by WhatsApp's word.", ("tenant",)
)
EGRESS_SLOWED = Metric("relevo_egress_slowed_lines", "gauge", "Lines below their configured rate.")
EGRESS_RATE_SHARE = Metric(
    "relevo_egress_lowest_rate_share",
    "gauge",
    "What the slowest line uses of its configured rate; 1 when none is slow.",
)
EGRESS_STOPS = Metric(
    "relevo_egress_stops_total",
    "counter",
    "Times that WhatsApp stopped a line or a template on it, by its code.",
    ("tenant", "what", "code"),
)
EGRESS_STOPPED = Metric(
    "relevo_egress_stops_standing",
    "gauge",
    "Stops that wait for a person, by what is stopped (line, template).",
    ("what",),
)
EGRESS_ALARMS = Metric(
    "relevo_egress_alarms_total",
    "counter",
    "Codes that a person should look at and that stop nothing (130497: a country that may not be written to).",
    ("tenant", "code"),
)
EGRESS_HELD = Metric(
    "relevo_egress_held_lines",
    "gauge",
    "Lines that send nothing, by reason (line_paused, paused, line_stopped).",
    ("reason",),
)
EGRESS_HELD_BACK = Metric(
    "relevo_egress_held_back_plans_total",
    "counter",
    "Plans that were not posted because their line was paused or stopped meanwhile; they go again.",
    ("tenant", "reason"),
)
EGRESS_PARTITIONS = Metric("relevo_egress_owned_partitions", "gauge", "Partitions of lines that this worker owns.")
EGRESS_RECOVERED = Metric(
    "relevo_egress_recovered_records_total", "counter", "Records read in recoveries, by topic.", ("topic",)
)
EGRESS_RECALLED = Metric(
    "relevo_egress_recalled_plans_total", "counter", "Settled plans read again from the journal for a late receipt."
)
EGRESS_CHECKPOINTS = Metric(
    "relevo_egress_checkpoints_total", "counter", "Times that a partition's checkpoint moved on."
)
EGRESS_JOURNAL_TAIL = Metric(
    "relevo_egress_journal_tail_records",
    "gauge",
    "Records of the journal behind the last checkpoint, which a new owner reads; the longest of this worker.",
)
EGRESS_RECOVERY_SECONDS = Metric(
    "relevo_egress_recovery_seconds", "histogram", "From taking a partition to the first grant.", buckets=_SLOW
)
EGRESS_UNREAD = Metric(
    "relevo_egress_unread_offsets_total",
    "counter",
    "Offsets of inputs that Kafka removed before they were read; counted at each start until a later one is committed.",
    ("topic",),
)
EGRESS_BEHIND = Metric(
    "relevo_egress_intake_behind_records",
    "gauge",
    "Records of an input that its partition's owner has not read yet; as many as transactions' markers may be count as "
    "none.",
    ("topic", "partition"),
)
EGRESS_BEHIND_SECONDS = Metric(
    "relevo_egress_intake_behind_seconds",
    "gauge",
    "For how long the next of these records has waited to be read.",
    ("topic", "partition"),
)
EGRESS_AHEAD = Metric(
    "relevo_egress_ahead_messages_total",
    "counter",
    "Single templates that were read before their turn, past a backlog of others on their partition.",
)
EGRESS_SCANNED = Metric(
    "relevo_egress_ahead_scanned_records_total",
    "counter",
    "Records that were looked at to find them.",
)
EGRESS_AHEAD_FAILURES = Metric(
    "relevo_egress_ahead_failures_total",
    "counter",
    "Times that Kafka did not let itself be read ahead; nothing is lost by it, and it is tried again.",
)
