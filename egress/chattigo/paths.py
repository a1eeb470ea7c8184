"""Paths of the four services, after the account's base (Chattigo's facts, section 1)."""

from __future__ import annotations

from schemas.tenant import Account

LOGIN = "/login"
_BATCH = "/inbound"
_CONTROL = "/outbound"


def session_path(account: Account, did: str) -> str:
    """Where a session message goes: Meta's route with the number in it, or the API Bot's own."""
    return _CONTROL if account.service == "bot" else f"/{account.version}/{did}/messages"


def batch_path(account: Account) -> str:
    """Where a batch of templates goes; "inbound" is into Chattigo."""
    return _BATCH


def control_path(account: Account) -> str:
    """Where transfer, group, close and timeout go; only the API Bot knows them."""
    return _CONTROL


def url(account: Account, path: str) -> str:
    """The address of a path of the account's service."""
    return account.base.rstrip("/") + path
