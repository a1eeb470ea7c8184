"""Alerts on conversations and agents."""

from __future__ import annotations

from relevo.monitoring.rule import Alert, Dashboard, grew

_BOARD: Dashboard = "relevo-processors-kafka"
LAG_S = 60
DELIVERIES_S = 3600

# A circuit is open until somebody asks again and is answered: of a service that nobody asks any more it says nothing.
_HOOKS_FAIL = 'sum by (use) (rate(relevo_hooks_calls_total{outcome=~"error|open|timeout|unreachable"}[30m]))'

ALERTS = (
    Alert(
        "RelevoProcessorBehind",
        f"max by (group, topic) (relevo_kafka_consumer_lag_seconds) > {LAG_S}",
        "5m",
        "critical",
        _BOARD,
        "{{ $labels.group }} is {{ $value | humanizeDuration }} behind on {{ $labels.topic }}.",
    ),
    Alert(
        "RelevoDeadLetters",
        grew("relevo_processors_dead_letters_total", "processor, tenant, reason"),
        "0m",
        "warning",
        _BOARD,
        "{{ $labels.processor }} could not handle records of {{ $labels.tenant }} ({{ $labels.reason }}).",
    ),
    Alert(
        "RelevoDeadLetterStop",
        'time() - max by (service) (relevo_service_previous_end_seconds{code="79"}) < 900',
        "0m",
        "critical",
        "relevo-overview",
        "{{ $labels.service }} ended itself because most of what it handled became dead letters.",
    ),
    Alert(
        "RelevoAgentLoops",
        grew("relevo_processors_agent_loops_total", "agent, tenant"),
        "0m",
        "warning",
        _BOARD,
        "A conversation of {{ $labels.tenant }} answered itself and was stopped (agent {{ $labels.agent }}).",
    ),
    Alert(
        "RelevoAgentTurnsShort",
        'sum by (agent) (relevo_processors_agent_turns{state="wanted"}) > 0',
        "10m",
        "warning",
        _BOARD,
        "{{ $value }} events of {{ $labels.agent }} wait for a turn: what the agent calls is slow.",
    ),
    Alert(
        "RelevoAgentRoutingBroken",
        "max(relevo_processors_unusable_rules) > 0",
        "5m",
        "warning",
        _BOARD,
        "{{ $value }} rules of tenants' routing never match, because something in them is wrong.",
    ),
    Alert(
        "RelevoHookCircuitOpen",
        f"max by (use) (relevo_hooks_open_circuits) > 0 and on (use) {_HOOKS_FAIL} > 0",
        "10m",
        "warning",
        _BOARD,
        "{{ $value }} services of tenants are left alone because they fail ({{ $labels.use }}).",
    ),
    Alert(
        "RelevoDeliveriesOld",
        f"max by (agent, tenant) (relevo_processors_deliveries_oldest_seconds) > {DELIVERIES_S}",
        "10m",
        "warning",
        _BOARD,
        "What {{ $labels.agent }} brings to {{ $labels.tenant }} waits for {{ $value | humanizeDuration }}.",
    ),
    Alert(
        "RelevoDeliveriesLost",
        grew('relevo_processors_deliveries_ended_total{reason!="superseded"}', "agent, tenant, reason"),
        "0m",
        "warning",
        _BOARD,
        "{{ $labels.agent }} gave up bringing something to a system of {{ $labels.tenant }} ({{ $labels.reason }}).",
    ),
)
