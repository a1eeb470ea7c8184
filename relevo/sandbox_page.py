"""The reference page of the simulated Chattigo: its routes and its knobs, from their own declarations.

Promises: every knob stands in it with its question, its default, what is known of that, and the values that it takes;
what is neither documented by Chattigo nor seen live is marked as an assumption.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from sandbox.chattigo import errors, profiles
from sandbox.chattigo.knobs import Knobs, declared
from sandbox.chattigo.knobs.declared import Declared
from sandbox.chattigo.server import routes

Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]

EVIDENCE = {
    "DOC": "documented by Chattigo",
    "LIVE": "seen live",
    "META": "assumption: Meta documents it, for its own API",
    "CODE": "assumption: code expects it, never seen to run",
    "SEED": "assumption: in a report alone",
    "GUESS": "assumption: nothing is known",
    "INVENTION": "invention: nothing at Chattigo is known to be like it",
}
# What a route stands on, and the same for the shape of its answer.
ROUTES: dict[str, tuple[str, str]] = {
    "isv.login": ("LIVE", "LIVE"),
    "hsm.login": ("DOC", "LIVE"),
    "bot.login": ("DOC", "DOC"),
    "channel.login": ("DOC", "DOC"),
    "isv.register.inbound": ("LIVE", "CODE"),
    "isv.register.outbound": ("SEED", "GUESS"),
    "isv.inbound": ("LIVE", "LIVE"),
    "isv.send": ("LIVE", "CODE"),
    "isv.media": ("INVENTION", "INVENTION"),
    "media.signed": ("INVENTION", "INVENTION"),
    "hsm.send": ("DOC", "CODE"),
    "hsm.message": ("LIVE", "GUESS"),
    "hsm.templates": ("CODE", "CODE"),
    "bot.send": ("DOC", "GUESS"),
    "channel.inbound": ("DOC", "GUESS"),
}


def page(made: str, table: Table) -> str:
    """The page's text; `made` is its first line."""
    parts = [
        made,
        "# Routes and knobs of the simulated Chattigo",
        "What nobody documents is a knob. A default that Chattigo documents, or that was seen live, says so; every "
        "other one is marked: **an assumption may be wrong**, and Relevo has to work at each of its values. "
        "`docs/sandbox.md` tells how knobs are turned. Q1 to Q36 are the open questions about Chattigo; times are "
        "seconds, shares 0 to 1.",
        "## Routes",
        "Whether a route exists, and whether the body of its answer has this shape, are two things.",
        table(("route", "call", "the route is", "the answer's body is"), _routes()),
    ]
    areas: dict[str, list[Declared]] = {}
    for knob in declared(Knobs()):
        areas.setdefault(knob.name.rpartition(".")[0], []).append(knob)
    for area in sorted(areas):
        parts += [f"## {area or 'Alone'}", *_about(area)]
        parts.append(
            table(("knob", "question", "default", "values", "what it turns", "the default is"), map(_row, areas[area]))
        )
    about = (
        "Where each is told, and the HTTP status of an answer with it. A batch is told all of them by receipts alone."
    )
    parts += ["## Errors by number", about, table(("number", "title", "told in", "status"), _errors())]
    parts += ["## Profiles", "What each sets; the rest is as by default. Empty: as by default.", _profiles(table)]
    return "\n\n".join(parts) + "\n"


def _routes() -> Iterable[tuple[str, ...]]:
    for route in routes():
        exists, shape = ROUTES[route.name]
        yield f"`{route.name}`", f"`{route.method} {route.path}`", EVIDENCE[exists], EVIDENCE[shape]


def _errors() -> Iterable[tuple[str, ...]]:
    for code, known in errors.KNOWN.items():
        where = "answer or receipt" if known.where == "both" else known.where
        yield f"`{code}`", known.title, where, "" if known.where == "receipt" else str(known.status)


def _about(area: str) -> list[str]:
    words = getattr(Knobs(), area).__doc__ if area else ""
    return [" ".join(str(words).split())] if words else []


def _row(knob: Declared) -> tuple[str, ...]:
    return (
        f"`{knob.name}`",
        knob.about.question,
        f"`{_text(knob.default)}`",
        values(knob.kind),
        knob.about.text,
        EVIDENCE[knob.about.evidence],
    )


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode().replace(",", ", ")


def values(kind: Any) -> str:
    """The values that a knob takes, for people."""
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        bounds = [one for one in more if isinstance(one, msgspec.Meta)]
        words = [
            f"{word} {value:g}"
            for one in bounds
            for word, value in (("from", one.ge), ("to", one.le))
            if value is not None
        ]
        return " ".join([values(inner), *words])
    if get_origin(kind) is Literal:
        return ", ".join(f"`{_text(value)}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        return f"list of: {values(inner[0])}" if inner[-1] is ... else f"two of: {values(inner[0])}"
    names = {bool: "`true`, `false`", int: "integer", float: "number", str: "text"}
    return names.get(kind, "object of text and integer")


def _profiles(table: Table) -> str:
    names = profiles.names()
    sets = {name: dict(_flat(profiles.load(name))) for name in names}
    knobs = [knob.name for knob in declared(Knobs()) if any(knob.name in one for one in sets.values())]
    rows = [
        (f"`{knob}`", *(f"`{_text(sets[name][knob])}`" if knob in sets[name] else "" for name in names))
        for knob in knobs
    ]
    return table(("knob", *(f"`{name}`" for name in names)), rows)


def _flat(values: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    areas = {name for name in Knobs.__struct_fields__ if isinstance(getattr(Knobs(), name), msgspec.Struct)}
    for name, value in values.items():
        if name in areas:
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            yield name, value
