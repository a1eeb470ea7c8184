"""Metrics of messages: calls, doubts, what waits, receipts, campaigns."""

from runtime.metrics.buckets import COUNTS as _COUNTS
from runtime.metrics.buckets import FAST as _FAST
from runtime.metrics.buckets import SLOW as _SLOW
from runtime.metrics.metric import Metric

EGRESS_MESSAGES = Metric(
    "relevo_egress_messages_total",
    "counter",
    "Messages by what became of them: admitted, parked, refused or expired before a call; accepted or in_doubt by a "
    "call; dead: not sent, and not tried again.",
    ("tenant", "message_class", "outcome"),
)
EGRESS_REFUSALS = Metric(
    "relevo_egress_refusals_total",
    "counter",
    "Messages refused before or by Chattigo, by reason.",
    ("tenant", "reason"),
)
EGRESS_PAID = Metric(
    "relevo_egress_paid_messages_total",
    "counter",
    "Templates planned that count towards the tenant's cap of the day: each once, and each deliberate resend.",
    ("tenant",),
)
EGRESS_CALLS = Metric(
    "relevo_egress_calls_total", "counter", "Calls to Chattigo by route and result.", ("tenant", "route", "result")
)
EGRESS_CALL_SECONDS = Metric(
    "relevo_egress_call_seconds", "histogram", "Time of a call to Chattigo.", ("route",), buckets=_SLOW
)
EGRESS_CALL_RECIPIENTS = Metric(
    "relevo_egress_call_recipients", "histogram", "Recipients of a call.", ("route",), buckets=_COUNTS
)
EGRESS_BISECTS = Metric(
    "relevo_egress_bisect_calls_total",
    "counter",
    "Calls of refused batches and of their parts, by result (`halved`: refused, and its halves are tried).",
    ("tenant", "result"),
)
EGRESS_TRANSACTION_SECONDS = Metric(
    "relevo_egress_transaction_seconds", "histogram", "Time of a transaction of plans and offsets.", buckets=_FAST
)
EGRESS_TRANSACTION_PLANS = Metric(
    "relevo_egress_transaction_plans", "histogram", "Plans in a transaction.", buckets=_COUNTS
)
EGRESS_LATE_PLANS = Metric(
    "relevo_egress_late_plans_total",
    "counter",
    "Plans not sent because their deadline had passed before the POST.",
    ("route",),
)
EGRESS_IN_DOUBT = Metric(
    "relevo_egress_in_doubt_messages",
    "gauge",
    "Messages of which nobody knows whether Chattigo took them.",
    ("message_class",),
)
EGRESS_OLDEST_DOUBT = Metric(
    "relevo_egress_oldest_doubt_seconds",
    "gauge",
    "For how long the oldest of them has been in doubt; 0 when there is none.",
    ("message_class",),
)
EGRESS_SETTLED = Metric(
    "relevo_egress_settled_messages_total",
    "counter",
    "Messages of doubtful calls that were settled, by what settled them (`receipt`, or `person`: dropped).",
    ("message_class", "by"),
)
EGRESS_RESENDS = Metric(
    "relevo_egress_resends_total",
    "counter",
    "Deliberate resends, each on record.",
    ("tenant", "message_class", "reason"),
)
EGRESS_WAITING = Metric(
    "relevo_egress_waiting_messages", "gauge", "Messages admitted that wait for their turn.", ("message_class",)
)
EGRESS_FULLEST_LINE = Metric(
    "relevo_egress_fullest_line_messages",
    "gauge",
    "Messages that wait for their turn on the line where most of them wait, by kind (reply, urgent, bulk).",
    ("message_class",),
)
EGRESS_PARKED = Metric(
    "relevo_egress_parked_messages",
    "gauge",
    "Messages kept on outbound.parked until there is room or their time has come, by kind (reply, urgent, bulk).",
    ("message_class",),
)
EGRESS_PARKED_OLDEST = Metric(
    "relevo_egress_parked_oldest_seconds",
    "gauge",
    "For how long the oldest parked message has waited, to the minute; those whose time is far do not count.",
)
EGRESS_PARKINGS = Metric(
    "relevo_egress_parkings_total",
    "counter",
    "Messages that were parked, by reason (backlog, daily_cap, line_paused, line_stopped, not_before, paused, "
    "send_window, waits, withheld).",
    ("message_class", "reason"),
)
EGRESS_PARKED_LOST = Metric(
    "relevo_egress_parked_lost_total",
    "counter",
    "Parked messages that Kafka no longer had when they were looked for; at most so many, where many are gone.",
)
EGRESS_WAIT_SECONDS = Metric(
    "relevo_egress_wait_seconds",
    "histogram",
    "From admission to the POST; of a message that was parked, from when it was read again.",
    ("message_class",),
    buckets=_SLOW,
)
EGRESS_DUE_SECONDS = Metric(
    "relevo_egress_due_seconds",
    "histogram",
    "From when a message was read, or from the time before which it must not go, to its first POST; by kind (reply, "
    "urgent, bulk), without campaigns.",
    ("message_class",),
    buckets=_SLOW,
)
EGRESS_OPEN_CALLS = Metric("relevo_egress_open_calls", "gauge", "Calls to Chattigo under way.")
EGRESS_CALLS_LIMIT = Metric(
    "relevo_egress_calls_limit", "gauge", "How many calls this worker makes side by side at most."
)
EGRESS_RECEIPTS = Metric("relevo_egress_receipts_total", "counter", "Receipts by state.", ("tenant", "state"))
EGRESS_FAILURES = Metric(
    "relevo_egress_failed_messages_total",
    "counter",
    "Messages that a receipt, or the answer, says were not delivered, by what follows (`again`: another attempt is "
    "ordered; `final`).",
    ("tenant", "then"),
)
EGRESS_NAMED = Metric(
    "relevo_egress_named_messages_total",
    "counter",
    "Messages of batches whose answer tells recipients apart, by what it says (`accepted`, `left_out`, `unnamed`).",
    ("tenant", "said"),
)
EGRESS_ORPHANS = Metric(
    "relevo_egress_orphan_receipts_total", "counter", "Receipts that belong to no send that is known.", ("tenant",)
)
EGRESS_CAMPAIGNS = Metric(
    "relevo_egress_campaigns",
    "gauge",
    "Campaigns of this worker's lines by state; those that ended are counted for two days.",
    ("state",),
)
EGRESS_CAMPAIGN_LEFT = Metric(
    "relevo_egress_campaign_left_recipients",
    "gauge",
    "Recipients of campaigns that have not ended, neither planned nor refused yet.",
)
EGRESS_CAMPAIGN_WITHHELD = Metric(
    "relevo_egress_campaign_withheld_recipients",
    "gauge",
    "Recipients of campaigns whom WhatsApp withheld (131049), and who wait to be sent to again.",
)
EGRESS_CAMPAIGN_PAUSES = Metric(
    "relevo_egress_campaign_pauses_total",
    "counter",
    "Campaigns that paused by themselves: `stop_rule`, `canary` (nothing was heard), `chunk` (cannot be read).",
    ("tenant", "reason"),
)
