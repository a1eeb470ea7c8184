"""What a tenant's file says of a service that an agent calls: its address, the secrets that sign, further headers.

The same for `http`, `crm` and `desk`: what may stand there, and that none of it is repeated in a dead letter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from yarl import URL

from processors.agents.checks import Problem
from runtime.hooks import header_problem, secret_problem
from runtime.secrets import Secret

_BEARER = "Bearer "
_OUTSIDE = "a secret is given as {env: NAME} or {file: PATH}, never as text"


def address_problem(text: str, *, plain: bool) -> str:
    """What is wrong with an address; `plain` allows http."""
    try:
        url = URL(text)
        usable = url.scheme in ("https", "http") and url.host and url.port
    except ValueError:
        usable = False
    if not usable:
        return "an address of the form https://host/path"
    if url.user is not None or url.password is not None:
        return "must not carry a user name or password; give them in `headers`"
    if url.scheme == "http" and not plain:
        return "needs https://; in a network of your own `plain: true` allows http://"
    return ""


def secret_problems(given: object, name: str = "secret") -> Iterator[Problem]:
    """What is wrong with the secrets that sign: one, or a list."""
    for index, one in enumerate(given if isinstance(given, list) else [given]):
        path = (name, index) if isinstance(given, list) else (name,)
        if not isinstance(one, Secret):
            yield Problem(path, _OUTSIDE)
        elif what := secret_problem(one):
            yield Problem(path, what)


def header_problems(headers: Mapping[str, str], taken: Collection[str] = ()) -> Iterator[Problem]:
    """What is wrong with further headers; those that are `taken` (lower case) the agent sets itself."""
    for name, value in headers.items():
        what = "this header is set by Relevo" if name.lower() in taken else header_problem(name, value)
        if what:
            yield Problem(("headers", name), what)


def hidden(said: str, secrets: Iterable[str]) -> str:
    """What a service said, without secrets of ours that it may have repeated."""
    for secret in secrets:
        for text in (secret, secret.removeprefix(_BEARER)):
            said = said.replace(text, "[hidden]") if text else said
    return said
