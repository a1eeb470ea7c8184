"""Metrics of logins and tokens."""

from runtime.metrics.metric import Metric

LEASE_LOGINS = Metric("relevo_lease_logins_total", "counter", "Logins by result.", ("account", "result"))
LEASE_FAILURES = Metric(
    "relevo_lease_failures_total", "counter", "Logins that failed, by reason.", ("account", "reason")
)
LEASE_REQUESTS = Metric(
    "relevo_lease_requests_total", "counter", "Requests for a new token, by what became of them.", ("outcome",)
)
LEASE_TOKEN_AGE = Metric("relevo_lease_token_age_seconds", "gauge", "Age of the newest token.", ("account",))
LEASE_TOKEN_LEFT = Metric("relevo_lease_token_left_seconds", "gauge", "Time until the newest token dies.", ("account",))
LEASE_TOKEN_GENERATION = Metric(
    "relevo_lease_token_generation_count", "gauge", "Generation of the newest token.", ("account",)
)
LEASE_LOGIN_WAIT = Metric(
    "relevo_lease_login_wait_seconds",
    "gauge",
    "Time for which an account is left alone after failed logins; 0 when it is not.",
    ("account",),
)
