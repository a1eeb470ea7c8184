"""Alerts on logins and tokens."""

from __future__ import annotations

from relevo.monitoring.rule import Alert, Dashboard, grew

_BOARD: Dashboard = "relevo-egress-campaigns"
LEFT = 0.05  # of its life; it is renewed when a tenth is left
_LEFT = "relevo_lease_token_left_seconds"

ALERTS = (
    Alert(
        "RelevoTokenDying",
        # Of the lease alone: workers of egress show the age as it was when they last called.
        f"max by (account) ({_LEFT} / ({_LEFT} + relevo_lease_token_age_seconds)) < {LEFT}",
        "2m",
        "critical",
        _BOARD,
        "The token of {{ $labels.account }} was not renewed: {{ $value | humanizePercentage }} of its life is left.",
    ),
    Alert(
        "RelevoLoginsFail",
        grew("relevo_lease_failures_total", "account, reason", more_than=2),
        "2m",
        "warning",
        _BOARD,
        "Logins of {{ $labels.account }} fail ({{ $labels.reason }}).",
    ),
    Alert(
        "RelevoLoginsMany",
        'sum by (account) (increase(relevo_lease_logins_total{result="ok"}[1h])) > 6',
        "5m",
        "warning",
        _BOARD,
        '{{ $labels.account }} logged in {{ $value | printf "%.1f" }} times within an hour: somebody else may use it.',
    ),
)
