"""The board of conversations, agents and Kafka: what waits, what failed, how long things take."""

from __future__ import annotations

from relevo.monitoring.alerts.kafka import RETENTION, unowned
from relevo.monitoring.alerts.processors import DELIVERIES_S, LAG_S
from relevo.monitoring.dashboards.board import Board, Query, Row
from relevo.monitoring.dashboards.shapes import mean, most, panel, quantiles, rate, total
from relevo.monitoring.objectives import AGENT_S

_AGE = (
    "(max by (topic) (relevo_kafka_consumer_lag_seconds) or max by (topic) (relevo_egress_intake_behind_seconds))"
    " / on (topic) max by (topic) (relevo_kafka_retention_seconds)"
)

PROCESSORS = Board(
    "relevo-processors-kafka",
    "Relevo: processors and Kafka",
    "Conversations and agents, and what services see of Kafka.",
    (
        Row(
            "What waits",
            (
                panel(
                    "Lag in records",
                    "short",
                    total("relevo_kafka_consumer_lag_records", "group, topic"),
                    why="Records of all partitions that are not done.",
                    width=6,
                ),
                panel(
                    "Lag in seconds",
                    "s",
                    most("relevo_kafka_consumer_lag_seconds", "group, topic"),
                    why="For how long the oldest of them has waited, on the partition where it is worst.",
                    width=6,
                    limit=LAG_S,
                ),
                panel(
                    "Age over retention",
                    "percentunit",
                    Query(_AGE, "{{topic}}"),
                    why="Of the time that Kafka keeps a record: at 100 % it is removed unread.",
                    width=6,
                    limit=RETENTION,
                ),
                panel(
                    "Partitions that no worker has",
                    "short",
                    Query(unowned(), "{{topic}}"),
                    why="Their records wait, and no lag shows it. outbound.replies stands for all inputs of egress.",
                    width=6,
                    limit=1,
                ),
            ),
        ),
        Row(
            "Events",
            (
                panel(
                    "By what became of them",
                    "ops",
                    rate("relevo_processors_events_total", "outcome"),
                    why="Of webhooks, orders and timers, in conversations.",
                ),
                panel(
                    "Dropped on purpose",
                    "ops",
                    rate("relevo_processors_dropped_events_total", "reason"),
                    why="By reason; each is on record.",
                ),
                panel(
                    "Dead letters",
                    "ops",
                    rate("relevo_processors_dead_letters_total", "processor, reason"),
                    total("relevo_processors_dead_letter_stops_total", every="workers that stop for it"),
                    why="What could not be handled, by who and why: relevo dlq ls.",
                ),
            ),
        ),
        Row(
            "Agents",
            (
                panel(
                    "From the webhook to the agent",
                    "s",
                    *quantiles("relevo_processors_agent_delay_seconds", "agent"),
                    why="What a person waits before an agent even begins.",
                    limit=AGENT_S,
                ),
                panel(
                    "Time of an agent",
                    "s",
                    *quantiles("relevo_processors_agent_seconds", "agent"),
                    why="For one event, what it calls included.",
                ),
                panel(
                    "Turns",
                    "short",
                    total("relevo_processors_agent_turns", "agent, state"),
                    why="Events that are handled side by side (held), could be (free), and that wait (wanted).",
                ),
                panel(
                    "Agents' events",
                    "ops",
                    rate("relevo_processors_agent_events_total", "agent, outcome"),
                    why="By what became of them.",
                ),
                panel(
                    "Agents' actions",
                    "ops",
                    rate("relevo_processors_agent_actions_total", "agent, action"),
                    why="Replies, hand-offs, timers and the like.",
                ),
                panel(
                    "Messages told as one",
                    "ops",
                    rate("relevo_processors_agent_held_messages_total", "agent, ended"),
                    rate("relevo_processors_agent_loops_total", every="stopped loops"),
                    why="Messages that waited for further ones; and conversations that answered themselves.",
                ),
            ),
        ),
        Row(
            "Humans and routing",
            (
                panel(
                    "Conversations of humans",
                    "short",
                    total("relevo_processors_human_conversations", every="conversations"),
                    why="That humans own now.",
                ),
                panel(
                    "Hand-offs",
                    "ops",
                    rate("relevo_processors_handoffs_total", "step, by"),
                    why="Changes of owner, and by whom.",
                ),
                panel(
                    "Rules that never match",
                    "short",
                    most("relevo_processors_unusable_rules", every="rules"),
                    why="Of tenants' routing: relevo routes.",
                ),
            ),
        ),
        Row(
            "Services outside",
            (
                panel(
                    "Calls",
                    "reqps",
                    rate("relevo_hooks_calls_total", "use, outcome"),
                    rate("relevo_processors_http_agent_events_total", "outcome, instead"),
                    why="To addresses that tenants gave, by what became of them; and what was done instead.",
                ),
                panel(
                    "Time of a call outside",
                    "s",
                    *quantiles("relevo_hooks_call_seconds", "use"),
                    why="Of those that ended.",
                ),
                panel(
                    "Services left alone",
                    "short",
                    most("relevo_hooks_open_circuits", "use"),
                    why="Because they failed; they are tried again by themselves.",
                ),
                panel(
                    "Deliveries that wait",
                    "short",
                    total("relevo_processors_deliveries_waiting_count", "agent"),
                    why="What agents bring to systems outside, and could not yet.",
                ),
                panel(
                    "Oldest delivery",
                    "s",
                    most("relevo_processors_deliveries_oldest_seconds", "agent"),
                    why="For how long it has waited.",
                    limit=DELIVERIES_S,
                ),
                panel(
                    "Deliveries",
                    "ops",
                    rate("relevo_processors_delivery_attempts_total", "agent, outcome"),
                    rate("relevo_processors_deliveries_ended_total", "agent, reason"),
                    why="Attempts by outcome, and what ended without having arrived, by reason.",
                ),
            ),
        ),
        Row(
            "The engine",
            (
                panel(
                    "Transactions",
                    "s",
                    *quantiles("relevo_processors_transaction_seconds", "processor"),
                    why="Outputs, state and offsets of a group of chunks.",
                ),
                panel(
                    "Records in a chunk",
                    "short",
                    mean("relevo_processors_chunk_records", "processor"),
                    why="Large chunks mean that there is much to do at once.",
                ),
                panel(
                    "Keys",
                    "short",
                    total("relevo_processors_table_keys", "processor"),
                    why="Conversations that are known, all workers together: what memory goes into.",
                ),
                panel(
                    "Recoveries",
                    "s",
                    *quantiles("relevo_processors_recovery_seconds", "processor", shares=(0.5, 1.0)),
                    rate("relevo_processors_recovered_records_total", every="records a second"),
                    why="Time to take over partitions, and records of changelogs that were read for it.",
                ),
                panel(
                    "Rebalances",
                    "ops",
                    rate("relevo_kafka_rebalances_total", "group, event"),
                    why="Partitions that came and went.",
                ),
                panel(
                    "Transactions that failed, models that follow",
                    "short",
                    rate("relevo_kafka_transaction_errors_total", "client, code"),
                    most("relevo_kafka_follower_lag_records", "topic"),
                    why="By error; and records that tenants, tokens and the like still have to be read of, at a start.",
                ),
            ),
        ),
    ),
)
