"""The catalogue of metrics: every metric of every service, declared once, by area.

Names are `relevo_<component>_<noun>_<unit>[_total]`; labels are few and bounded, `tenant` is one of the first n or
`other`. What a label may say stands in the reference page and in the code that counts. An area is a module; `AREAS`
lists them, and a metric that is declared in one of them is in the catalogue.
"""

from runtime.metrics.catalogue import agents, egress, hooks, ingress, kafka, lease, lines, processors, service, tenants
from runtime.metrics.catalogue.agents import *  # noqa: F403
from runtime.metrics.catalogue.egress import *  # noqa: F403
from runtime.metrics.catalogue.hooks import *  # noqa: F403
from runtime.metrics.catalogue.ingress import *  # noqa: F403
from runtime.metrics.catalogue.kafka import *  # noqa: F403
from runtime.metrics.catalogue.lease import *  # noqa: F403
from runtime.metrics.catalogue.lines import *  # noqa: F403
from runtime.metrics.catalogue.processors import *  # noqa: F403
from runtime.metrics.catalogue.service import *  # noqa: F403
from runtime.metrics.catalogue.tenants import *  # noqa: F403
from runtime.metrics.metric import Metric

# In the order of the reference page.
AREAS = (ingress, processors, agents, hooks, egress, lines, lease, kafka, tenants, service)
CATALOGUE: tuple[Metric, ...] = tuple(
    metric for area in AREAS for metric in vars(area).values() if isinstance(metric, Metric)
)
