"""Metrics of processes."""

from runtime.metrics.metric import Metric

SERVICE_LOOP_LAG = Metric("relevo_service_loop_lag_seconds", "gauge", "How late the event loop was at its last tick.")
SERVICE_LOOP_LAG_MAX = Metric(
    "relevo_service_loop_lag_max_seconds", "gauge", "How late the event loop was at worst in the last minute."
)
SERVICE_TASK_FAILURES = Metric(
    "relevo_service_task_failures_total", "counter", "Background tasks that ended by an exception.", ("task",)
)
SERVICE_READY = Metric("relevo_service_ready_state", "gauge", "1 when the service is ready, else 0.")
SERVICE_LIVE = Metric("relevo_service_live_state", "gauge", "1 when the service is live, else 0.")
SERVICE_STACKS = Metric(
    "relevo_service_stacks_total",
    "counter",
    "Times that the log was told where all threads and tasks are, by why.",
    ("why",),
)
SERVICE_OLDEST_UNDONE = Metric(
    "relevo_service_oldest_undone_seconds", "gauge", "Age of the oldest record fetched and not done.", ("partition",)
)
SERVICE_BUILD = Metric(
    "relevo_service_build_info", "gauge", "Always 1; version and service are in the labels.", ("service", "version")
)
SERVICE_PREVIOUS_END = Metric(
    "relevo_service_previous_end_seconds",
    "gauge",
    "When the process before this one ended (started, if it was killed), in seconds since 1970, by why.",
    ("service", "code", "cause"),
)
