"""What the read model of the tenants promises, without a broker."""

import logging
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import metrics
from runtime.secrets import secret_digest
from runtime.settings import KafkaSettings
from runtime.tenants import Conflict, Grant, Snapshot, Tenants
from schemas.record import encode
from schemas.tenant import Account, Line, Tenant, WebhookSecret

OLD, NEW = secret_digest("old"), secret_digest("new")


class Message(NamedTuple):
    """A record as confluent-kafka gives it."""

    k: bytes
    v: bytes | None
    o: int

    def key(self) -> bytes:
        return self.k

    def value(self) -> bytes | None:
        return self.v

    def offset(self) -> int:
        return self.o


def tenant(name: str, *dids: str, secrets: list[WebhookSecret] | None = None, active: bool = True) -> Tenant:
    return Tenant(tenant=name, lines=[Line(did=did) for did in dids], secrets=secrets or [], active=active)


def message(record: Tenant, offset: int) -> Message:
    return Message(record.tenant.encode(), encode(record), offset)


@pytest.fixture
def tenants() -> Tenants:
    return Tenants(KafkaSettings())


def test_a_tenant_is_found_by_name_number_secret_and_account(tenants: Tenants) -> None:
    account = Account(service="isv", base="https://x", username="u@acme", password="v1.k.x")
    secret = WebhookSecret(sha256=NEW)
    record = Tenant(tenant="acme", lines=[Line(did="569")], secrets=[secret], accounts={"main": account})
    tenants.apply([message(record, 0)])
    assert tenants.tenant("acme") == record == tenants.owner("569")
    assert tenants.line("569") == record.lines[0]
    assert tenants.by_secret(NEW, 0) == Grant(NEW, "acme", frozenset({"569"}))
    login = tenants.account("isv|u@acme")
    assert login is not None
    assert (login.tenant, login.name, login.account) == ("acme", "main", account)


def test_what_nobody_configured_is_not_found(tenants: Tenants) -> None:
    assert tenants.tenant("acme") is None
    assert tenants.line("569") is None
    assert tenants.owner("569") is None
    assert tenants.by_secret(NEW, 0) is None
    assert tenants.account("isv|u") is None


def test_two_secrets_hold_during_a_rotation_until_the_old_one_ends(tenants: Tenants) -> None:
    secrets = [WebhookSecret(sha256=NEW), WebhookSecret(sha256=OLD, until_ms=1000)]
    tenants.apply([message(tenant("acme", "569", secrets=secrets), 0)])
    assert tenants.by_secret(NEW, 999) is not None
    assert tenants.by_secret(OLD, 999) is not None
    assert tenants.by_secret(OLD, 1000) is None
    assert tenants.by_secret(NEW, 10**15) is not None


def test_a_secret_stands_for_its_lines_and_for_all_when_it_names_none(tenants: Tenants) -> None:
    secrets = [WebhookSecret(sha256=NEW, lines=["2", "elsewhere"]), WebhookSecret(sha256=OLD)]
    tenants.apply([message(tenant("acme", "1", "2", secrets=secrets), 0)])
    grants = tenants.snapshot.grants
    assert grants[NEW].lines == {"2"}
    assert grants[OLD].lines == {"1", "2"}


def test_a_digest_is_found_however_its_letters_are_written(tenants: Tenants) -> None:
    tenants.apply([message(tenant("acme", "1", secrets=[WebhookSecret(sha256=NEW.upper())]), 0)])
    assert tenants.by_secret(NEW, 0) is not None


def test_a_number_that_two_tenants_claim_is_the_later_ones_and_is_told(
    tenants: Tenants, caplog: pytest.LogCaptureFixture
) -> None:
    first = tenant("first", "1", "2", secrets=[WebhookSecret(sha256=OLD)])
    second = tenant("second", "2", secrets=[WebhookSecret(sha256=NEW)])
    with caplog.at_level(logging.WARNING):
        tenants.apply([message(first, 0), message(second, 1)])
    owner = tenants.owner("2")
    assert owner is not None
    assert owner.tenant == "second"
    assert tenants.snapshot.conflicts == (Conflict("line", "second", "first"),)
    assert metrics.PROCESS.value(metrics.TENANTS_CONFLICTS) == 1
    assert len(caplog.records) == 1
    # the loser's secret no longer opens the number
    assert tenants.snapshot.grants[OLD].lines == {"1"}
    assert tenants.snapshot.grants[NEW].lines == {"2"}


