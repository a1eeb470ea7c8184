"""Tenants as they stand: a record that cannot be read is told, and the one before it stays in force."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from relevo.tenants import store
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
