"""Metrics: one declared catalogue, and typed access to it.

    from runtime import metrics
    metrics.counter(metrics.INGRESS_REQUESTS).labels(tenant="acme", outcome="accepted").inc()

The catalogue is in `runtime.metrics.catalogue`; the page `docs/reference/metrics.md` is generated from it. Tests
make a `Metrics(CollectorRegistry())` of their own.
"""

from runtime.metrics.catalogue import *  # noqa: F403  the names of the metrics are the public names here
from runtime.metrics.catalogue import CATALOGUE as CATALOGUE
from runtime.metrics.metric import Family as Family
from runtime.metrics.metric import LabelError as LabelError
from runtime.metrics.metric import Metric as Metric
from runtime.metrics.metric import Metrics as Metrics
from runtime.metrics.process import PROCESS as PROCESS
from runtime.metrics.process import counter as counter
from runtime.metrics.process import gauge as gauge
from runtime.metrics.process import histogram as histogram