def test_a_conflict_is_told_once_and_ends_when_the_number_is_given_up(
    tenants: Tenants, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        tenants.apply([message(tenant("first", "1"), 0), message(tenant("second", "1"), 1)])
        tenants.apply([message(tenant("third", "3"), 2)])
    assert len(caplog.records) == 1
    tenants.apply([message(tenant("second"), 3)])
    assert tenants.snapshot.conflicts == ()
    owner = tenants.owner("1")
    assert owner is not None
    assert owner.tenant == "first"


def test_a_secret_that_two_tenants_claim_is_the_later_ones(tenants: Tenants) -> None:
    secret = [WebhookSecret(sha256=NEW)]
    tenants.apply([message(tenant("first", "1", secrets=secret), 0), message(tenant("second", "2", secrets=secret), 1)])
    assert tenants.snapshot.grants[NEW] == Grant(NEW, "second", frozenset({"2"}))
    assert Conflict("secret", "second", "first") in tenants.snapshot.conflicts


@given(st.permutations(range(4)), st.integers(1, 3))
def test_who_wins_depends_on_the_order_of_the_topic_not_of_the_batches(order: list[int], cut: int) -> None:
    messages = [message(tenant(f"t{n}", "1"), offset) for offset, n in enumerate(order)]
    whole, parts = Tenants(KafkaSettings()), Tenants(KafkaSettings())
    whole.apply(messages)
    parts.apply(messages[:cut])
    parts.apply(messages[cut:])
    assert whole.snapshot == parts.snapshot
    owner = whole.owner("1")
    assert owner is not None
    assert owner.tenant == f"t{order[-1]}"


def test_an_inactive_tenant_is_known_as_such(tenants: Tenants) -> None:
    tenants.apply([message(tenant("acme", "1", secrets=[WebhookSecret(sha256=NEW)], active=False), 0)])
    assert tenants.snapshot.grants[NEW].active is False
    owner = tenants.owner("1")
    assert owner is not None
    assert not owner.active


def test_a_tombstone_takes_everything_of_the_tenant_away(tenants: Tenants) -> None:
    tenants.apply([message(tenant("acme", "1", secrets=[WebhookSecret(sha256=NEW)]), 0)])
    tenants.apply([Message(b"acme", None, 1)])
    assert tenants.snapshot == Snapshot()


@pytest.mark.parametrize(
    ("reason", "bad"),
    [
        ("undecodable", Message(b"acme", b"{", 1)),
        ("undecodable", Message(b"acme", b'{"tenant": 7}', 1)),
        ("undecodable", Message(b"acme", b"\xff", 1)),
        ("wrong_key", message(tenant("other", "1"), 1)._replace(k=b"acme")),
    ],
)
def test_a_record_that_cannot_be_used_is_kept_out_and_the_one_before_stays(
    tenants: Tenants, reason: str, bad: Message, caplog: pytest.LogCaptureFixture
) -> None:
    before = metrics.PROCESS.value(metrics.TENANTS_REFUSED, reason=reason)
    good = tenant("acme", "1")
    with caplog.at_level(logging.ERROR):
        tenants.apply([message(good, 0), bad])
    assert tenants.snapshot.tenants == {"acme": good}
    assert metrics.PROCESS.value(metrics.TENANTS_REFUSED, reason=reason) == before + 1
    assert len(caplog.records) == 1


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"\xff"]), st.none() | st.binary(max_size=40)), max_size=8))
def test_no_bytes_are_fatal(records: list[tuple[bytes, bytes | None]]) -> None:
    tenants = Tenants(KafkaSettings())
    tenants.apply([Message(key, value, offset) for offset, (key, value) in enumerate(records)])
    assert set(tenants.snapshot.tenants) <= {"a", "b"}


def test_a_snapshot_is_swapped_whole_and_callbacks_get_the_new_one(tenants: Tenants) -> None:
    seen: list[Snapshot] = []
    tenants.on_change(seen.append)
    empty = tenants.snapshot
    tenants.apply([message(tenant("acme", "1"), 0)])
    tenants.apply([Message(b"nobody", None, 1)])  # changes nothing
    assert empty == Snapshot()
    assert seen == [tenants.snapshot]


def test_accounts_that_tenants_share_are_all_known_latest_first(tenants: Tenants) -> None:
    account = Account(service="hsm", base="https://x", username="u", password="p")
    for offset, name in enumerate(("first", "second")):
        tenants.apply([message(Tenant(tenant=name, accounts={"a": account}), offset)])
    assert [login.tenant for login in tenants.accounts["hsm|u"]] == ["second", "first"]


def test_it_is_not_ready_before_it_has_started(tenants: Tenants) -> None:
    assert not tenants.ready
