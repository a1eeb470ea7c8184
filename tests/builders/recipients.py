"""Files of recipients, and a tenant that may send to them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from relevo.campaigns.intake import Taken
from schemas.campaign import Recipient
from schemas.tenant import Account, ButtonSpec, Line, TemplateSpec, Tenant

SPEC = TemplateSpec(name="order", language="es", category="marketing", body=2, buttons=[ButtonSpec(index=0)])
FIRST, SECOND = "56221111101", "56221111102"


def shop(**fields: Any) -> Tenant:
    """A tenant with two lines that send templates, one that does not, and the template `order`."""
    account = Account(service="hsm", base="https://x", username="u", password="")
    lines = [Line(did="56900000000"), *(Line(did=did, templates="hsm") for did in (FIRST, SECOND))]
    return Tenant(**{"tenant": "shop", "accounts": {"hsm": account}, "lines": lines, "templates": [SPEC], **fields})


def csv_file(file: Path, rows: Iterable[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Rows as Python's own writer quotes them."""
    with file.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)
    return file


def mobile(number: int) -> str:
    """A Chilean mobile."""
    return f"569{number:08d}"


def taken(count: int) -> list[Taken]:
    """Recipients from row 2 on."""
    return [Taken(n + 2, Recipient(mobile(n))) for n in range(count)]
