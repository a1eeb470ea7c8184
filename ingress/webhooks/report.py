"""The report on a finished request: counted by outcome, and one line of access log without the path.

The path holds the secret, so the line has the route's name instead. Requests that were answered 200 are logged at
debug, all others at info.
"""

from __future__ import annotations

from ingress.webhooks.intake import Answer
from ingress.webhooks.outcomes import OUTCOMES
from runtime import logs, metrics

_log = logs.get("ingress.webhooks.access")
_NOBODY = "other"


def begin() -> None:
    """Shows every outcome as 0 before the first request: what is not there cannot be watched."""
    requests = metrics.counter(metrics.INGRESS_REQUESTS)
    for outcome in OUTCOMES:
        requests.labels(tenant=_NOBODY, outcome=outcome.name)
    metrics.histogram(metrics.INGRESS_ACK_SECONDS).labels()


def finished(answer: Answer, method: str, body_bytes: int, seconds: float) -> None:
    """Counts and logs one request; `body_bytes` is what was received of the body."""
    outcome = answer.outcome
    metrics.counter(metrics.INGRESS_REQUESTS).labels(tenant=answer.tenant or _NOBODY, outcome=outcome.name).inc()
    metrics.histogram(metrics.INGRESS_BODY_BYTES).labels().observe(body_bytes)
    write = _log.debug if outcome.status == 200 else _log.info
    write(
        "webhook",
        method=method if method.isascii() and len(method) < 10 else "?",
        status=outcome.status,
        outcome=outcome.name,
        tenant=answer.tenant,
        kept=answer.kept,
        size=body_bytes,
        ms=round(seconds * 1000, 1),
    )
