"""All alerts, by what they watch; an alert on a cause says what to look at when an objective is at risk, or before."""

from __future__ import annotations

from relevo.monitoring.alerts import egress, ingress, kafka, lease, processors, services
from relevo.monitoring.objectives import OBJECTIVES, OLD_DOUBTS
from relevo.monitoring.rule import Alert, Group

GROUPS: tuple[Group, ...] = (
    Group(
        "relevo-objectives",
        (
            OLD_DOUBTS,
            *(rule for objective in OBJECTIVES for rule in objective.recorded()),
            *(rule for objective in OBJECTIVES for rule in objective.alerts()),
        ),
    ),
    Group("relevo-services", services.ALERTS),
    Group("relevo-ingress", ingress.ALERTS),
    Group("relevo-processors", processors.ALERTS),
    Group("relevo-kafka", kafka.ALERTS),
    Group("relevo-egress", egress.ALERTS),
    Group("relevo-lease", lease.ALERTS),
)


def alerts() -> tuple[Alert, ...]:
    """Every alert, in order."""
    return tuple(rule for group in GROUPS for rule in group.rules if isinstance(rule, Alert))
