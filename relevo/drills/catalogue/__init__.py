"""All drills. Each module of this package has some, as `DRILLS`, a sequence of `Drill`; a name is given once."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from relevo.drills.drill import Drill


def drills() -> dict[str, Drill]:
    """By name, in the order of the modules. Raises ValueError for a name that is given twice."""
    return by_name(drill for module in _modules() for drill in module)


def by_name(found: Iterable[Drill]) -> dict[str, Drill]:
    """Raises ValueError for a name that is given twice."""
    named: dict[str, Drill] = {}
    for drill in found:
        if drill.name in named:
            raise ValueError(f"two drills are called {drill.name}")
        named[drill.name] = drill
    return named


def _modules() -> Iterable[tuple[Drill, ...]]:
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        yield tuple(import_module(module.name).DRILLS)
