"""`relevo tenants`: the client companies' configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from relevo.cli.console import err, out, say
from relevo.tenants.file import TenantFile
from relevo.tenants.store import check_conflicts, read_tenants, standing_tenants, write_tenant
from relevo.tenants.yaml_source import YamlSource
from runtime.clock import now_ms
from runtime.secrets import KeyRing
from runtime.settings import KafkaSettings, KeysSettings, ProcessorSettings, load

app = typer.Typer(help="The client companies' configuration.", no_args_is_help=True)


@app.command()
def apply(
    files: Annotated[list[Path], typer.Argument(help="Tenant files (YAML).")],
    url: Annotated[str, typer.Option(help="The public address of the webhooks, to print them whole.")] = "",
) -> None:
    """Write tenants as their files say. Every mistake is named with its line, and then nothing is written."""
    settings, ring, agents = load(KafkaSettings), KeyRing.named(load(KeysSettings).file), load(ProcessorSettings).agents
    standing = standing_tenants(settings, _broken)
    applied = []
    for file in files:
        source = YamlSource.read(file)
        name = source.data.get("tenant") if isinstance(source.data, dict) else None
        one = TenantFile(source, ring, agents=agents).tenant(standing.get(str(name)), now_ms())
        check_conflicts(one.tenant, standing)
        standing[one.tenant.tenant] = one.tenant
        applied.append(one)
    for one in applied:
        asyncio.run(write_tenant(settings, one.tenant))
        say(f"{one.tenant.tenant}: {len(one.tenant.lines)} lines, {len(one.tenant.accounts)} accounts")
        for secret in one.new_secrets:
            say("  its webhook, shown only now:")
            say(f"  {url.rstrip('/')}/v1/webhooks/{secret}")


def _broken(name: str, why: str) -> None:
    """Applying a file again is what mends such a record, so it must not be in the way."""
    err.print(
        f"tenant {name}: its newest record cannot be read ({why}); the one before it stands, if Kafka keeps it still, "
        "and else its webhook secrets are gone too: it gets new ones",
        style="yellow",
        markup=False,
        soft_wrap=True,
    )


@app.command("ls")
def list_tenants() -> None:
    """The tenants as they stand."""
    names = ("tenant", "name", "active", "lines", "accounts", "templates", "agents")
    table = Table(*(Column(name, overflow="fold") for name in names))
    for tenant in read_tenants(load(KafkaSettings)).values():
        table.add_row(
            tenant.tenant,
            tenant.name,
            "yes" if tenant.active else "no",
            "\n".join(line.did for line in tenant.lines),
            "\n".join(account.key for account in tenant.accounts.values()),
            "\n".join(template.name for template in tenant.templates),
            ", ".join(tenant.agents),
        )
    out.print(table)
