"""HTTP plumbing that servers and clients share: TLS, problem answers, access logs, client sessions, the SSRF guard."""

from runtime.http.access import AccessLogger
from runtime.http.client import AnswerTooLarge, RedirectRefused, client_session, read_limited
from runtime.http.guard import AddressRefused, Guard, GuardedResolver, check_url
from runtime.http.problem import problem
from runtime.http.tls import TlsError, server_context

__all__ = [
    "AccessLogger",
    "AddressRefused",
    "AnswerTooLarge",
    "Guard",
    "GuardedResolver",
    "RedirectRefused",
    "TlsError",
    "check_url",
    "client_session",
    "problem",
    "read_limited",
    "server_context",
]
