"""Alerts on processes: there, ready, not restarting, not blocked."""

from __future__ import annotations

from relevo.monitoring.rule import Alert, Dashboard, grew

_BOARD: Dashboard = "relevo-overview"
# Also of a process that is gone just now: one that ends again and again is away most of the time.
_WAS_HERE = (
    "on (job, instance) group_left (service) max by (job, instance, service) "
    "(last_over_time(relevo_service_build_info[1h]))"
)
_OURS = "on (job, instance) relevo_service_build_info"
# What is always there; of agents at least one type is.
_SERVICES = ("webhooks", "conversations", "agents", "egress", "lease")
LATE_S = 1.0  # `/live` fails at five times that, and then the process is started again
RESTARTS, FILES = 3, 0.8
_STANDS = grew('relevo_service_stacks_total{why="stall"}', "job, instance")


def _gone(service: str) -> str:
    matcher = '=~"agents-.+"' if service == "agents" else f'="{service}"'
    return f"absent(relevo_service_build_info{{service{matcher}}})"


ALERTS = (
    *(
        Alert(
            "RelevoServiceGone",
            _gone(service),
            "5m",
            "critical",
            _BOARD,
            f"No process of {service} is seen.",
            {"gone": service},
        )
        for service in _SERVICES
    ),
    Alert(
        "RelevoServiceNotReady",
        f"relevo_service_ready_state == 0 and {_OURS}",
        "10m",
        "warning",
        _BOARD,
        "{{ $labels.instance }} has not been ready for ten minutes.",
    ),
    Alert(
        "RelevoServiceRestarts",
        f"sum by (service) (changes(process_start_time_seconds[1h]) * {_WAS_HERE}) > {RESTARTS}",
        "1m",
        "warning",
        _BOARD,
        "Processes of {{ $labels.service }} started again {{ $value }} times within an hour.",
    ),
    Alert(
        "RelevoServiceEndedItself",
        'time() - max by (service, code, cause) (relevo_service_previous_end_seconds{code!="", code!="0"}) < 900',
        "0m",
        "warning",
        _BOARD,
        "A process of {{ $labels.service }} ended with code {{ $labels.code }} ({{ $labels.cause }}).",
    ),
    Alert(
        "RelevoEventLoopLate",
        f"relevo_service_loop_lag_max_seconds > {LATE_S:g}",
        "10m",
        "warning",
        _BOARD,
        'The event loop of {{ $labels.instance }} is late by {{ $value | printf "%.1f" }} s.',
    ),
    Alert(
        "RelevoServiceStands",
        # Of one whose event loop stands nothing is heard until it goes on, or is started again.
        f"{_STANDS} or sum by (job, instance) (relevo_service_live_state) == 0",
        "0m",
        "warning",
        _BOARD,
        "{{ $labels.instance }} stands, or stood; its log says where.",
    ),
    Alert(
        "RelevoTaskFailed",
        grew("relevo_service_task_failures_total", "task"),
        "0m",
        "warning",
        _BOARD,
        "The background task {{ $labels.task }} ended by an exception.",
    ),
    Alert(
        "RelevoFilesShort",
        f"process_open_fds / process_max_fds > {FILES} and {_OURS}",
        "10m",
        "warning",
        _BOARD,
        "{{ $labels.instance }} has used {{ $value | humanizePercentage }} of the files that it may open.",
    ),
    Alert(
        "RelevoTenantsConflict",
        "max(relevo_tenants_conflicting_claims) > 0",
        "5m",
        "warning",
        _BOARD,
        "{{ $value }} lines or webhook secrets are claimed by two tenants.",
    ),
    Alert(
        "RelevoTenantRefused",
        grew("relevo_tenants_refused_records_total", "reason"),
        "0m",
        "warning",
        _BOARD,
        "A tenant's record cannot be used ({{ $labels.reason }}): it stays as it was before.",
    ),
    Alert(
        "RelevoPauseUnreadable",
        grew("relevo_pauses_unreadable_records_total", "job"),
        "0m",
        "warning",
        _BOARD,
        "A pause cannot be read, and so it pauses.",
    ),
)
