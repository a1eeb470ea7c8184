"""A menu from its YAML, or all that is wrong with it, each with its line and what to do."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

from processors.agents.builtin.menu import model as m
from processors.agents.builtin.menu.reader import Reader
from processors.agents.builtin.menu.source import Mapping, Problems, closest, parse
from processors.routing.pattern import PatternError, compiled

VARIABLE = re.compile(r"\{([A-Za-z_]\w*)\}")
GIVEN = ("name", "contact")

_MENU = ("start", "nodes", "unknown", "back", "home", "tries", "give_up")
_NODE = ("text", "media", "options", "show", "button", "ask", "handoff", "close", "to")
_NEXT = ("options", "ask", "handoff", "close")


class MenuError(ValueError):
    """A menu that cannot be used. `problems` has one line a mistake."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("; ".join(found))
        self.problems = found


@lru_cache(maxsize=512)
def load(text: str) -> m.Menu:
    """The menu. Raises MenuError."""
    found = Problems()
    menu = _menu(text, found)
    if found or menu is None:
        raise MenuError(list(found))
    return menu


def problems(text: str) -> list[str]:
    """What is wrong with a menu, nothing if it can be used."""
    try:
        load(text)
    except MenuError as error:
        return error.problems
    return []


def default_text() -> str:
    """The menu of tenants that gave none."""
    return files("processors.agents.builtin.menu").joinpath("default.yaml").read_text("utf-8")


def _menu(text: str, found: Problems) -> m.Menu | None:
    root = parse(text, found)
    if root is None:
        return None
    reader = Reader(root, "the menu", _MENU, found)
    written = reader.inner("nodes")
    if not written:
        reader.wrong("nodes", "`nodes` is missing or empty")
        return None
    nodes = {name: _node(name, body, written, found) for name, body in written.items()}
    usual = m.Menu(start="", nodes={})
    menu = m.Menu(
        start=reader.text("start", needed=True),
        nodes=nodes,
        unknown=reader.text("unknown", usual.unknown, most=m.TEXT_MAX),
        back=reader.texts("back", usual.back),
        home=reader.texts("home", usual.home),
        tries=reader.number("tries", usual.tries),
        give_up=reader.text("give_up"),
    )
    for name in ("start", "give_up"):
        _check_target(getattr(menu, name), reader, name, nodes)
    _check_nodes(menu, written, found)
    return menu


def _node(name: str, body: Any, written: Mapping, found: Problems) -> m.Node:
    what = f"node `{name}`"
    if not isinstance(body, Mapping):
        found.add(written.lines[name], f"{what} has no fields; it needs at least `text`")
        return m.Node(name=name)
    reader = Reader(body, what, _NODE, found)
    given = [field for field in _NEXT if field in body]
    if len(given) > 1:
        reader.wrong(given[1], f"only one of {', '.join(f'`{field}`' for field in given)} can follow")
    options = tuple(_option(item, what, found) for item in reader.mappings("options"))
    return m.Node(
        name=name,
        text=reader.text("text", most=m.BODY_MAX if options else m.TEXT_MAX, needed="media" not in body),
        media=_media(reader.inner("media"), what, found),
        options=options,
        show=cast(m.Show, reader.one_of("show", ("auto", "buttons", "list", "numbers"), "auto")),
        button=reader.text("button", "Ver opciones", most=m.BUTTON_TITLE_MAX),
        ask=_ask(reader.inner("ask"), what, found),
        handoff=_handoff(reader.inner("handoff"), what, found),
        close=reader.flag("close"),
        to=reader.text("to"),
    )


def _option(item: Mapping, what: str, found: Problems) -> m.Option:
    reader = Reader(item, f"an option of {what}", ("title", "to", "keywords", "description"), found)
    return m.Option(
        title=reader.text("title", needed=True),
        to=reader.text("to", needed=True),
        keywords=reader.texts("keywords"),
        description=reader.text("description", most=72),
    )


