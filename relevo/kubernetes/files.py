"""The chart's files that the code makes: topics, permissions, and which settings there are.

    python -m relevo.kubernetes --write     writes them into the chart
    python -m relevo.kubernetes --check     fails when one is not what the code says

Promises: a topic, a permission or a setting that the code does not declare is not in the chart, and none is missing.
Leaves to the chart's templates how they become objects of a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from relevo.kubernetes.permissions import EACH, SCALED, Grant, users
from relevo.kubernetes.settings import settings_schema
from schemas import topics

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "relevo"
SCHEMA = "values.schema.json"
_MADE = "# Made by `python -m relevo.kubernetes --write`; edit what the code declares, not this file.\n"
_PROFILES = (topics.PRODUCTION, topics.LAPTOP)


def topics_file() -> str:
    """The catalogue: what differs by profile apart from what does not; `partitions` 0 is the profile's count."""
    every = topics.catalogue((EACH,)).values()
    profiles = {
        one.name: {"partitions": one.partitions, "replication": one.replication, "minInsync": one.min_insync}
        for one in _PROFILES
    }
    rows = [{"name": one.name, "partitions": one.partitions, "config": _config(one)} for one in every]
    return _text({"profiles": profiles, "topics": rows})


def _config(topic: topics.Topic) -> dict[str, str]:
    """The settings that are the same in every profile."""
    config = topic.config(topics.PRODUCTION)
    return {name: value for name, value in config.items() if name != "min.insync.replicas"}


def permissions_file() -> str:
    """Each user of Kafka with its grants, and what is counted for the scaling."""
    made = {one.name: {"purpose": one.purpose, "grants": list(map(_grant, one.grants))} for one in users()}
    scaled = [{"group": group, "topic": topic.name} for group, topic in SCALED]
    return _text({"users": made, "scaled": scaled})


def _grant(one: Grant) -> dict[str, Any]:
    """Whole, with what is the default."""
    operations = list(one.operations)
    return {"resource": one.resource, "name": one.name, "pattern": one.pattern, "operations": operations}


def _text(data: dict[str, Any]) -> str:
    return _MADE + yaml.safe_dump(data, sort_keys=False, width=120)


def values_schema(chart: Path = CHART) -> str:
    """The schema of the chart's values, as it stands but for the settings, which are those of the code."""
    schema = json.loads((chart / SCHEMA).read_text(encoding="utf-8"))
    schema["$defs"]["settings"] = settings_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def made(chart: Path = CHART) -> Mapping[str, Callable[[], str]]:
    """File names in the chart, and what makes their text."""
    return {
        "files/topics.yaml": topics_file,
        "files/permissions.yaml": permissions_file,
        SCHEMA: lambda: values_schema(chart),
    }


def stale(chart: Path = CHART) -> list[str]:
    """Names of the files that are missing or not what the code says."""
    return [name for name, text in made(chart).items() if not _is(chart / name, text())]


def write(chart: Path = CHART) -> list[str]:
    """Write the files that changed; gives their names."""
    changed = stale(chart)
    for name in changed:
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text(made(chart)[name](), encoding="utf-8")
    return changed


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
