"""The objectives: what users of Relevo may count on, how it is measured, and when too much of it was used up.

An objective allows a share of failures over 30 days. Its alert compares how fast that share is used with what it would
last for, over a long window and a short one (so that it ends soon after the trouble does): at a pace that uses up 2 %
of it in an hour or 5 % in six hours it is critical, at 10 % in a day or at the whole of it in 30 days it is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingress.webhooks.outcomes import OUTCOMES
from relevo.monitoring.rule import Alert, Dashboard, Recorded, Severity

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
# Long window, short window, how many times faster than what lasts 30 days.
BURNS: dict[Severity, tuple[tuple[str, str, float], ...]] = {
    "critical": (("1h", "5m", 14.4), ("6h", "30m", 6)),
    "warning": (("1d", "2h", 3), ("3d", "6h", 1)),
}
# Fewer failures than so many in the last hour (or day) wake nobody: where little happens one is a large share.
FEW = 5
_BUSY = {"critical": "6h", "warning": "3d"}
_SECONDS = {"6h": 21_600, "3d": 259_200}

OURS = "|".join(sorted(outcome.name for outcome in OUTCOMES if outcome.status >= 500))
COUNTED = "|".join(sorted(outcome.name for outcome in OUTCOMES if outcome.status == 200 or outcome.status >= 500))
ACK_S, AGENT_S, SENT_S, DOUBT_S = 1.0, 5.0, 5.0, 3600
SOON = "reply|urgent"


@dataclass(frozen=True)
class Objective:
    """`bad` and `total` are rates over `$window`; `shown` is a series that is there whenever it can be measured."""

    name: str
    alert: str
    title: str
    target: float
    bad: str
    total: str
    shown: str
    dashboard: Dashboard
    summary: str
    counted: bool = True

    def ratio(self, window: str) -> str:
        """The name of the recorded share of failures."""
        return f"relevo:{self.name}:errors_ratio{window}"

    def recorded(self) -> Iterator[Recorded]:
        """The share of failures over each window."""
        for window in WINDOWS:
            expr = f"({self.bad}) / ({self.total})" if self.counted else self.bad
            yield Recorded(self.ratio(window), expr.replace("$window", window))

    def alerts(self) -> Iterator[Alert]:
        """Too fast, too fast for long, and not measured at all."""
        for severity, burns in BURNS.items():
            parts = [self._burn(*burn) for burn in burns]
            expr = " or ".join(f"({part})" for part in parts)
            if self.counted:
                window = _BUSY[severity]
                bad = self.bad.replace("$window", window)
                expr = f"({expr}) and ({bad}) * {_SECONDS[window]} > {FEW}"
            yield Alert(self.alert, expr, "1m", severity, self.dashboard, self.summary, {"objective": self.name})
        yield Alert(
            "RelevoObjectiveMissing",
            f"absent({self.shown})",
            "15m",
            "warning",
            "relevo-overview",
            f"{self.title}: nothing measures it.",
            {"objective": self.name},
        )

    def _burn(self, long: str, short: str, pace: float) -> str:
        limit = f"{pace * (1 - self.target):.6g}"
        return f"{self.ratio(long)} > {limit} and {self.ratio(short)} > {limit}"


def _late(metric: str, seconds: float, selector: str = "") -> str:
    inside = f"{selector}, " if selector else ""
    count = f"{metric}_count{{{selector}}}" if selector else f"{metric}_count"
    return f'sum(rate({count}[$window])) - sum(rate({metric}_bucket{{{inside}le="{seconds:.1f}"}}[$window]))'


def _none(expr: str) -> str:
    """0 where no such series is there yet."""
    return f"{expr} or vector(0)"


_REQUESTS = "relevo_ingress_requests_total"
_AGENT = "relevo_processors_agent_delay_seconds"
_DUE = "relevo_egress_due_seconds"
_ACCEPTED = 'relevo_egress_messages_total{outcome="accepted"}'
OLD_DOUBTS = Recorded("relevo:doubts_old:bool", f"max(relevo_egress_oldest_doubt_seconds) > bool {DOUBT_S}")

OBJECTIVES = (
    Objective(
        "webhook_availability",
        "RelevoWebhooksUnavailable",
        "99.9 % of webhooks are answered without a fault of ours",
        0.999,
        _none(f'sum(rate({_REQUESTS}{{outcome=~"{OURS}"}}[$window]))'),
        f'sum(rate({_REQUESTS}{{outcome=~"{COUNTED}"}}[$window]))',
        _REQUESTS,
        "relevo-ingress",
        "Too many webhooks are not taken: Chattigo may never send them again.",
    ),
    Objective(
        "webhook_latency",
        "RelevoWebhooksSlow",
        f"99 % of webhooks are answered within {ACK_S:g} s",
        0.99,
        _late("relevo_ingress_ack_seconds", ACK_S),
        "sum(rate(relevo_ingress_ack_seconds_count[$window]))",
        "relevo_ingress_ack_seconds_count",
        "relevo-ingress",
        "Too many webhooks are answered late.",
    ),
    Objective(
        "webhook_to_agent",
        "RelevoAgentsLate",
        f"99 % of events reach their agent within {AGENT_S:g} s of the webhook",
        0.99,
        _late(_AGENT, AGENT_S),
        f"sum(rate({_AGENT}_count[$window]))",
        f"{_AGENT}_count",
        "relevo-processors-kafka",
        "Too many events reach their agent late: people wait for an answer.",
    ),
    Objective(
        "due_to_sent",
        "RelevoSendingLate",
        f"99 % of replies and one-time passwords leave within {SENT_S:g} s of being due",
        0.99,
        _late(_DUE, SENT_S, f'message_class=~"{SOON}"'),
        f'sum(rate({_DUE}_count{{message_class=~"{SOON}"}}[$window]))',
        f"{_DUE}_count",
        "relevo-egress-campaigns",
        "Too many messages that people wait for leave late.",
    ),
    Objective(
        "duplicates",
        "RelevoResendsMany",
        "at most 1 of 1,000 messages is sent again though the first may have arrived",
        0.999,
        _none('sum(rate(relevo_egress_resends_total{reason!~"failed_.*"}[$window]))'),
        f"sum(rate({_ACCEPTED}[$window]))",
        "relevo_egress_messages_total",
        "relevo-egress-campaigns",
        "Too many messages are sent a second time by policy: people may get them twice.",
    ),
    Objective(
        "doubts_age",
        "RelevoDoubtsOld",
        "95 % of the time no call has been in doubt for an hour",
        0.95,
        f"avg_over_time({OLD_DOUBTS.name}[$window])",
        "",
        "relevo_egress_oldest_doubt_seconds",
        "relevo-egress-campaigns",
        "Calls have been in doubt for over an hour: a person must decide.",
        counted=False,
    ),
)
