"""Each checker passes on what is committed, and catches an error that is planted in a copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Check = Callable[..., tuple[int, str]]


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


CHART = Path("deploy") / "helm" / "relevo"
STALE = (
    (CHART / "files" / "permissions.yaml", "- Write\n", "- All\n"),
    (CHART / "files" / "topics.yaml", "partitions: 64", "partitions: 32"),
    (CHART / "files" / "rules" / "alerts.yaml", "for: 5m", "for: 9m"),
    (CHART / "files" / "dashboards" / "relevo-ingress.json", "reqps", "ops"),
)
PLANTED = [
    ("rules", CHART / "files" / "rules" / "alerts.yaml", "sum by (tenant) (", "sum by (tenant (", "could not parse"),
    ("rules", CHART / "files" / "rules" / "alerts.yaml", "for: 5m", "for: five", "not a valid duration"),
    ("rules", CHART / "files" / "rules" / "alerts.yaml", "{{ $value", "{{ $valu", "undefined variable"),
    ("chart", CHART / "templates" / "services.yaml", "$own.replicas", "$own.replica.count", "nil pointer"),
    ("chart", Path("deploy/helm/values/small.yaml"), "replicas: 1", "replicas: one", "got string, want integer"),
    ("objects", CHART / "templates" / "services.yaml", "minReadySeconds", "minReady", "'minReady' not allowed"),
    ("objects", CHART / "templates" / "_pod.tpl", "timeoutSeconds: 5", "timeoutSeconds: soon", "want integer"),
    ("objects", CHART / "templates" / "strimzi.yaml", "topicName:", "topicname:", "'topicname' not allowed"),
    ("objects", CHART / "templates" / "strimzi.yaml", "type: simple", "type: any", "value must be 'simple'"),
    ("objects", CHART / "templates" / "scaling.yaml", "maxReplicaCount", "maxReplicas", "'maxReplicas' not allowed"),
    ("objects", CHART / "templates" / "route.yaml", "hostnames:", "hostname:", "'hostname' not allowed"),
    ("objects", CHART / "templates" / "monitoring.yaml", "interval:", "every:", "'every' not allowed"),
    ("objects", CHART / "templates" / "externalsecrets.yaml", "secretKey:", "key:", "missing property 'secretKey'"),
    ("yaml", CHART / "values.yaml", "logLevel: info", "logLevel: info\nlogLevel: debug", "duplication of key"),
    ("image", Path("deploy/Dockerfile"), "WORKDIR /src", "WORKDIR src", "DL3000"),
    ("image", Path("deploy/Dockerfile"), "USER 10001:10001", "USER root", "DL3002"),
    ("shell", Path("deploy/check/run.sh"), '"$root/deploy/Dockerfile"', "$root/deploy/Dockerfile", "SC2086"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "file", "before", "after", "said"), PLANTED)
def test_a_planted_error_is_caught(
    copy: Path, check: Check, step: str, file: Path, before: str, after: str, said: str
) -> None:
    edit(copy / file, before, after)
    code, told = check(step, examples="large" if "externalsecrets" in file.name else "typical small")
    assert code != 0
    assert said in told


def test_every_file_that_is_not_what_the_code_says_is_named_at_once(copy: Path, check: Check) -> None:
    for file, before, after in STALE:
        edit(copy / file, before, after)
    code, told = check("files")
    assert code != 0
    assert all(f"{file.name} is stale" in told for file, _, _ in STALE)


def test_a_copy_without_an_error_passes_every_step(check: Check) -> None:
    code, told = check()
    assert code == 0, told
    assert told.count("Invalid: 0, Errors: 0, Skipped: 0") == 3
