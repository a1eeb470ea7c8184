"""What runbooks say to type at the cluster finds what the chart makes."""

from __future__ import annotations

import re
from pathlib import Path

from tests.deploy.conftest import ROOT, Made, helm

# What the API server has beside what the chart makes: pods come of it, certificates of cert-manager.
BESIDE = {"pods", "certificate"}
KINDS = {
    "httproute": "HTTPRoute",
    "ingress": "Ingress",
    "scaledobject": "ScaledObject",
    "servicemonitor": "ServiceMonitor",
}


def commands() -> list[tuple[Path, str]]:
    """Every `kubectl` of every runbook."""
    pages = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
    return [(page, line) for page in pages for line in re.findall(r"^kubectl (.*)$", page.read_text(), re.MULTILINE)]


def pods(made: Made) -> list[dict[str, str]]:
    """The labels of the pods of each service."""
    found = [*made.of("Deployment"), *made.of("StatefulSet")]
    return [one["spec"]["template"]["metadata"]["labels"] for one in found]


def test_selectors_find_pods(made: dict[str, Made]) -> None:
    labels = pods(made["typical"])
    selectors = {selector for _, line in commands() for selector in re.findall(r" -l (\S+)", line)}
    assert len(selectors) > 3
    for selector in selectors:
        name, _, value = selector.partition("=")
        assert any(one.get(name) == value for one in labels), selector


def test_kinds_that_are_asked_for_are_made_by_some_example(made: dict[str, Made]) -> None:
    kinds = {one["kind"] for example in made.values() for one in example.objects}
    asked = {kind for _, line in commands() for kind in "".join(re.findall(r" get ([a-z,]+)", line)).split(",") if kind}
    assert len(asked) > 3
    assert {KINDS.get(kind, kind) for kind in asked} - BESIDE <= kinds


def test_the_pod_with_the_command_line_is_where_the_pages_say() -> None:
    made = helm("typical", "--set", "tools.enabled=true")
    [name] = {name for _, line in commands() for name in re.findall(r"exec -it deploy/(\S+)", line)}
    assert made.one("Deployment", name)
    assert all("-n relevo" in line for _, line in commands())
