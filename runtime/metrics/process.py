"""The metrics of this process, in Prometheus' own registry (which also knows memory, CPU and file descriptors)."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from runtime.metrics.catalogue import CATALOGUE
from runtime.metrics.metric import Family, Metric, Metrics

PROCESS = Metrics(CATALOGUE, REGISTRY)


def counter(metric: Metric) -> Family[Counter]:
    """A counter of this process: `counter(M).labels(…).inc()`."""
    return PROCESS.counter(metric)


def gauge(metric: Metric) -> Family[Gauge]:
    """A gauge of this process: `gauge(M).labels(…).set(v)`."""
    return PROCESS.gauge(metric)


def histogram(metric: Metric) -> Family[Histogram]:
    """A histogram of this process: `histogram(M).labels(…).observe(v)`."""
    return PROCESS.histogram(metric)
