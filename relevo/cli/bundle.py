"""A bundle: a command whose arguments and options are the fields of a dataclass, so that it has one parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


def bundled(kind: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """`@app.command()` over it sees each field as an option; its annotation says of which kind."""
    hints = get_type_hints(kind, include_extras=True)
    named = [(one.name, one.default) for one in fields(kind)]  # type: ignore[arg-type]
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if default is MISSING else default,
            annotation=hints[name],
        )
        for name, default in named
    ]

    def wrapped(command: Callable[[T], None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            command(kind(**given))

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {name: hints[name] for name, _ in named}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return wrapped
