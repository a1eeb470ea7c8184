"""`relevo crm`: what a tenant's CRM would be told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from processors.agents.builtin.crm.settings import Settings, problems
from relevo.cli.console import fail, say
from relevo.crm.preview import Made, example, preview, without_secrets
from relevo.tenants.store import read_tenants
from relevo.tenants.yaml_source import FileError, YamlSource
from runtime.settings import KafkaSettings, load
from schemas.inbound import InboundEvent

app = typer.Typer(help="The tap crm: what a CRM would be told.", no_args_is_help=True)


@app.callback()
def crm() -> None:
    """Keeps `preview` a verb of its own although it is the only one."""


@app.command("preview")
def show(
    events: Annotated[Path | None, typer.Argument(help="Events as JSON: one, or a list. Else an example.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant as Kafka has it now.")] = "",
    file: Annotated[Path | None, typer.Option(help="Or a tenant file, before it is applied.")] = None,
) -> None:
    """The requests that the settings make, one event after the other. Calls nobody, needs no secrets, shows none."""
    if bool(tenant) == (file is not None):
        fail("either --tenant NAME, as Kafka has it, or --file FILE", 2)
    given = _of_file(file) if file is not None else _of_tenant(tenant)
    settings = Settings.of(given)
    happened = _read(events) if events is not None else example(settings)
    for made in preview(settings, happened, str(given.get("answer_id", "id"))):
        _say(made)


def _say(made: Made) -> None:
    if not made.requests:
        say(f"{made.moment}: nothing")
    for request in made.requests:
        body = f" {request.sent().decode()}" if request.body is not None else ""
        say(f"{made.moment}: {request.method} {request.url}{body}")


def _of_file(file: Path) -> dict[str, Any]:
    source = YamlSource.read(file)
    agents = source.data.get("agents") if isinstance(source.data, dict) else None
    found = agents.get("crm") if isinstance(agents, dict) else None
    if not isinstance(found, dict):
        fail(f"{source.at(('agents', 'crm'))}: no settings of crm stand there")
    given: dict[str, Any] = without_secrets(found)
    if wrong := problems(given):
        raise FileError([f"{source.at(('agents', 'crm', *one.path))}: {one.what}" for one in wrong])
    return given


def _of_tenant(name: str) -> dict[str, Any]:
    known = read_tenants(load(KafkaSettings))
    if name not in known:
        fail(f"no tenant {name!r}; there are {', '.join(sorted(known)) or 'none'}")
    given: dict[str, Any] = without_secrets(known[name].agents.get("crm", {}))
    if wrong := problems(given):
        fail("\n".join(f"agents.crm.{'.'.join(map(str, one.path))}: {one.what}" for one in wrong))
    return given


def _read(path: Path) -> list[InboundEvent]:
    try:
        value = msgspec.json.decode(path.read_bytes())
        return msgspec.convert(value if isinstance(value, list) else [value], list[InboundEvent])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        fail(f"{path}: {error}")
