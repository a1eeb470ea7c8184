"""Tenants may share an account; where they disagree, the last word counts and the other goes without."""

from __future__ import annotations

from egress.lease.accounts import Book, Conflict
from runtime.tenants import Snapshot
from schemas.tenant import Account, Tenant, password_context
from tests.builders.tokens import RING


def tenant(name: str, base: str, password: str = "p", *, active: bool = True) -> Tenant:
    login = Account(service="isv", base=base, username="u@c", password=password)
    return Tenant(tenant=name, active=active, accounts={"isv": login})


def book(*records: Tenant) -> Book:
    return Book.of(Snapshot.of(records))


def test_a_shared_account_is_one_login_by_the_last_declaration() -> None:
    found = book(tenant("a", "https://x", "old"), tenant("b", "https://x/", "new"))
    assert found.logins["isv|u@c"].tenant == "b"
    assert found.conflicts == ()


def test_another_address_is_a_conflict() -> None:
    found = book(tenant("a", "https://x"), tenant("b", "https://y"))
    assert found.conflicts == (Conflict("isv|u@c", "b", "a"),)


def test_an_inactive_tenant_has_no_word() -> None:
    assert book(tenant("a", "https://x"), tenant("b", "https://y", active=False)).logins["isv|u@c"].tenant == "a"
    assert book(tenant("a", "https://x", active=False)).logins == {}


def test_the_digest_changes_with_address_user_and_password_alone() -> None:
    def digest(password: str, base: str = "https://x", name: str = "a") -> str:
        sealed = RING.encrypt(password, password_context(name, "isv"))
        (found,) = book(tenant(name, base, sealed)).digests(RING).values()
        return found

    one = digest("p")
    assert digest("p", "https://x/") == one, "each time that a tenant is applied its password is encrypted anew"
    assert digest("p", name="b") == one, "tenants who share an account"
    assert digest("p", "https://y") != one
    assert digest("q") != one


def test_a_password_that_does_not_open_has_a_digest_of_its_own() -> None:
    closed = book(tenant("a", "https://x", "v1.k9.AAAA")).digests(RING)
    assert closed != book(tenant("a", "https://x", "v1.k9.BBBB")).digests(RING)
