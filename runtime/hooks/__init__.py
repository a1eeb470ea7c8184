"""Signed calls to addresses that tenants give: one attempt, one outcome, never into the private network."""

from runtime.hooks.breaker import Breaker
from runtime.hooks.call import Answer, Call, Calls, Outcome
from runtime.hooks.caller import Caller
from runtime.hooks.connect import connected
from runtime.hooks.headers import header_problem
from runtime.hooks.signing import SecretError, WrongSignature, new_secret, secret_problem, signed, verify

__all__ = [
    "Answer",
    "Breaker",
    "Call",
    "Caller",
    "Calls",
    "Outcome",
    "SecretError",
    "WrongSignature",
    "connected",
    "header_problem",
    "new_secret",
    "secret_problem",
    "signed",
    "verify",
]
