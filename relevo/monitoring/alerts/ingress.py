"""Alerts on webhooks."""

from __future__ import annotations

from ingress.webhooks.outcomes import OUTCOMES
from relevo.monitoring.rule import Alert, Dashboard

_BOARD: Dashboard = "relevo-ingress"
_REQUESTS = "relevo_ingress_requests_total"
_UNREADABLE = "|".join(
    sorted(outcome.name for outcome in OUTCOMES if outcome.kept and outcome.name != "inactive_tenant")
)
QUIET_S, BUSY = "1h", 0.01
UNREADABLE, UNREADABLE_RATE = 0.05, 0.01

ALERTS = (
    Alert(
        "RelevoWebhooksSilent",
        f'sum(rate({_REQUESTS}{{outcome="accepted"}}[{QUIET_S}])) == 0'
        f' and sum(rate({_REQUESTS}{{outcome="accepted"}}[{QUIET_S}] offset 1d)) > {BUSY:g}'
        # What is silent at this time of every week, as on Sundays, may be silent.
        f' unless sum(rate({_REQUESTS}{{outcome="accepted"}}[{QUIET_S}] offset 1w)) == 0',
        "5m",
        "critical",
        _BOARD,
        "No webhook has been taken for an hour; yesterday and a week ago there were some at this time.",
    ),
    Alert(
        "RelevoWebhooksHeld",
        "sum(rate(relevo_ingress_kafka_holds_total[5m])) > 0.1",
        "5m",
        "warning",
        _BOARD,
        'Kafka takes over a second to confirm webhooks, {{ $value | printf "%.1f" }} times a second.',
    ),
    Alert(
        "RelevoWebhooksUnreadable",
        f'sum by (tenant) (rate({_REQUESTS}{{outcome=~"{_UNREADABLE}"}}[30m]))'
        f" / sum by (tenant) (rate({_REQUESTS}[30m])) > {UNREADABLE}"
        f" and sum by (tenant) (rate({_REQUESTS}[30m])) > {UNREADABLE_RATE}",
        "15m",
        "warning",
        _BOARD,
        "{{ $value | humanizePercentage }} of the webhooks of {{ $labels.tenant }} cannot be read; they are kept.",
    ),
    Alert(
        "RelevoWebhooksStrange",
        f'sum(rate({_REQUESTS}{{outcome=~"forbidden|not_found|too_many"}}[15m])) > 1',
        "15m",
        "warning",
        _BOARD,
        '{{ $value | printf "%.1f" }} webhooks a second are turned away: wrong address, old secret, or too many.',
    ),
)
