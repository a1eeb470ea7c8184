"""The board to begin with: objectives, processes, the way of a message, and the three equations."""

from __future__ import annotations

from relevo.monitoring.alerts.services import FILES, LATE_S
from relevo.monitoring.dashboards.board import Board, Panel, Query, Row
from relevo.monitoring.dashboards.shapes import most, panel, rate, total
from relevo.monitoring.objectives import BURNS, OBJECTIVES, Objective

_HERE = "on (job, instance) group_left (service) relevo_service_build_info"
_FASTEST = BURNS["critical"][0][2]


def _used(objective: Objective) -> Panel:
    allowed = f"{1 - objective.target:.6g}"
    return Panel(
        objective.name,
        f"{objective.title}. Shown is how much of what is allowed to fail failed in three days: 100 % lasts 30 days.",
        "percentunit",
        (Query(f"{objective.ratio('3d')} / {allowed}", objective.name),),
        "stat",
        4,
        1,
    )


def _paces() -> Panel:
    queries = [Query(f"{one.ratio('1h')} / {1 - one.target:.6g}", one.name) for one in OBJECTIVES]
    return Panel(
        "How fast objectives are used up",
        "Failures of the last hour over what is allowed: at 1 it lasts 30 days, at the line the alert is critical.",
        "none",
        tuple(queries),
        width=16,
        limit=_FASTEST,
    )


def _hour(metric: str, where: str = "", by: str = "", every: str = "") -> Query:
    grew = f"(increase({metric}{{{where}}}[1h]))"
    return Query(f"sum by ({by}) {grew} or on() vector(0)", f"{{{{{by}}}}}" if by else every)


def _per_process(metric: str) -> Query:
    return Query(f"sum by (service) ({metric} * {_HERE})", "{{service}}")


