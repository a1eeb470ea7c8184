"""What is wrong with a tenant's settings of a built-in agent, before they are stored.

Beside each built-in agent stands `problems(settings)`, in the module that the registry names; an agent without one
takes anything. Secrets are given to it as `Secret`, so that it can tell one from a text that stands in the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from processors.agents.registry import BUILT_IN


class Problem(NamedTuple):
    """Where it stands among the agent's settings, and what to write instead. It never quotes a secret."""

    path: tuple[str | int, ...]
    what: str


def problems(kind: str, settings: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the settings of an agent type, nothing if they can be used or the agent is not ours."""
    module = BUILT_IN.get(kind, "").partition(":")[0]
    if not module:
        return []
    check: Callable[[Mapping[str, Any]], Iterable[Problem]] | None
    check = getattr(importlib.import_module(module), "problems", None)
    return list(check(settings)) if check else []
