"""The reference pages, made from what the code declares.

    python -m relevo.reference --write     writes docs/reference/*
    python -m relevo.reference --check     fails when a page is not what the code says

`PAGES` lists them: a page is a file name and a function that gives its text. Add a page by adding an entry. Leaves
to the declarations (settings, metrics) every word that a table says.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from relevo import generated
from relevo.menus import schema
from relevo.tables import MADE, table
from runtime.metrics import CATALOGUE, Metric
from runtime.settings import AREAS, Area
from runtime.settings.area import file_variable, is_secret
from schemas import topics

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
EXAMPLES = Path(topics.__file__).parent / "examples"


def settings_page() -> str:
    """Every environment variable, by area."""
    parts = [
        MADE,
        "# Settings",
        "Settings come from the environment and are checked when a service starts: every wrong variable is named in "
        "one message, and a `RELEVO_…` variable that no area knows is an error. An empty variable counts as unset. "
        "Lists are separated by commas. A secret can also come from a file: put its path into `<variable>_FILE`. "
        "Times that end in `_s` are seconds.",
    ]
    for area in AREAS:
        parts += [f"## {area.__name__.removesuffix('Settings')}", _paragraph(area.__doc__)]
        parts.append(table(("variable", "type", "default", "what it is"), _setting_rows(area)))
    return "\n\n".join(parts) + "\n"


def _setting_rows(area: type[Area]) -> Iterable[tuple[str, ...]]:
    for name, field in area.model_fields.items():
        variable = f"`{area.variable(name)}`"
        if is_secret(field):
            variable += f"<br>`{file_variable(area, name)}`"
        yield variable, type_text(field), _default(field.default), field.description or ""


def type_text(field: FieldInfo) -> str:
    """A field's type and bounds for people, such as `number, 0 to 60`."""
    text = "secret" if is_secret(field) else _kind(field.annotation)
    bounds = {type(bound).__name__: bound for bound in field.metadata}
    words = [
        f"{word} {getattr(bounds[kind], attribute):g}"
        for kind, attribute, word in (
            ("Ge", "ge", "from"),
            ("Gt", "gt", "above"),
            ("Le", "le", "to"),
            ("Lt", "lt", "below"),
        )
        if kind in bounds
    ]
    return ", ".join([text, " ".join(words)]) if words else text


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if member is not type(None)]
    if get_origin(annotation) in (tuple, list):
        return "words" if members[0] is str else "networks"
    if members and (get_origin(annotation) is Union or type(annotation).__name__ == "UnionType"):
        return _kind(members[0])
    names = {"int": "integer", "float": "number", "str": "text", "bool": "true or false", "Path": "file"}
    name = getattr(annotation, "__name__", str(annotation))
    return names[name]


def _default(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def metrics_page() -> str:
    """Every metric, by component."""
    parts = [
        MADE,
        "# Metrics",
        "Every service shows them at `/metrics` of its admin port, beside those of the process (memory, CPU, open "
        "files). A label has few values: `tenant` is one of the first `RELEVO_TENANTS_LABEL_TOP` tenants or `other`, "
        "and no label ever holds a phone number, a line or an id.",
    ]
    components: dict[str, list[Metric]] = {}
    for metric in CATALOGUE:
        components.setdefault(metric.name.split("_")[1], []).append(metric)
    for component, members in components.items():
        parts += [f"## {component}", table(("metric", "kind", "labels", "what it counts"), map(_metric_row, members))]
    return "\n\n".join(parts) + "\n"


def _metric_row(metric: Metric) -> tuple[str, ...]:
    return f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.help


def topics_page() -> str:
    """Every topic, and an example of each kind of record."""
    parts = [
        MADE,
        "# Topics",
        "Values that are ours are JSON; readers ignore unknown fields. A partition is murmur2 of the text that a topic "
        f"is partitioned by. Partition counts are constants of a cluster: {_counts()}. `relevo topics check` compares "
        "a cluster with this page, and a service refuses to start on a mismatch. `agents.menu` stands for the "
        "topics of each agent type. Where records are ours, the examples are those that the tests read.",
    ]
    described = topics.catalogue(("menu",))
    parts.append(
        table(("topic", "partitioned by", "key", "kept", "what it holds"), map(_topic_row, described.values()))
    )
    for topic in described.values():
        examples = sorted((EXAMPLES / topic.name).glob("*.json"))
        if examples:
            who = f"Written by {', '.join(topic.producers)}; read by {', '.join(topic.consumers)}."
            parts += [f"## {topic.name}", f"{topic.purpose[0].upper()}{topic.purpose[1:]}. {who}"]
            parts += [f"`{file.stem}`\n\n```json\n{file.read_text().strip()}\n```" for file in examples]
    return "\n\n".join(parts) + "\n"


def _counts() -> str:
    return ", ".join(f"{profile.partitions} in the profile `{name}`" for name, profile in topics.PROFILES.items())


def _topic_row(topic: topics.Topic) -> tuple[str, ...]:
    days = f"{topic.retention_ms // topics.DAY_MS} days" if topic.retention_ms >= 0 else ""
    kept = " and ".join(part for part in ("newest of each key" if "compact" in topic.cleanup else "", days) if part)
    return f"`{topic.name}`", topic.partitioned_by, f"`{topic.key}`", kept, topic.purpose


def _schema(kind: Any, about: str) -> str:
    """A JSON Schema, for those who check what they read or write."""
    from msgspec.json import schema

    return json.dumps({"$comment": about, **schema(kind)}, indent=1, ensure_ascii=False) + "\n"


def request_schema() -> str:
    """What the agent `http` tells a service."""
    from processors.agents.builtin.http.request import Request

    return _schema(Request, "What a service is told: docs/http-agent.md. New fields may come.")


def answer_schema() -> str:
    """What a service may answer the agent `http`."""
    from processors.agents.builtin.http.answer import Answer

    return _schema(Answer, "What a service may answer: docs/http-agent.md.")


def sandbox_page() -> str:
    """The routes and the knobs of the simulated Chattigo."""
    from relevo.sandbox_page import page

    return page(MADE, table)


def permissions_page() -> str:
    """What each service's user may do in Kafka."""
    from relevo.kubernetes.page import page

    return page(MADE, table)


PAGES: Mapping[str, Callable[[], str]] = {
    "http-request.schema.json": request_schema,
    "http-answer.schema.json": answer_schema,
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "topics.md": topics_page,
    "permissions.md": permissions_page,
    "sandbox.md": sandbox_page,
    "menu.md": schema.fields_page,
    "menu.schema.json": schema.schema_text,
}


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the pages that are missing or not what the code says."""
    return [name for name, page in PAGES.items() if not _is(folder / name, page())]


def write(folder: Path = FOLDER) -> list[str]:
    """Write the pages that changed; gives their names."""
    changed = stale(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (folder / name).write_text(PAGES[name](), encoding="utf-8")
    return changed


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _paragraph(text: str | None) -> str:
    return "\n".join(line.strip() for line in (text or "").strip().splitlines())


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """The command line; gives the exit code."""
    program = "relevo.reference"
    given = generated.options(program, "reference pages", "page").parse_args(arguments)
    return generated.act(program, given.write, partial(write, folder), partial(stale, folder))


if __name__ == "__main__":
    sys.exit(main())
