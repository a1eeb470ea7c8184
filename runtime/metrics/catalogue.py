"""The catalogue of metrics: every metric of every service, declared once.

Names are `relevo_<component>_<noun>_<unit>[_total]`; labels are few and bounded, `tenant` is one of the first n or
`other`. What a label may say stands in the reference page and in the code that counts.
"""

from runtime.metrics.metric import Metric

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_BYTES = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 2_097_152, 4_194_304)
_COUNTS = (1, 2, 5, 10, 25, 50, 100, 200, 350, 500, 700, 999, 1000, 2000)

INGRESS_REQUESTS = Metric(
    "relevo_ingress_requests_total", "counter", "Webhook requests by what was answered.", ("tenant", "outcome")
)
INGRESS_RECORDS = Metric(
    "relevo_ingress_records_total", "counter", "Records that webhooks became, by topic.", ("tenant", "topic")
)
INGRESS_ACK_SECONDS = Metric(
    "relevo_ingress_ack_seconds", "histogram", "From the last byte of a body to Kafka's confirmation.", buckets=_FAST
)
INGRESS_KEPT = Metric(
    "relevo_ingress_kept_records_total",
    "counter",
    "Records in inbound.rejected, by reason.",
    ("tenant", "reason"),
)
INGRESS_BODY_BYTES = Metric("relevo_ingress_body_bytes", "histogram", "Size of webhook bodies.", buckets=_BYTES)
INGRESS_KAFKA_HOLDS = Metric(
    "relevo_ingress_kafka_holds_total",
    "counter",
    "Requests that waited because Kafka was in doubt, by how it ended.",
    ("outcome",),
)
INGRESS_WAITING = Metric("relevo_ingress_waiting_requests", "gauge", "Requests that wait for Kafka's confirmation now.")

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

HOOK_CALLS = Metric(
    "relevo_hooks_calls_total",
    "counter",
    "Calls to addresses that tenants gave, by what became of them; `use` is who made them.",
    ("use", "tenant", "outcome"),
)
HOOK_SECONDS = Metric("relevo_hooks_call_seconds", "histogram", "Time of such a call.", ("use",), buckets=_SLOW)
HOOK_CIRCUITS = Metric(
    "relevo_hooks_open_circuits", "gauge", "Services of tenants that are left alone because they failed.", ("use",)
)

HTTP_AGENT_EVENTS = Metric(
    "relevo_processors_http_agent_events_total",
    "counter",
    "Events that tenants' services were told of, by how that ended and what was done instead.",
    ("tenant", "outcome", "instead"),
)

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

LEASE_LOGINS = Metric("relevo_lease_logins_total", "counter", "Logins by result.", ("account", "result"))
LEASE_FAILURES = Metric(
    "relevo_lease_failures_total", "counter", "Logins that failed, by reason.", ("account", "reason")
)
LEASE_REQUESTS = Metric(
    "relevo_lease_requests_total", "counter", "Requests for a new token, by what became of them.", ("outcome",)
)
LEASE_TOKEN_AGE = Metric("relevo_lease_token_age_seconds", "gauge", "Age of the newest token.", ("account",))
LEASE_TOKEN_LEFT = Metric("relevo_lease_token_left_seconds", "gauge", "Time until the newest token dies.", ("account",))
LEASE_TOKEN_GENERATION = Metric(
    "relevo_lease_token_generation_count", "gauge", "Generation of the newest token.", ("account",)
)
LEASE_LOGIN_WAIT = Metric(
    "relevo_lease_login_wait_seconds",
    "gauge",
    "Time for which an account is left alone after failed logins; 0 when it is not.",
    ("account",),
)

