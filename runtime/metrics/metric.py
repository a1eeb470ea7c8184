"""A metric's declaration, and a registry of them whose labels stay few.

Promises: only declared labels are taken; a label has at most `VALUES_MAX` values and `tenant` at most the first n
that come (the rest is `other`), so that no input can fill the memory of Prometheus; a value that looks like a phone
number never becomes a label. A registry that is `strict` (tests) raises `LabelError` instead of saying `other`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

OTHER = "other"
TENANT = "tenant"
VALUES_MAX = 300
_LOOKS_LIKE_A_NUMBER = re.compile(r"\d{8}")

Kind = Literal["counter", "gauge", "histogram"]
ChildT = TypeVar("ChildT", bound=Counter | Gauge | Histogram)

# a `_created` series beside every counter would double their number and help nobody
disable_created_metrics()  # type: ignore[no-untyped-call]


class LabelError(ValueError):
    """A label that is not declared, or has a value that it must not have."""


@dataclass(frozen=True)
class Metric:
    """One metric: `relevo_<component>_<noun>_<unit>[_total]`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"relevo(_[a-z]+){2,}", self.name):
            raise ValueError(f"{self.name}: names are relevo_<component>_<noun>_<unit>[_total]")
        if (self.kind == "counter") != self.name.endswith("_total"):
            raise ValueError(f"{self.name}: counters, and only they, end in _total")
        if (self.kind == "histogram") != bool(self.buckets):
            raise ValueError(f"{self.name}: histograms, and only they, have buckets")
        if list(self.buckets) != sorted(set(self.buckets)):
            raise ValueError(f"{self.name}: buckets must ascend")


class Family(Generic[ChildT]):
    """The series of one metric. Call `labels` with exactly the declared labels."""

    def __init__(self, metric: Metric, parent: ChildT, bound: Callable[[str, str, str], str]) -> None:
        self.metric = metric
        self._parent: Any = parent  # its `labels` and `remove` are not typed
        self._bound = bound
        self._children: dict[tuple[str, ...], ChildT] = {}

    def labels(self, **values: str) -> ChildT:
        """The series of these label values; cached, so it may be called for every event."""
        try:
            key = tuple(values[name] for name in self.metric.labels)
        except KeyError as error:
            raise LabelError(f"{self.metric.name} needs the label {error.args[0]}") from None
        if len(values) != len(key):
            raise LabelError(f"{self.metric.name} has no label {', '.join(set(values) - set(self.metric.labels))}")
        child = self._children.get(key)
        if child is None:
            child = self._make(key)
        return child

    def _make(self, key: tuple[str, ...]) -> ChildT:
        child: ChildT = self._parent
        if key:
            named = zip(self.metric.labels, key, strict=True)
            bounded = [self._bound(self.metric.name, name, value) for name, value in named]
            child = self._parent.labels(*bounded)
            if bounded != list(key):
                return child  # not cached: the variety of refused values must not fill the memory either
        self._children[key] = child
        return child

    def remove(self, **values: str) -> None:
        """Forget a series, for example of a partition that went to another worker."""
        key = tuple(values[name] for name in self.metric.labels)
        if self._children.pop(key, None) is not None:
            self._parent.remove(*key)

    def series(self) -> list[tuple[str, ...]]:
        """The label values that exist, in the order of the declaration."""
        return list(self._children)


class Metrics:
    """The metrics of a process (or of one test)."""

    def __init__(
        self, catalogue: Iterable[Metric], registry: CollectorRegistry, *, tenants_max: int = 50, strict: bool = False
    ) -> None:
        self.registry = registry
        self.tenants_max = tenants_max
        self.strict = strict
        self._catalogue = frozenset(catalogue)
        self._families: dict[str, Family[Any]] = {}
        self._values: dict[tuple[str, str], set[str]] = {}

    def counter(self, metric: Metric) -> Family[Counter]:
        return self._family(metric, "counter", Counter)

    def gauge(self, metric: Metric) -> Family[Gauge]:
        return self._family(metric, "gauge", Gauge)

    def histogram(self, metric: Metric) -> Family[Histogram]:
        return self._family(metric, "histogram", Histogram, buckets=metric.buckets)

    def value(self, metric: Metric, suffix: str = "", **labels: str) -> float:
        """The present value of a series, 0 when there is none; `suffix` is `_sum` or `_count` of a histogram."""
        name = metric.name + suffix
        return self.registry.get_sample_value(name, labels) or 0.0

    def _family(self, metric: Metric, kind: Kind, make: type[ChildT], **options: Any) -> Family[ChildT]:
        family = self._families.get(metric.name)
        if family is None:
            if metric not in self._catalogue:
                raise ValueError(f"{metric.name} is not in the catalogue")
            parent = make(metric.name, metric.help, metric.labels, registry=self.registry, **options)
            family = self._families[metric.name] = Family(metric, parent, self._bound)
        if metric.kind != kind:
            raise TypeError(f"{metric.name} is a {metric.kind}, not a {kind}")
        return family

    def _bound(self, metric: str, label: str, value: str) -> str:
        # tenants are counted over all metrics, so that a tenant has a label of its own everywhere or nowhere
        seen = self._values.setdefault(("" if label == TENANT else metric, label), set())
        if value in seen or value == OTHER:
            return value
        if _LOOKS_LIKE_A_NUMBER.search(value):
            return self._refuse(f"{metric}: a value of {label} looks like a phone number")
        if label == TENANT and len(seen) >= self.tenants_max:
            return OTHER
        if len(seen) >= VALUES_MAX:
            return self._refuse(f"{metric}: more than {VALUES_MAX} values of {label}")
        seen.add(value)
        return value

    def _refuse(self, problem: str) -> str:
        if self.strict:
            raise LabelError(problem)
        return OTHER
