"""TLS of our servers, from files."""

import ssl
from pathlib import Path


class TlsError(Exception):
    """Certificate and key cannot be used; says which file and why."""


def server_context(cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext | None:
    """What a server needs for TLS 1.2 and later, or None when no files are given. Raises `TlsError`."""
    if cert_file is None or key_file is None:
        if cert_file is not key_file:
            raise TlsError("certificate and key go together")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # without a password callback OpenSSL would ask at the terminal, for ever
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or "unusable"
        raise TlsError(f"certificate {cert_file} with key {key_file}: {reason}") from None
    return context


def _no_password() -> str:
    return ""
