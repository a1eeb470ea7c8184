"""Which account a key stands for, as the tenants say it, and where they disagree. Pure.

Tenants may share an account. The declaration that was applied last counts; another one that names another address is
a conflict: its tenant gets no token, since a token opens only for the address that gave it.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from runtime.secrets import DecryptionError, KeyRing
from runtime.tenants import Login, Snapshot
from schemas.tenant import password_context


class Conflict(NamedTuple):
    """Two active tenants name the same account at different addresses; `loser` gets no token."""

    account: str
    winner: str
    loser: str


class Book(NamedTuple):
    """`logins` by account key; `conflicts` in a fixed order."""

    logins: dict[str, Login]
    conflicts: tuple[Conflict, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Book:
        """The accounts of active tenants."""
        active = {name for name, tenant in snapshot.tenants.items() if tenant.active}
        declared = {
            key: [entry for entry in found if entry.tenant in active] for key, found in snapshot.accounts.items()
        }
        logins = {key: found[0] for key, found in declared.items() if found}
        disputes = (
            Conflict(key, logins[key].tenant, other.tenant)
            for key, found in declared.items()
            for other in found[1:]
            if _address(other) != _address(logins[key])
        )
        return cls(logins, tuple(sorted(set(disputes))))

    def digests(self, ring: KeyRing) -> dict[str, str]:
        """A digest of each account's declaration: it changes with the address, the user and the password alone."""
        return {key: digest(login, ring) for key, login in self.logins.items()}


def digest(login: Login, ring: KeyRing) -> str:
    """Of what a login is made with. The password goes in as it is in clear, since the same one is encrypted
    differently each time that a tenant is applied; so keep the digest in memory, or encrypted."""
    account = login.account
    try:
        password = ring.decrypt(account.password, password_context(login.tenant, login.name))
    except DecryptionError:
        password = account.password  # no login can be made with it; another text is another chance
    text = "\n".join((_address(login), account.username, password))
    return hashlib.sha256(text.encode()).hexdigest()


def _address(login: Login) -> str:
    return login.account.base.rstrip("/")
