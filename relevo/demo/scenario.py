"""Who takes part in the demo: two tenants with two lines each, their files, and the Chattigo that serves them.

Passwords are made for each run; they open nothing but the simulator.
"""

from __future__ import annotations

import csv
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from sandbox.chattigo.config import BASES, Account, Config, Line, Service, Template
from sandbox.chattigo.knobs import Knobs, patch
from schemas.campaign import Canary

MENU = Path(__file__).with_name("menu.yaml")
PASSWORD_ENV = "RELEVO_DEMO_PASSWORD"


class DemoLine(NamedTuple):
    """A number, and whether its chats come as WhatsApp envelopes (`cloud`) or in Chattigo's own form (`flat`)."""

    did: str
    flat: bool = False


class DemoTenant(NamedTuple):
    """A client company of the demo."""

    tenant: str
    name: str
    lines: tuple[DemoLine, ...]


class DemoCampaign(NamedTuple):
    """A mass send: so many people, one template, on the tenant's first line; of `canary` receipts are waited for."""

    tenant: str
    template: str
    recipients: int
    columns: tuple[str, ...]
    canary: Canary | None = None


SHOP = DemoTenant("tienda", "Tienda del Sur", (DemoLine("56911111111"), DemoLine("56911111112")))
BANK = DemoTenant("banco", "Banco Andino", (DemoLine("56922222221"), DemoLine("56922222222", flat=True)))
TENANTS = (SHOP, BANK)
CAMPAIGNS = (
    DemoCampaign("tienda", "order_update", 2500, ("nombre", "pedido"), Canary(count=100, wait_s=15)),
    DemoCampaign("banco", "payment_reminder", 700, ("nombre",)),
)
TEMPLATES = {"order_update": 2, "payment_reminder": 1}

# The account whose token dies in the middle, and the flat line on which a human takes over.
DYING = ("isv", "tienda@demo")
HANDOFF = (BANK.lines[1].did, "56977777777")


def username(tenant: DemoTenant) -> str:
    """The tenant's user at each of Chattigo's services."""
    return f"{tenant.tenant}@demo"


def with_lines(dids: Sequence[str]) -> tuple[DemoTenant, ...]:
    """The tenants when captured webhooks are played: the first also has every number that they name."""
    known = {line.did for tenant in TENANTS for line in tenant.lines}
    more = tuple(DemoLine(did) for did in dict.fromkeys(dids) if did not in known)
    return (SHOP._replace(lines=SHOP.lines + more), BANK)


def services(tenant: DemoTenant) -> list[Service]:
    """The services at which the tenant has an account."""
    kinds: list[Service] = ["isv", "hsm"]
    return [*kinds, "bot"] if any(line.flat for line in tenant.lines) else kinds


def tenant_file(tenant: DemoTenant, chattigo: str) -> str:
    """The tenant's file, as an ISV would write it."""
    accounts = {
        service: {
            "service": service,
            "base": chattigo + BASES[service],
            "username": username(tenant),
            "password": {"env": PASSWORD_ENV},
            "auth": "raw" if service == "isv" else "bearer",
            "destination_ids": service == "hsm",
            "hsm_id": "int31" if service == "hsm" else "int53",  # the narrowest: taken whatever the sandbox is set to
        }
        for service in services(tenant)
    }
    data: dict[str, Any] = {
        "tenant": tenant.tenant,
        "name": tenant.name,
        "secrets": {"webhook": ["auto"]},
        "accounts": accounts,
        "lines": [
            {"did": line.did, "sends": "bot" if line.flat else "isv", "templates": "hsm"} for line in tenant.lines
        ],
        "templates": [
            {"name": name, "language": "es", "category": "utility", "body": body} for name, body in TEMPLATES.items()
        ],
        "agents": {"menu": {"file": str(MENU)}},
        "routing": {"route": [{"to": "menu"}]},
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def chattigo_config(
    tenants: Sequence[DemoTenant],
    password: str,
    ledger: Path,
    seed: int,
    profile: str = "",
    templates: Mapping[str, int] = TEMPLATES,
) -> Config:
    """The simulated Chattigo, with its usual troubles: duplicates, several events in a POST, lost receipts; or with
    those of a profile. `templates` are names with how many parameters they take; with none every template exists.
    """
    knobs = Knobs()
    usual = {"webhooks": {"duplicate": 0.05, "lanes": 16}, "receipts": {"array": True, "read_s": (0.2, 1.0)}}
    patch(knobs, {"allow_http": True} if profile else {"allow_http": True, **usual})
    return Config(
        accounts=[
            Account(
                service=service,
                username=username(tenant),
                password=password,
                dids=[line.did for line in tenant.lines],
            )
            for tenant in tenants
            for service in services(tenant)
        ],
        lines=[
            Line(did=line.did, kind="flat" if line.flat else "cloud") for tenant in tenants for line in tenant.lines
        ],
        templates=[Template(name=name, parameters=count) for name, count in templates.items()],
        seed=seed,
        ledger=str(ledger),
        knobs=knobs,
        profile=profile,
    ).check()


def new_password() -> str:
    """A password of this run."""
    return secrets.token_urlsafe(12)


def write_recipients(campaign: DemoCampaign, folder: Path) -> Path:
    """The campaign's CSV: Chilean mobiles that no customer of the demo has."""
    file = folder / f"{campaign.template}.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("telefono", *campaign.columns))
        for number in range(campaign.recipients):
            values = (f"Persona {number}", f"P-{number:05}")[: len(campaign.columns)]
            writer.writerow((f"569{60_000_000 + number}", *values))
    return file
