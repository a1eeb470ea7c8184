"""Where agents come from: the built-in ones, entry points of installed packages, or a module's path.

A package declares its agents in the entry point group `relevo.agents`; the entry's name is the agent's type:

    [project.entry-points."relevo.agents"]
    orders = "acme.bots:orders"

Without a package, `orders=acme.bots:orders` names type and function, and `acme.bots:orders` takes the function's name.
What is named may also be a `functools.partial` of such a function, or an object whose `__call__` is one.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from importlib.metadata import entry_points

from processors.agents.agent import Agent

GROUP = "relevo.agents"
_TYPE = re.compile(r"^[a-z][a-z0-9_-]{0,39}$")
BUILT_IN = {
    "crm": "processors.agents.builtin.crm.agent:crm",
    "desk": "processors.agents.builtin.desk:desk",
    "echo": "processors.agents.builtin.echo:echo",
    "handoff": "processors.agents.builtin.handoff:handoff",
    "http": "processors.agents.builtin.http.agent:http",
    "menu": "processors.agents.builtin.menu.agent:menu",
}
"""The agents that come along; `problems(settings)` beside one checks what a tenant's file says of it (`checks`)."""


class AgentNotFound(LookupError):
    """There is no such agent, or what stands under its name is none; the message says what to do."""


def names() -> list[str]:
    """All types that can be found by name."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})


def find(spec: str) -> Agent:
    """The agent that `spec` names: a type, `module:function`, or `type=module:function`. Raises AgentNotFound."""
    if ":" in spec:
        kind, _, path = spec.rpartition("=")
        return _load(kind or path.rpartition(":")[2], path)
    for entry in entry_points(group=GROUP):
        if entry.name == spec:
            return _load(spec, entry.value)
    if spec in BUILT_IN:
        return _load(spec, BUILT_IN[spec])
    raise AgentNotFound(f"no agent is called {spec!r}; there are {', '.join(names())}; or give module:function")


def _load(kind: str, path: str) -> Agent:
    if not _TYPE.match(kind):
        raise AgentNotFound(f"{kind!r} cannot name an agent type: small letters, digits, - and _ (give type={path})")
    module, _, name = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise AgentNotFound(f"the agent {kind!r} cannot be loaded from {path!r}: {error}") from error
    if why := why_not(function):
        raise AgentNotFound(f"{path!r} is no agent: {why}")
    return Agent(kind, function)


def why_not(agent: object) -> str:
    """Why this cannot be an agent; empty if it can. A wrapper whose kind cannot be told is believed."""
    while isinstance(agent, functools.partial):
        agent = agent.func
    if isinstance(agent, type):
        return f"{agent.__name__} is a class; name an object of it, or a function"
    if not callable(agent):
        return f"{type(agent).__name__} cannot be called"
    function = agent if inspect.isroutine(agent) else type(agent).__call__
    function = inspect.unwrap(function)
    if inspect.isasyncgenfunction(function):
        return _why_not_opened(agent)
    if inspect.iscoroutinefunction(function):
        return "it is a coroutine function without a yield (it needs async def … yield)"
    return "it is no async generator function (async def … yield)"


def _why_not_opened(agent: object) -> str:
    """An agent with resources has both `open` and `close`, and neither blocks."""
    methods = [name for name in ("open", "close") if hasattr(agent, name)] if not inspect.isroutine(agent) else []
    if methods and len(methods) < 2:
        return f"it has {methods[0]} alone; an agent with resources has open and close"
    plain = [name for name in methods if not inspect.iscoroutinefunction(inspect.unwrap(getattr(agent, name)))]
    return f"its {plain[0]} is no coroutine function (it needs async def)" if plain else ""