def _media(item: Mapping | None, what: str, found: Problems) -> m.MenuMedia | None:
    if item is None:
        return None
    reader = Reader(item, f"`media` of {what}", ("type", "link", "caption", "filename"), found)
    link = reader.text("link", needed=True)
    if link and not link.startswith("https://"):
        reader.wrong("link", "`link` must be a public address that begins with https://")
    return m.MenuMedia(
        type=cast(m.MediaType, reader.one_of("type", ("image", "video", "document", "audio"), "image")),
        link=link,
        caption=reader.text("caption", most=m.BODY_MAX),
        filename=reader.text("filename"),
    )


def _ask(item: Mapping | None, what: str, found: Problems) -> m.Ask | None:
    if item is None:
        return None
    reader = Reader(item, f"`ask` of {what}", ("save", "pattern", "retry"), found)
    save, pattern = reader.text("save", needed=True), reader.text("pattern")
    if save and (not save.isidentifier() or save in GIVEN):
        reader.wrong("save", f"`save` must be a word that is not {' or '.join(GIVEN)}")
    try:
        compiled(pattern)
    except PatternError as error:
        reader.wrong("pattern", f"`pattern`: {error}")
    return m.Ask(save=save, pattern=pattern, retry=reader.text("retry", most=m.TEXT_MAX))


def _handoff(item: Mapping | None, what: str, found: Problems) -> m.GiveOver | None:
    if item is None:
        return None
    reader = Reader(item, f"`handoff` of {what}", ("group", "campaign", "note"), found)
    return m.GiveOver(group=reader.text("group"), campaign=reader.text("campaign"), note=reader.text("note"))


def _check_nodes(menu: m.Menu, written: Mapping, found: Problems) -> None:
    """What only shows when all nodes are known."""
    known = {*GIVEN, *(node.ask.save for node in menu.nodes.values() if node.ask)}
    for name, node in menu.nodes.items():
        body = written[name]
        if not isinstance(body, Mapping):
            continue
        reader = Reader(body, f"node `{name}`", _NODE, found)
        _check_target(node.to, reader, "to", menu.nodes)
        if node.ask and not node.to:
            reader.wrong("ask", "a question needs `to`, where to go on with the answer")
        if _circles(menu, node):
            reader.wrong("to", "goes round in a circle without waiting for the person")
        for variable in VARIABLE.findall(node.text):
            if variable not in known:
                reader.wrong("text", f"nothing is remembered as `{variable}`{closest(variable, known)}")
        _check_options(node, reader, menu.nodes)


def _check_options(node: m.Node, reader: Reader, nodes: dict[str, m.Node]) -> None:
    most, title = _limits(node.show)
    if len(node.options) > most:
        reader.wrong("options", f"{len(node.options)} options, at most {most} as {node.show}; use `show: auto`")
    for option, item in zip(node.options, reader.mappings("options"), strict=False):
        inner = Reader(item, f"an option of node `{node.name}`", tuple(item), reader.problems)
        _check_target(option.to, inner, "to", nodes)
        if len(option.title) > title:
            inner.wrong("title", f"`title` has {len(option.title)} characters, at most {title} as {node.show}")


def _limits(show: m.Show) -> tuple[int, int]:
    """Most options, and most characters of a title."""
    if show == "buttons":
        return m.BUTTONS_MAX, m.BUTTON_TITLE_MAX
    return (m.ROWS_MAX, m.ROW_TITLE_MAX) if show == "list" else (30, 80)


def _circles(menu: m.Menu, node: m.Node) -> bool:
    seen = set()
    while not node.waits and not node.handoff and not node.close and node.to in menu.nodes:
        if node.name in seen:
            return True
        seen.add(node.name)
        node = menu.nodes[node.to]
    return False


def _check_target(target: str, reader: Reader, name: str, nodes: dict[str, m.Node]) -> None:
    if target and target not in nodes:
        reader.wrong(name, f"there is no node `{target}`{closest(target, nodes)}")
