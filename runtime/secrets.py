"""Secrets: a ring of keys that encrypts fields, and the hashes by which webhook secrets are known.

A `KeyRing` encrypts with its first key and decrypts with any. The text form is `v1.<key id>.<base64url of nonce and
ciphertext>`, AES-256-GCM; the context (for example `tenant|acme|isv`) is authenticated, so that a field that was
copied to another place does not open there. Keys have 96-bit random nonces: add a new first key long before 2^32
encryptions. Leaves to callers: which context a field has, and where the file comes from (`RELEVO_KEYS_FILE`).
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
_VERSION = "v1"
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class KeyRingError(Exception):
    """The file of the key ring is unusable; says where and why, never a key."""


class DecryptionError(Exception):
    """An encrypted text could not be opened; says why as far as that can be known."""


class UnknownKey(DecryptionError):
    """The text was encrypted with a key that is not on the ring (any more)."""


class Secret(str):
    """A secret's text that shows itself to nobody by accident: its `repr` is hidden, and no record takes it."""

    def __repr__(self) -> str:
        return "[hidden]"


class KeyRing:
    """Keys by id; the first encrypts, all of them decrypt."""

    def __init__(self, keys: Iterable[tuple[str, bytes]]) -> None:
        """`keys` are pairs of id and 32 bytes. Raises `KeyRingError`."""
        self._ciphers: dict[str, AESGCM] = {}
        for key_id, key in keys:
            if not _KEY_ID.fullmatch(key_id):
                raise KeyRingError("a key id has 1 to 32 letters, digits, '-' or '_'")
            if key_id in self._ciphers:
                raise KeyRingError(f"key id {key_id} is there twice")
            if len(key) != KEY_BYTES:
                raise KeyRingError(f"key {key_id} has {len(key)} bytes instead of {KEY_BYTES}")
            self._ciphers[key_id] = AESGCM(key)
        if not self._ciphers:
            raise KeyRingError("the key ring has no key")
        self._first = next(iter(self._ciphers))

    @classmethod
    def load(cls, path: Path | str) -> "KeyRing":
        """The ring of a file. Raises `KeyRingError`."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise KeyRingError(f"cannot read the key ring {path} ({error.strerror})") from None
        except UnicodeDecodeError:
            raise KeyRingError(f"the key ring {path} is not UTF-8 text") from None
        try:
            return cls.parse(text)
        except KeyRingError as error:
            raise KeyRingError(f"{path}: {error}") from None

    @classmethod
    def named(cls, path: Path | None) -> "KeyRing":
        """The ring of the file that the setting names. Raises `KeyRingError`, also when it names none."""
        if path is None:
            raise KeyRingError(
                "RELEVO_KEYS_FILE is not set: passwords and tokens are encrypted; make one with: relevo keys new FILE"
            )
        return cls.load(path)

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """The ring of a text: lines `id:base64` (`#` comments), or JSON `[{"id": …, "key": base64}, …]`."""
        return cls(_parse_json(text) if text.lstrip().startswith(("[", "{")) else _parse_lines(text))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all keys, the encrypting one first."""
        return tuple(self._ciphers)

    def encrypt(self, plaintext: str, context: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, plaintext.encode(), _bound(self._first, context))
        return f"{_VERSION}.{self._first}.{_b64(nonce + sealed)}"

    def decrypt(self, token: str, context: str) -> str:
        """The plaintext. Raises `UnknownKey` or `DecryptionError`."""
        key_id, body = _parts(token)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(f"encrypted with key {key_id}, which is not on the key ring ({', '.join(self.ids)})")
        try:
            plain = cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], _bound(key_id, context))
        except InvalidTag:
            raise DecryptionError(
                f"does not open as {context!r} with key {key_id}: it was made for another place, was altered, or "
                "the key ring holds another key under this id"
            ) from None
        return plain.decode()

    def is_current(self, token: str) -> bool:
        """Whether the text was encrypted with the first key (else encrypt it anew after a rotation)."""
        return _parts(token)[0] == self._first


def generate_key(key_id: str) -> str:
    """A new line for the file of a key ring. Put it first to encrypt with it."""
    if not _KEY_ID.fullmatch(key_id):
        raise KeyRingError("a key id has 1 to 32 letters, digits, '-' or '_'")
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def new_webhook_secret() -> str:
    """256 random bits as 43 characters that fit into a URL; shown once, then only its digest is kept."""
    return secrets.token_urlsafe(32)


def secret_digest(secret: str) -> str:
    """SHA-256 (hex) of a webhook secret. A fast hash is right: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode(), other.encode())


def _bound(key_id: str, context: str) -> bytes:
    return f"{_VERSION}.{key_id}.{context}".encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _parts(token: str) -> tuple[str, bytes]:
    version, _, rest = token.partition(".")
    key_id, _, body = rest.partition(".")
    if version != _VERSION or not _KEY_ID.fullmatch(key_id) or not re.fullmatch(r"[A-Za-z0-9_-]+", body):
        raise DecryptionError(f"not an encrypted text of the form {_VERSION}.<key id>.<base64url>")
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise DecryptionError("the encrypted text is cut off or altered") from None
    if len(raw) < NONCE_BYTES + 16:
        raise DecryptionError("the encrypted text is cut off")
    return key_id, raw


def _key(where: str, text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), altchars=None, validate=True)
    except (binascii.Error, ValueError):
        raise KeyRingError(f"{where}: the key is not base64") from None


def _parse_lines(text: str) -> list[tuple[str, bytes]]:
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key_id, colon, value = line.partition(":")
        if not colon:
            raise KeyRingError(f"line {number}: needs the form id:base64")
        keys.append((key_id.strip(), _key(f"line {number}", value)))
    return keys


def _parse_json(text: str) -> list[tuple[str, bytes]]:
    try:
        entries = json.loads(text)
    except ValueError:
        raise KeyRingError("the key ring begins like JSON but is none") from None
    keys = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries], 1):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("id", "key")):
            raise KeyRingError(f'entry {number}: needs the form {{"id": …, "key": base64}}')
        keys.append((entry["id"], _key(f"entry {number}", entry["key"])))
    return keys
