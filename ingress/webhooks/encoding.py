"""Encoding: bodies that come compressed, unpacked within the limit of size. Pure.

Nobody has seen Chattigo compress, but a proxy in between may, and a webhook must not be lost for that. What is stored
is the unpacked body. zlib stops at the limit, so a small body that unpacks to a huge one costs no more than the limit.
"""

from __future__ import annotations

import zlib

from ingress.webhooks import outcomes
from ingress.webhooks.outcomes import Refused

PLAIN = ("", "identity")
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's window bits of each framing


class BadEncoding(ValueError):
    """The bytes are not what Content-Encoding says."""


def check(encoding: str) -> str:
    """The coding in its usual spelling, before a body is read. Raises Refused for those that are not unpacked."""
    name = encoding.strip().lower().removeprefix("x-")
    if name in PLAIN or name in ("gzip", "deflate"):
        return name
    raise Refused(outcomes.UNKNOWN_ENCODING)


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The unpacked body of at most `limit` bytes. Raises Refused (too large) or BadEncoding."""
    if encoding in PLAIN:
        return body
    if encoding == "gzip":
        return _inflate(body, _GZIP, limit)
    try:
        return _inflate(body, _ZLIB, limit)
    except BadEncoding:
        # Some senders of "deflate" leave zlib's framing out.
        return _inflate(body, _RAW, limit)


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise BadEncoding from None
    if len(unpacked) > limit:
        raise Refused(outcomes.TOO_LARGE)
    if not unpacker.eof or unpacker.unused_data:
        raise BadEncoding
    return unpacked
