"""The board of sending: Chattigo, what waits, doubts, lines, campaigns, tokens."""

from __future__ import annotations

from relevo.monitoring.alerts.egress import BEHIND_S, TAIL
from relevo.monitoring.dashboards.board import Board, Row
from relevo.monitoring.dashboards.shapes import least, mean, most, panel, quantiles, rate, total
from relevo.monitoring.objectives import DOUBT_S, SENT_S

EGRESS = Board(
    "relevo-egress-campaigns",
    "Relevo: egress and campaigns",
    "What is sent, what waits and why, what is in doubt; logins.",
    (
        Row(
            "Chattigo",
            (
                panel("Calls", "reqps", rate("relevo_egress_calls_total", "route, result"), why="By route and result."),
                panel("Time of a call", "s", *quantiles("relevo_egress_call_seconds", "route"), why="By route."),
                panel(
                    "Recipients a call",
                    "short",
                    mean("relevo_egress_call_recipients", "route"),
                    why="Batches take up to 1,000.",
                ),
                panel(
                    "Circuits",
                    "short",
                    most("relevo_egress_account_circuit_state", "account"),
                    rate("relevo_egress_account_circuit_opened_total", "account, reason"),
                    why="Of accounts: 0 closed, 1 half-open, 2 open, when all that it is to send waits.",
                    limit=2,
                ),
                panel(
                    "Calls side by side",
                    "short",
                    total("relevo_egress_open_calls", every="open"),
                    total("relevo_egress_calls_limit", every="at most"),
                    why="Of all workers: what saturates them when Chattigo is slow.",
                ),
                panel(
                    "Refused batches, parts",
                    "ops",
                    rate("relevo_egress_bisect_calls_total", "result"),
                    rate("relevo_egress_named_messages_total", "said"),
                    why="Batches that are halved to find a bad recipient; and what answers say of recipients.",
                ),
            ),
        ),
        Row(
            "Messages",
            (
                panel(
                    "By what became of them",
                    "ops",
                    rate("relevo_egress_messages_total", "outcome"),
                    why="Admitted, parked, refused, expired, accepted, in doubt, dead.",
                ),
                panel(
                    "Refused, by why",
                    "ops",
                    rate("relevo_egress_refusals_total", "reason"),
                    why="By the gate, or by Chattigo: relevo gate explain.",
                ),
                panel(
                    "Receipts",
                    "ops",
                    rate("relevo_egress_receipts_total", "state"),
                    rate("relevo_egress_orphan_receipts_total", every="of no send"),
                    rate("relevo_egress_failed_messages_total", "then"),
                    why="What WhatsApp says became of messages.",
                ),
                panel(
                    "Paid",
                    "ops",
                    rate("relevo_egress_paid_messages_total", every="templates"),
                    why="What counts towards the caps of a day.",
                ),
                panel(
                    "From due to sent",
                    "s",
                    *quantiles("relevo_egress_due_seconds", "message_class"),
                    why="First attempts, without campaigns.",
                    limit=SENT_S,
                ),
                panel(
                    "From admitted to sent",
                    "s",
                    *quantiles("relevo_egress_wait_seconds", "message_class"),
                    why="All calls, campaigns and further attempts too.",
                ),
            ),
        ),
        Row(
            "What waits",
            (
                panel(
                    "Unread, in records",
                    "short",
                    total("relevo_egress_intake_behind_records", "topic"),
                    why="Records of the inputs that no worker has read yet.",
                ),
                panel(
                    "Unread, in seconds",
                    "s",
                    most("relevo_egress_intake_behind_seconds", "topic"),
                    why="For how long the next of them has waited, on the worst partition.",
                    limit=BEHIND_S,
                ),
                panel(
                    "In memory",
                    "short",
                    total("relevo_egress_waiting_messages", "message_class"),
                    most("relevo_egress_fullest_line_messages", "message_class", every="fullest line"),
                    why="Messages that wait for their turn: all, and those of the line where most do.",
                ),
                panel(
                    "Parked",
                    "short",
                    total("relevo_egress_parked_messages", "message_class"),
                    total("relevo_egress_parked_lost_total", every="lost"),
                    why="Kept in Kafka until there is room or their time has come.",
                ),
                panel(
                    "Oldest parked",
                    "s",
                    most("relevo_egress_parked_oldest_seconds", every="oldest"),
                    why="Kafka keeps them for 30 days.",
                ),
                panel(
                    "Parked, by why",
                    "ops",
                    rate("relevo_egress_parkings_total", "reason"),
                    rate("relevo_egress_held_back_plans_total", "reason"),
                    rate("relevo_egress_late_plans_total", "route"),
                    why="And plans that were not posted: their line was held, or their deadline had passed.",
                ),
            ),
        ),
        Row(
            "Doubts",
            (
                panel(
                    "In doubt",
                    "short",
                    total("relevo_egress_in_doubt_messages", "message_class"),
                    why="Nobody knows whether Chattigo took them: relevo doubt ls.",
                ),
                panel(
                    "Oldest doubt",
                    "s",
                    most("relevo_egress_oldest_doubt_seconds", "message_class"),
                    why="Templates in doubt wait for a receipt or a person.",
                    limit=DOUBT_S,
                ),
                panel(
                    "Settled and sent again",
                    "ops",
                    rate("relevo_egress_settled_messages_total", "by"),
                    rate("relevo_egress_resends_total", "reason"),
                    why="By what settled them, and why messages went again.",
                ),
            ),
        ),
        Row(
            "Lines",
            (
                panel(
                    "Lines that stand or are slow",
                    "short",
                    total("relevo_egress_held_lines", "reason"),
                    total("relevo_egress_slowed_lines", every="slowed"),
                    total("relevo_egress_stops_standing", "what"),
                    why="Paused, stopped by WhatsApp, or below their rate: relevo pause ls.",
                ),
                panel(
                    "Lowest rate",
                    "percentunit",
                    least("relevo_egress_lowest_rate_share", every="lowest"),
                    why="What the slowest line uses of its rate.",
                ),
                panel(
                    "WhatsApp's words",
                    "ops",
                    rate("relevo_egress_throttles_total", every="slow down"),
                    rate("relevo_egress_stops_total", "what, code"),
                    rate("relevo_egress_alarms_total", "code"),
                    why="Slow down, stop, or look at it.",
                ),
            ),
        ),
        Row(
            "Campaigns",
            (
                panel(
                    "Campaigns by state", "short", total("relevo_egress_campaigns", "state"), why="relevo campaign ls."
                ),
                panel(
                    "Recipients left",
                    "short",
                    total("relevo_egress_campaign_left_recipients", every="left"),
                    total("relevo_egress_campaign_withheld_recipients", every="withheld"),
                    why="Not planned yet; and withheld by WhatsApp, to be sent to again.",
                ),
                panel(
                    "Pauses by itself",
                    "ops",
                    rate("relevo_egress_campaign_pauses_total", "reason"),
                    why="A stop rule, a canary of which nothing was heard, or a chunk that cannot be read.",
                ),
            ),
        ),
        Row(
            "Workers",
            (
                panel(
                    "Transactions of lines",
                    "s",
                    *quantiles("relevo_egress_transaction_seconds"),
                    why="Plans and offsets, before any call is made.",
                ),
                panel(
                    "Plans a transaction",
                    "short",
                    mean("relevo_egress_transaction_plans"),
                    why="Calls that were decided together.",
                ),
                panel(
                    "Recoveries of lines",
                    "s",
                    *quantiles("relevo_egress_recovery_seconds", shares=(0.5, 1.0)),
                    why="From taking partitions to the first grant.",
                ),
                panel(
                    "Journal to read",
                    "short",
                    most("relevo_egress_journal_tail_records", every="records"),
                    why="What a new owner must read.",
                    limit=TAIL,
                ),
                panel(
                    "Partitions",
                    "short",
                    total("relevo_egress_owned_partitions", every="owned"),
                    why="All workers together own each partition once.",
                ),
                panel(
                    "Reading back",
                    "ops",
                    rate("relevo_egress_recovered_records_total", "topic"),
                    rate("relevo_egress_recalled_plans_total", every="plans recalled"),
                    rate("relevo_egress_checkpoints_total", every="checkpoints"),
                    rate("relevo_egress_unread_offsets_total", "topic"),
                    why="Records of recoveries, plans for late receipts, checkpoints, and what Kafka removed unread.",
                ),
                panel(
                    "Reading ahead",
                    "ops",
                    rate("relevo_egress_ahead_messages_total", every="messages"),
                    rate("relevo_egress_ahead_scanned_records_total", every="looked at"),
                    rate("relevo_egress_ahead_failures_total", every="failures"),
                    why="Single templates that are found behind a backlog of others.",
                ),
            ),
        ),
        Row(
            "Logins",
            (
                panel(
                    "Tokens, time left",
                    "s",
                    most("relevo_lease_token_left_seconds", "account"),
                    why="Renewed when a tenth of the life is left.",
                ),
                panel(
                    "Tokens, age and generation",
                    "short",
                    least("relevo_lease_token_age_seconds", "account"),
                    most("relevo_lease_token_generation_count", "account"),
                    why="Seconds since the login, and the how manieth it was.",
                ),
                panel(
                    "Logins",
                    "ops",
                    rate("relevo_lease_logins_total", "account, result"),
                    rate("relevo_lease_failures_total", "account, reason"),
                    rate("relevo_lease_requests_total", "outcome"),
                    why="One login an account, for all workers.",
                ),
                panel(
                    "Left alone",
                    "s",
                    most("relevo_lease_login_wait_seconds", "account"),
                    why="For so long an account is not logged in, after logins that failed.",
                ),
            ),
        ),
    ),
)
