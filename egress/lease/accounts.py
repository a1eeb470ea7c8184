"""Which account a key stands for, as the tenants say it, and where they disagree. Pure.

Tenants may share an account. The declaration that was applied last counts; another one that names another address is
a conflict: its tenant gets no token, since a token opens only for the address that gave it.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from runtime.tenants import Login, Snapshot


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

    def digests(self) -> dict[str, str]:
        """A digest of each account's declaration: it changes with the address and with the password."""
        return {key: digest(login) for key, login in self.logins.items()}


def digest(login: Login) -> str:
    """Of what a login is made with; the password goes in as it is stored, encrypted."""
    text = "\n".join((login.tenant, login.name, _address(login), login.account.username, login.account.password))
    return hashlib.sha256(text.encode()).hexdigest()


def _address(login: Login) -> str:
    return login.account.base.rstrip("/")
