"""Tenants as they stand: a record that cannot be read is told, and the one before it stays in force."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from relevo.cli import tenants
from relevo.cli.program import app
from relevo.tenants import store
from runtime.secrets import generate_key
from runtime.settings import KafkaSettings
from schemas.record import RecordError, encode
from schemas.tenant import Tenant


class Written(NamedTuple):
    k: str
    v: bytes | None

    def key(self) -> bytes:
        return self.k.encode()

    def value(self) -> bytes | None:
        return self.v


def stand(monkeypatch: pytest.MonkeyPatch, *written: Written) -> tuple[dict[str, str], list[str]]:
    """(names by tenant, whose newest record cannot be read)."""
    monkeypatch.setattr(store, "read_partition", lambda *_: iter(written))
    broken: list[str] = []
    found = store.standing_tenants(KafkaSettings(), lambda name, why: broken.append(name))
    return {name: tenant.name for name, tenant in found.items()}, broken


def good(tenant: str, name: str = "") -> Written:
    return Written(tenant, encode(Tenant(tenant=tenant, name=name)))


def test_the_last_record_that_can_be_read_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, gone = Written("a", b"{"), Written("a", None)
    assert stand(monkeypatch, good("a", "1"), good("b"), bad) == ({"a": "1", "b": ""}, ["a"])
    assert stand(monkeypatch, good("a", "1"), bad, good("a", "2")) == ({"a": "2"}, [])
    assert stand(monkeypatch, bad) == ({}, ["a"])
    assert stand(monkeypatch, good("a"), bad, gone) == ({}, [])


def test_who_needs_all_of_them_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "read_partition", lambda *_: iter([good("a"), Written("b", b"{")]))
    with pytest.raises(RecordError, match=r"^tenant b: "):
        store.read_tenants(KafkaSettings())


def test_a_file_is_applied_over_a_record_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is what mends such a record, so the record must not be in the way."""
    (tmp_path / "keys").write_text(generate_key("k1") + "\n")
    (tmp_path / "a.yaml").write_text("tenant: a\nsecrets: {webhook: [auto]}\n")
    monkeypatch.setenv("RELEVO_KEYS_FILE", str(tmp_path / "keys"))
    monkeypatch.setattr(store, "read_partition", lambda *_: iter([good("b"), Written("a", b"{")]))
    written: list[Tenant] = []

    async def write(settings: KafkaSettings, tenant: Tenant) -> None:
        written.append(tenant)

    monkeypatch.setattr(tenants, "write_tenant", write)
    ran = CliRunner().invoke(app, ["tenants", "apply", str(tmp_path / "a.yaml")])
    assert (ran.exit_code, [one.tenant for one in written]) == (0, ["a"]), ran.stderr
    assert "tenant a: its newest record cannot be read" in ran.stderr
    assert "its webhook, shown only now:" in ran.stdout
