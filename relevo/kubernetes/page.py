"""The reference page of permissions: for who gives them by hand, where no operator does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from relevo.kubernetes.permissions import User, users

Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]
_ABOUT = (
    "What the user of each service may do where Kafka has an authorizer, and nothing else. `agents` is one user for "
    "each type of agents: `<own>` is its type, `<each>` each other type (for the users besides, each type). Read and "
    "Write bring Describe along. A name that ends in `*` is a prefix. With Strimzi the chart makes these users "
    "([kubernetes.md](../kubernetes.md#kafka)); `tests/kafka/test_service_acls.py` lets all services work with them "
    "and nothing more. Who runs `relevo topics apply` also needs Create of the cluster, and Alter, AlterConfigs and "
    "DescribeConfigs of the topics."
)


def page(made: str, table: Table) -> str:
    """The page; `made` is the first line that all such pages have."""
    parts = [made, "# Permissions in Kafka", _ABOUT]
    for user in users():
        parts += [f"## {user.name}", f"Who {user.purpose}."]
        parts.append(table(("resource", "name", "operations"), _rows(user)))
    return "\n\n".join(parts) + "\n"


def _rows(user: User) -> Iterable[tuple[str, ...]]:
    for grant in user.grants:
        name = grant.name + ("*" if grant.pattern == "prefix" else "")
        yield grant.resource, f"`{name}`", ", ".join(grant.operations)
