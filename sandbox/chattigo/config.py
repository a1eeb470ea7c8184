"""What a simulated Chattigo is made of: accounts, lines, templates, knobs, one seed, and where the ledger is
kept.

Promises: a file with an unknown field or a wrong type is refused with the path of the field. Passwords are plain
text: they open nothing but the simulator.
"""

import re
from pathlib import Path
from typing import Literal

import msgspec

from sandbox.chattigo.knobs import Knobs

Service = Literal["isv", "hsm", "bot"]
BASES: dict[Service, str] = {"isv": "/bsp-cloud-chattigo-isv", "hsm": "/message", "bot": "/api-bot"}


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """One login of one service and the lines that it may use; a token belongs to (service, username)."""

    service: Service
    username: str
    password: str
    dids: list[str]
    id_client: int = 1001


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One WhatsApp business number.

    `kind`: `cloud` gets WhatsApp envelopes, `flat` gets Chattigo's own objects. `webhook`: where customers'
    messages and receipts go unless registered otherwise; `notifications`: a second address for receipts, if there
    is one (Q15).
    """

    did: str
    kind: Literal["cloud", "flat"] = "cloud"
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


class Looks(msgspec.Struct, forbid_unknown_fields=True):
    """How a template looks on a phone: `{{1}}` in `header` and `body` stands for a variable; `buttons` are labels."""

    body: str = ""
    header: str = ""
    footer: str = ""
    buttons: list[str] = []


class Template(msgspec.Struct, forbid_unknown_fields=True):
    """An approved template; `parameters` is the number of body variables, unchecked when None; `looks` is for the page
    alone.
    """

    name: str
    language: str = "es"
    category: Literal["utility", "marketing", "authentication"] = "utility"
    parameters: int | None = None
    looks: Looks = msgspec.field(default_factory=Looks)


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """The whole simulator. With no `templates` every template exists; with no `ledger` it is kept in a temporary
    folder.
    """

    accounts: list[Account]
    lines: list[Line]
    templates: list[Template] = []
    seed: int = 1
    ledger: str | None = None
    knobs: Knobs = msgspec.field(default_factory=Knobs)

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
    return msgspec.yaml.decode(Path(path).read_bytes(), type=Config).check()
