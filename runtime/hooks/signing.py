"""Signatures of webhooks as Standard Webhooks has them: HMAC-SHA256 over id, time and body.

Promises: what is signed here verifies with any library for Standard Webhooks, and the other way round. With several
secrets each signs, so that a receiver may change its secret without losing a call. Pure. Leaves to the receiver: to
act once on an id that it saw already.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
TOLERANCE_S = 300
_VERSION = "v1"
_LEAST, _MOST = 24, 64  # bytes of a secret


class SecretError(ValueError):
    """A text that cannot be a secret; never quotes it."""


class WrongSignature(Exception):
    """Headers and body that were not signed with any of the secrets, or not lately; says which."""


def new_secret() -> str:
    """256 random bits in the form that libraries take."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_problem(secret: str) -> str:
    """What is wrong with a secret and what to do; empty if it can be used."""
    try:
        _key(secret)
    except SecretError as error:
        return str(error)
    return ""


def signed(keys: Iterable[str], message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of a call. Raises `SecretError`."""
    found = {ID: message_id, TIMESTAMP: str(at_s)}
    signatures = [f"{_VERSION},{base64.b64encode(_mac(key, message_id, at_s, body)).decode()}" for key in keys]
    return found | ({SIGNATURE: " ".join(signatures)} if signatures else {})


def verify(
    keys: Iterable[str], headers: Mapping[str, str], body: bytes, now_s: float, tolerance_s: float = TOLERANCE_S
) -> None:
    """Raises `WrongSignature` unless one of the secrets signed the body lately, and `SecretError`."""
    given = {name.lower(): value for name, value in headers.items()}
    message_id, at, shown = (given.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (message_id and at and shown):
        raise WrongSignature(f"needs the headers {ID}, {TIMESTAMP} and {SIGNATURE}")
    if not (at.isascii() and at.isdigit() and len(at) < 12):
        raise WrongSignature(f"{TIMESTAMP} must be seconds since 1970")
    if abs(int(at) - now_s) > tolerance_s:
        raise WrongSignature(f"{TIMESTAMP} is more than {tolerance_s:g} s off")
    expected = [_mac(key, message_id, int(at), body) for key in keys]
    found = list(_signatures(shown))
    if not any(hmac.compare_digest(one, other) for one in expected for other in found):
        raise WrongSignature("no signature is of a secret that is known here")


def _signatures(shown: str) -> Iterable[bytes]:
    for one in shown.split():
        version, _, text = one.partition(",")
        if version != _VERSION:
            continue
        try:
            yield base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue  # it is no signature, and so none that fits


def _mac(secret: str, message_id: str, at_s: int, body: bytes) -> bytes:
    return hmac.new(_key(secret), f"{message_id}.{at_s}.".encode() + body, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        raise SecretError(f"a secret begins with {PREFIX}; make one with: echo {PREFIX}$(openssl rand -base64 32)")
    text = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError(f"what follows {PREFIX} must be base64, as openssl rand -base64 32 gives it") from None
    if not _LEAST <= len(key) <= _MOST:
        raise SecretError(f"a secret has {_LEAST} to {_MOST} bytes (in base64), not {len(key)}")
    return key
