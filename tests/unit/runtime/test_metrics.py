"""What the catalogue of metrics and its registry promise."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from runtime import metrics
from runtime.metrics import CATALOGUE, LabelError, Metric, Metrics
from runtime.metrics.metric import VALUES_MAX

CALLS = Metric("relevo_test_calls_total", "counter", "Calls.", ("tenant", "result"))
PLAIN = Metric("relevo_test_plain_total", "counter", "Plain.")
SECONDS = Metric("relevo_test_call_seconds", "histogram", "Time.", ("route",), (0.1, 1))
WAITING = Metric("relevo_test_waiting_calls", "gauge", "Waiting.", ("partition",))
ALL = (CALLS, PLAIN, SECONDS, WAITING)


def make(*, tenants_max: int = 2, strict: bool = False) -> Metrics:
    return Metrics(ALL, CollectorRegistry(), tenants_max=tenants_max, strict=strict)


def test_counters_gauges_and_histograms_count() -> None:
    m = make()
    m.counter(CALLS).labels(tenant="acme", result="accepted").inc()
    m.counter(CALLS).labels(result="accepted", tenant="acme").inc(2)
    m.counter(PLAIN).labels().inc()
    m.gauge(WAITING).labels(partition="3").set(7)
    m.histogram(SECONDS).labels(route="batch").observe(0.5)
    assert m.value(CALLS, tenant="acme", result="accepted") == 3
    assert m.value(PLAIN) == 1
    assert m.value(WAITING, partition="3") == 7
    assert m.value(SECONDS, "_sum", route="batch") == 0.5
    assert m.value(CALLS, tenant="acme", result="refused") == 0


def test_the_first_tenants_have_a_label_and_the_rest_share_one() -> None:
    m = make(tenants_max=2, strict=True)
    for tenant in ("a", "b", "c", "d", "a"):
        m.counter(CALLS).labels(tenant=tenant, result="ok").inc()
    assert m.value(CALLS, tenant="a", result="ok") == 2
    assert m.value(CALLS, tenant="b", result="ok") == 1
    assert m.value(CALLS, tenant="other", result="ok") == 2
    assert m.value(CALLS, tenant="c", result="ok") == 0


@pytest.mark.parametrize(
    "labels",
    [{}, {"tenant": "a"}, {"tenant": "a", "result": "b", "did": "c"}, {"tenant": "a", "outcome": "b"}],
)
def test_labels_must_be_exactly_the_declared_ones(labels: dict[str, str]) -> None:
    with pytest.raises(LabelError, match="relevo_test_calls_total"):
        make().counter(CALLS).labels(**labels)


@given(st.from_regex(r"[^\d]{0,3}\d{10,15}[^\d]{0,3}", fullmatch=True))
def test_a_phone_number_never_becomes_a_label(value: str) -> None:
    lenient = make()
    lenient.counter(CALLS).labels(tenant="a", result=value).inc()
    assert lenient.value(CALLS, tenant="a", result="other") == 1
    assert not re.search(r"\d{8}", generate_latest(lenient.registry).decode())
    with pytest.raises(LabelError, match="phone number"):
        make(strict=True).counter(CALLS).labels(tenant="a", result=value)


def test_a_label_with_too_many_values_is_cut_off() -> None:
    m = make()
    for n in range(VALUES_MAX + 50):
        m.counter(CALLS).labels(tenant="a", result=f"r{n}").inc()
    assert m.value(CALLS, tenant="a", result="other") == 50
    assert len(m.counter(CALLS).series()) == VALUES_MAX
    strict = make(strict=True)
    for n in range(VALUES_MAX):
        strict.counter(CALLS).labels(tenant="a", result=f"r{n}")
    with pytest.raises(LabelError, match="more than"):
        strict.counter(CALLS).labels(tenant="a", result="one more")


def test_a_series_can_be_forgotten() -> None:
    m = make()
    m.gauge(WAITING).labels(partition="3").set(7)
    m.gauge(WAITING).remove(partition="3")
    m.gauge(WAITING).remove(partition="4")
    assert "partition" not in generate_latest(m.registry).decode()


def test_what_is_not_in_the_catalogue_or_of_another_kind_is_refused() -> None:
    m = make()
    with pytest.raises(ValueError, match="not in the catalogue"):
        m.counter(Metric("relevo_test_new_total", "counter", "New."))
    with pytest.raises(TypeError, match="is a counter, not a gauge"):
        m.gauge(CALLS)


@pytest.mark.parametrize(
    ("name", "kind", "buckets"),
    [
        ("calls_total", "counter", ()),
        ("relevo_calls", "gauge", ()),
        ("relevo_test_calls", "counter", ()),
        ("relevo_test_calls_total", "gauge", ()),
        ("relevo_test_call_seconds", "histogram", ()),
        ("relevo_test_call_seconds", "histogram", (2, 1)),
        ("relevo_test_call_seconds", "gauge", (1, 2)),
    ],
)
def test_a_declaration_that_breaks_the_naming_is_refused(
    name: str, kind: metrics.metric.Kind, buckets: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match=name):
        Metric(name, kind, "Help.", (), buckets)


def test_the_catalogue_is_sound() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) > 50
    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert metric.help.endswith("."), metric.name
        assert not {"did", "contact", "line", "phone", "msisdn", "id", "message_id"} & set(metric.labels), metric.name
        if metric.kind == "histogram":
            assert metric.name.endswith(("_seconds", "_bytes", "_records", "_plans", "_recipients")), metric.name


def test_every_metric_of_the_catalogue_can_be_used_in_the_process() -> None:
    fresh = Metrics(CATALOGUE, CollectorRegistry(), strict=True)
    for metric in CATALOGUE:
        family = getattr(fresh, metric.kind)(metric)
        child = family.labels(**dict.fromkeys(metric.labels, "x"))
        {"counter": lambda c: c.inc(), "gauge": lambda c: c.set(1), "histogram": lambda c: c.observe(1)}[metric.kind](
            child
        )
    text = generate_latest(fresh.registry).decode()
    assert all(metric.name in text for metric in CATALOGUE)
    assert "_created" not in text


def test_the_module_counts_in_the_registry_of_the_process() -> None:
    before = metrics.PROCESS.value(metrics.EGRESS_ORPHANS, tenant="test")
    metrics.counter(metrics.EGRESS_ORPHANS).labels(tenant="test").inc()
    assert metrics.PROCESS.value(metrics.EGRESS_ORPHANS, tenant="test") == before + 1
    metrics.gauge(metrics.TENANTS_KNOWN).labels().set(3)
    assert metrics.PROCESS.value(metrics.TENANTS_KNOWN) == 3
    metrics.histogram(metrics.INGRESS_BODY_BYTES).labels().observe(10)
    assert metrics.PROCESS.value(metrics.INGRESS_BODY_BYTES, "_count") >= 1
