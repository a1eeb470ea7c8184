"""What a simulated Chattigo is made of: accounts, lines, templates, knobs, one seed, and where the ledger is
kept.

Promises: a file with an unknown field or a wrong type is refused with the path of the field. Passwords are plain
text: they open nothing but the simulator.
"""

import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from sandbox.chattigo.knobs import Knobs, own
from sandbox.chattigo.templates import Looks, Template

__all__ = ["BASES", "Account", "Config", "Line", "Looks", "Service", "Template", "load", "standard", "written"]

Service = Literal["isv", "hsm", "bot", "channel"]
BASES: dict[Service, str] = {
    "isv": "/bsp-cloud-chattigo-isv",
    "hsm": "/message",
    "bot": "/api-bot",
    "channel": "/webhook-chattigo",
}


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """One login of one service and the lines that it may use; a token belongs to (service, username)."""

    service: Service
    username: str
    password: str
    dids: list[str]
    id_client: int = 1001


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One WhatsApp business number.

    `kind`: `cloud` gets WhatsApp envelopes, `flat` gets Chattigo's own objects; `channel` is no number of WhatsApp but
    a client's own channel, which gets what agents answer. `webhook`: where customers'
    messages and receipts go unless registered otherwise; `notifications`: a second address for receipts, if there
    is one (Q15).
    """

    did: str
    kind: Literal["cloud", "flat", "channel"] = "cloud"
    webhook: str | None = None
    notifications: str | None = None
    id_campaign: int = 501
    channel_id: int = 71

    @property
    def phone_number_id(self) -> str:
        """Meta's id of the number: never the did."""
        return "10" + self.did[::-1]

    @property
    def waba_id(self) -> str:
        """Meta's id of the business account."""
        return "20" + self.did[::-1]


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """The whole simulator. With no `templates` every template exists; with no `ledger` it is kept in a temporary
    folder. `profile`: the name or the file of the knobs to start from; `own`: those that hold in every profile
    (`load` puts the file's own there; without it they are all that differ from the defaults).
    """

    accounts: list[Account]
    lines: list[Line]
    templates: list[Template] = []
    seed: int = 1
    ledger: str | None = None
    knobs: Knobs = msgspec.field(default_factory=Knobs)
    profile: str = ""
    own: dict[str, Any] | None = None

    def check(self) -> "Config":
        """Itself, or ValueError that says which did or account is wrong."""
        dids = [line.did for line in self.lines]
        for did in dids:
            if not re.fullmatch(r"[0-9]{10,15}", did):
                raise ValueError(f"line {did!r}: a did is 10 to 15 digits")
        if len(set(dids)) != len(dids):
            raise ValueError("a did is listed twice")
        for account in self.accounts:
            for did in account.dids:
                if did not in dids:
                    raise ValueError(f"account {account.service}|{account.username}: no line {did}")
        return self


def load(path: str | Path) -> Config:
    """The configuration of a YAML (or JSON) file; raises msgspec.ValidationError, ValueError or OSError."""
    data = msgspec.yaml.decode(Path(path).read_bytes(), type=dict[str, Any])
    config = msgspec.convert(data, Config)
    config.own = data.get("knobs") or {}
    return config.check()


def standard() -> Config:
    """A configuration for looking around: one account for each service, password `sandbox`."""
    return load(Path(__file__).with_name("standard.yaml"))


def written(config: Config) -> bytes:
    """The configuration as a file, with those knobs alone that are not as by default."""
    data = msgspec.to_builtins(config)
    return msgspec.json.encode({**data, "knobs": own(config.knobs), "own": None})