KAFKA_CONSUMER_LAG = Metric(
    "relevo_kafka_consumer_lag_records",
    "gauge",
    "Records between what is done and the end of the partition.",
    ("group", "topic", "partition"),
)
KAFKA_LAG_SECONDS = Metric(
    "relevo_kafka_consumer_lag_seconds",
    "gauge",
    "For how long, at most, the oldest of these records has waited.",
    ("group", "topic", "partition"),
)
KAFKA_RETENTION_SECONDS = Metric(
    "relevo_kafka_retention_seconds",
    "gauge",
    "How long a topic keeps a record at least, by the catalogue; only of topics that are not compacted.",
    ("topic",),
)
KAFKA_PRODUCER_QUEUE = Metric(
    "relevo_kafka_producer_queue_records", "gauge", "Records handed to a producer and not confirmed.", ("client",)
)
KAFKA_DELIVERY_SECONDS = Metric(
    "relevo_kafka_delivery_seconds", "histogram", "From send to confirmation.", ("client",), buckets=_FAST
)
KAFKA_DELIVERY_ERRORS = Metric(
    "relevo_kafka_delivery_errors_total",
    "counter",
    "Records that Kafka did not confirm, by error code.",
    ("client", "code"),
)
KAFKA_BACKPRESSURE = Metric(
    "relevo_kafka_backpressure_total", "counter", "Sends refused because the producer's queue was full.", ("client",)
)
KAFKA_TRANSACTION_ERRORS = Metric(
    "relevo_kafka_transaction_errors_total", "counter", "Transactions that failed, by error code.", ("client", "code")
)
KAFKA_REBALANCES = Metric(
    "relevo_kafka_rebalances_total", "counter", "Assignments and revocations.", ("group", "event")
)
KAFKA_FOLLOWER_LAG = Metric(
    "relevo_kafka_follower_lag_records", "gauge", "Records of a compacted topic not yet read.", ("topic",)
)

TENANTS_KNOWN = Metric("relevo_tenants_known_tenants", "gauge", "Tenants in the read model.")
TENANTS_CONFLICTS = Metric(
    "relevo_tenants_conflicting_claims", "gauge", "Lines and webhook secrets that two tenants claim."
)
TENANTS_REFUSED = Metric(
    "relevo_tenants_refused_records_total",
    "counter",
    "Records of the tenants topic that could not be used, by reason.",
    ("reason",),
)

PAUSES_STANDING = Metric("relevo_pauses_standing_pauses", "gauge", "Standing pauses of tenants and of everybody.")
PAUSES_UNREADABLE = Metric(
    "relevo_pauses_unreadable_records_total", "counter", "Records of pauses that could not be read; they pause."
)

SERVICE_LOOP_LAG = Metric("relevo_service_loop_lag_seconds", "gauge", "How late the event loop was at its last tick.")
SERVICE_LOOP_LAG_MAX = Metric(
    "relevo_service_loop_lag_max_seconds", "gauge", "How late the event loop was at worst in the last minute."
)
SERVICE_TASK_FAILURES = Metric(
    "relevo_service_task_failures_total", "counter", "Background tasks that ended by an exception.", ("task",)
)
SERVICE_READY = Metric("relevo_service_ready_state", "gauge", "1 when the service is ready, else 0.")
SERVICE_LIVE = Metric("relevo_service_live_state", "gauge", "1 when the service is live, else 0.")
SERVICE_STACKS = Metric(
    "relevo_service_stacks_total",
    "counter",
    "Times that the log was told where all threads and tasks are, by why.",
    ("why",),
)
SERVICE_OLDEST_UNDONE = Metric(
    "relevo_service_oldest_undone_seconds", "gauge", "Age of the oldest record fetched and not done.", ("partition",)
)
SERVICE_BUILD = Metric(
    "relevo_service_build_info", "gauge", "Always 1; version and service are in the labels.", ("service", "version")
)
SERVICE_PREVIOUS_END = Metric(
    "relevo_service_previous_end_seconds",
    "gauge",
    "When the process before this one ended (started, if it was killed), in seconds since 1970, by why.",
    ("service", "code", "cause"),
)