OVERVIEW = Board(
    "relevo-overview",
    "Relevo: overview",
    "Whether users get what they may count on, and where to look when they do not.",
    (
        Row("Objectives", tuple(map(_used, OBJECTIVES))),
        Row(
            "Burning",
            (
                _paces(),
                panel(
                    "Alerts",
                    "short",
                    Query(
                        'count by (alertname) (ALERTS{alertname=~"Relevo.+", alertstate="firing"}) or on() vector(0)',
                        "{{alertname}}",
                    ),
                    why="How many alerts fire now, by name; each has a runbook in docs/runbooks.",
                ),
            ),
        ),
        Row(
            "The way of a message",
            (
                panel(
                    "Webhooks taken",
                    "reqps",
                    rate("relevo_ingress_requests_total", where='outcome="accepted"', every="taken"),
                    why="What Chattigo was told 200 for.",
                    width=6,
                ),
                panel(
                    "Events routed",
                    "ops",
                    rate("relevo_processors_events_total", "outcome"),
                    why="What became of what webhooks brought.",
                    width=6,
                ),
                panel(
                    "Events handled by agents",
                    "ops",
                    rate("relevo_processors_agent_events_total", "agent", 'outcome="handled"'),
                    why="By the type of agent.",
                    width=6,
                ),
                panel(
                    "Messages taken by Chattigo",
                    "ops",
                    rate("relevo_egress_messages_total", "message_class", 'outcome="accepted"'),
                    why="Replies, templates and campaigns, by class.",
                    width=6,
                ),
            ),
        ),
        Row(
            "Nothing disappears",
            (
                panel(
                    "Events: in",
                    "short",
                    _hour("relevo_ingress_records_total", 'topic="inbound.conversations"', every="acknowledged"),
                    why="Records that were acknowledged in an hour. Counters only hint; `relevo audit` proves.",
                    width=6,
                ),
                panel(
                    "Events: out",
                    "short",
                    _hour("relevo_processors_events_total", by="outcome"),
                    why="What became of them in an hour. A record may hold several events.",
                    width=6,
                ),
                panel(
                    "Messages: in",
                    "short",
                    _hour("relevo_egress_messages_total", 'outcome="admitted"', every="admitted"),
                    Query("sum(relevo_egress_campaign_left_recipients) or on() vector(0)", "left of campaigns"),
                    why="Messages that were taken up in an hour, and recipients that campaigns still have.",
                    width=6,
                ),
                panel(
                    "Messages: out",
                    "short",
                    _hour("relevo_egress_messages_total", 'outcome!="admitted"', "outcome"),
                    why="What became of messages in an hour; what is in doubt or parked may become another.",
                    width=6,
                ),
                panel(
                    "Deliveries: in",
                    "short",
                    _hour("relevo_processors_deliveries_noted_total", 'step="made"', every="made"),
                    total("relevo_processors_deliveries_waiting_count", every="waiting"),
                    why="What agents were to bring to systems outside in an hour, and how many of all wait now.",
                    width=12,
                ),
                panel(
                    "Deliveries: out",
                    "short",
                    _hour("relevo_processors_deliveries_noted_total", 'step!="made"', "step"),
                    why="What became of them in an hour; each that was given up is a dead letter.",
                    width=12,
                ),
            ),
        ),
        Row(
            "Processes",
            (
                panel(
                    "Processes",
                    "short",
                    Query("count by (service) (relevo_service_build_info)", "{{service}}"),
                    why="That Prometheus sees, by service.",
                    width=6,
                ),
                panel(
                    "Ready",
                    "short",
                    _per_process("relevo_service_ready_state"),
                    why="Of these so many take work: partitions are recovered, tenants read, servers listen.",
                    width=6,
                ),
                panel(
                    "Live",
                    "short",
                    _per_process("relevo_service_live_state"),
                    why="Of these so many make progress; what does not is started again.",
                    width=6,
                ),
                panel(
                    "Started again",
                    "short",
                    _per_process("changes(process_start_time_seconds[1h])"),
                    why="Starts within an hour beside the first.",
                    width=6,
                ),
                panel(
                    "CPU",
                    "percentunit",
                    _per_process("rate(process_cpu_seconds_total[$__rate_interval])"),
                    why="100 % is one core. A process uses little more than one.",
                    width=6,
                ),
                panel(
                    "Memory",
                    "bytes",
                    _per_process("process_resident_memory_bytes"),
                    why="Resident, of all processes of a service.",
                    width=6,
                ),
                panel(
                    "Event loop, worst lateness",
                    "s",
                    Query(f"max by (service) (relevo_service_loop_lag_max_seconds * {_HERE})", "{{service}}"),
                    Query(f"max by (service) (relevo_service_loop_lag_seconds * {_HERE})", "{{service}} now"),
                    why="How late the loop was at worst in the last minute: the saturation of a process.",
                    width=6,
                    limit=LATE_S,
                ),
                panel(
                    "Open files",
                    "percentunit",
                    Query(f"max by (service) (process_open_fds / process_max_fds * {_HERE})", "{{service}}"),
                    why="Of those that a process may open.",
                    width=6,
                    limit=FILES,
                ),
                panel(
                    "Oldest record in work",
                    "s",
                    most("relevo_service_oldest_undone_seconds", every="oldest"),
                    why="For how long the oldest record has been fetched and not done.",
                    width=6,
                ),
                panel(
                    "Last ends",
                    "short",
                    Query(
                        "count by (service, code, cause) (relevo_service_previous_end_seconds) or on() vector(0)",
                        "{{service}} {{code}} {{cause}}",
                    ),
                    why="By why the processes before these ended; codes are those of docs/engine.md.",
                    width=6,
                ),
                panel(
                    "Background tasks that ended",
                    "ops",
                    rate("relevo_service_task_failures_total", "task"),
                    why="By an exception: each is a defect.",
                    width=6,
                ),
                panel(
                    "Stacks told",
                    "ops",
                    rate("relevo_service_stacks_total", "why"),
                    why="A process that stands writes to its log where everything in it is; a person may ask for it.",
                    width=6,
                ),
                panel(
                    "Tenants",
                    "short",
                    most("relevo_tenants_known_tenants", every="known"),
                    most("relevo_tenants_conflicting_claims", every="claims of two"),
                    total("relevo_tenants_refused_records_total", every="records refused"),
                    most("relevo_pauses_standing_pauses", every="pauses that stand"),
                    total("relevo_pauses_unreadable_records_total", every="pauses that cannot be read"),
                    why="What services know of tenants, and whether something in it is wrong.",
                    width=6,
                ),
            ),
        ),
    ),
)
