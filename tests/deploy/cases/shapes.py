"""A case of an alert: what makes it fire and with which words, and what is almost that and must not.

Series are promtool's, a value a minute: `0+60x30` is 0, 60, 120, … thirty times further. What is expected is written
by hand; only where the dashboard and the runbook are is taken from the alert itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Series = dict[str, str]

SEEN = 'job="relevo", instance="a:9400"'
BUILD = 'relevo_service_build_info{job="relevo", instance="a:9400", service="egress", version="1"}'
AT = {"job": "relevo", "instance": "a:9400"}
ACCOUNT = 'account="isv|acme@acme"'


@dataclass(frozen=True)
class Fired:
    """One alert that fires: `labels` beside `alertname` and `severity`."""

    severity: str
    summary: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`fires` and `silent` are two worlds, both looked at after `at` minutes. A value stands for `step` minutes: a case
    that lasts for days would take promtool long by the minute."""

    alert: str
    fires: Series
    fired: tuple[Fired, ...]
    silent: Series
    at: int = 20
    step: int = 1


def counted(name: str, labels: str, values: str) -> Series:
    return {f"{name}{{{labels}}}": values}
