"""The board of one tenant: what came in for it, what was done, what went out."""

from __future__ import annotations

from relevo.monitoring.dashboards.board import Board, Row
from relevo.monitoring.dashboards.shapes import most, panel, rate, total

_OURS = 'tenant=~"$tenant"'

TENANT = Board(
    "relevo-tenant",
    "Relevo: one tenant",
    "One client company: webhooks, conversations, messages. Beyond RELEVO_TENANTS_LABEL_TOP tenants are `other`.",
    (
        Row(
            "In",
            (
                panel(
                    "Its webhooks", "reqps", rate("relevo_ingress_requests_total", "outcome", _OURS), why="By answer."
                ),
                panel("Its records", "ops", rate("relevo_ingress_records_total", "topic", _OURS), why="By topic."),
                panel(
                    "Kept and not processed",
                    "ops",
                    rate("relevo_ingress_kept_records_total", "reason", _OURS),
                    why="On inbound.rejected, by reason.",
                ),
            ),
        ),
        Row(
            "Conversations",
            (
                panel("Its events", "ops", rate("relevo_processors_events_total", "outcome", _OURS), why="By outcome."),
                panel(
                    "Its agents",
                    "ops",
                    rate("relevo_processors_agent_events_total", "agent, outcome", _OURS),
                    rate("relevo_processors_agent_actions_total", "agent, action", _OURS),
                    why="Events by outcome, and actions.",
                ),
                panel(
                    "Of humans",
                    "short",
                    total("relevo_processors_human_conversations", where=_OURS, every="conversations"),
                    rate("relevo_processors_handoffs_total", "step, by", _OURS),
                    why="Conversations that humans own, and changes of owner a second.",
                ),
                panel(
                    "Dead letters and drops",
                    "ops",
                    rate("relevo_processors_dead_letters_total", "processor, reason", _OURS),
                    rate("relevo_processors_dropped_events_total", "reason", _OURS),
                    why="What could not be handled, and what was dropped on purpose.",
                ),
                panel(
                    "Its services",
                    "reqps",
                    rate("relevo_hooks_calls_total", "use, outcome", _OURS),
                    why="Calls to addresses that it gave.",
                ),
                panel(
                    "Deliveries that wait",
                    "s",
                    most("relevo_processors_deliveries_oldest_seconds", "agent", _OURS),
                    why="For how long the oldest one to a system of its own has waited.",
                ),
            ),
        ),
        Row(
            "Out",
            (
                panel("Its messages", "ops", rate("relevo_egress_messages_total", "outcome", _OURS), why="By outcome."),
                panel(
                    "Its calls", "reqps", rate("relevo_egress_calls_total", "route, result", _OURS), why="By result."
                ),
                panel("Refused", "ops", rate("relevo_egress_refusals_total", "reason", _OURS), why="By why."),
                panel(
                    "Its receipts",
                    "ops",
                    rate("relevo_egress_receipts_total", "state", _OURS),
                    rate("relevo_egress_orphan_receipts_total", where=_OURS, every="of no send"),
                    why="What WhatsApp says became of messages.",
                ),
                panel(
                    "Paid and sent again",
                    "ops",
                    rate("relevo_egress_paid_messages_total", where=_OURS, every="paid"),
                    rate("relevo_egress_resends_total", "reason", _OURS),
                    why="What counts towards the cap of the day, and why messages went again.",
                ),
                panel(
                    "WhatsApp's words to it",
                    "ops",
                    rate("relevo_egress_throttles_total", where=_OURS, every="slow down"),
                    rate("relevo_egress_stops_total", "what, code", _OURS),
                    rate("relevo_egress_alarms_total", "code", _OURS),
                    rate("relevo_egress_campaign_pauses_total", "reason", _OURS),
                    why="Slow down, stop, look at it; and campaigns that paused by themselves.",
                ),
            ),
        ),
    ),
    {"tenant": "label_values(relevo_ingress_requests_total, tenant)"},
)
