"""What is wrong with a tenant's settings of a built-in agent, before they are stored.

`debounce` may stand among the settings of any agent. Beside each built-in agent stands `problems(settings)`, in the
module that the registry names; an agent without one takes anything else. Secrets are given to it as `Secret`, so that
it can tell one from a text that stands in the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from processors.agents import debounce
from processors.agents.registry import BUILT_IN

HOST_OPTIONS = frozenset(("debounce", "transcript"))
"""What any agent's settings may say besides: the host looks at it, and the agent does not."""


def own(settings: Mapping[str, Any]) -> dict[str, Any]:
    """An agent's settings without those that the host looks at."""
    return {name: value for name, value in settings.items() if name not in HOST_OPTIONS}


class Problem(NamedTuple):
    """Where it stands among the agent's settings, and what to write instead. It never quotes a secret."""

    path: tuple[str | int, ...]
    what: str


def problems(kind: str, settings: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the settings of an agent type: those that any agent may have, and those of a built-in one."""
    wrong = [Problem(path, what) for path, what in debounce.problems(settings)]
    module = BUILT_IN.get(kind, "").partition(":")[0]
    if not module:
        return wrong
    settings = {name: value for name, value in settings.items() if name != debounce.SETTING}
    check: Callable[[Mapping[str, Any]], Iterable[Problem]] | None
    check = getattr(importlib.import_module(module), "problems", None)
    return wrong + (list(check(settings)) if check else [])
