"""That there is something to choose from, that it fits WhatsApp, and that each word means one thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processors.agents.builtin.menu import bounds
from processors.agents.builtin.menu.model import (
    ARRIVING,
    BUTTON_TITLE_MAX,
    BUTTONS_MAX,
    NUMBER_TITLE_MAX,
    NUMBERS_MAX,
    ROW_TITLE_MAX,
    ROWS_MAX,
    Ask,
    Menu,
    Node,
    Option,
    Show,
    Text,
    Value,
    When,
)
from processors.agents.builtin.menu.problem import Path, Problems
from processors.agents.builtin.menu.texts import text_in, texts_of, words_of
from processors.routing.pattern import PatternError, compiled
from processors.text import fold

_OF_TYPE = {"values": ("one_of",), "show": ("one_of", "yes_no"), "button": ("one_of", "yes_no")}


def check(menu: Menu, found: Problems) -> None:
    """Adds what is wrong."""
    for index, way in enumerate(menu.anywhere):
        if not any(map(fold, words_of(way.keywords))):
            found.wrong(("anywhere", index, "keywords"), "`keywords` has no word", "write those that lead there")
    for name, node in menu.nodes.items():
        at: Path = ("nodes", name)
        if node.options:
            _options(at, node, menu.languages, found)
            _means_one_thing(at, node, menu, found)
        if node.ask:
            _ask((*at, "ask"), node.ask, menu.languages, found)
        if node.media and not node.media.link.startswith("https://") and node.media.link:
            what = "`link` must be a public address that begins with https://"
            found.wrong((*at, "media", "link"), what, "WhatsApp fetches it from there")
        if node.media and node.media.filename and node.media.type != "document":
            found.warn((*at, "media", "filename"), "`filename` is of a document alone", "leave it out")
        if node.media and node.media.caption and node.media.type in ("audio", "sticker"):
            found.warn(
                (*at, "media", "caption"), f"`caption` is not shown with {node.media.type}", "write it as `text`"
            )


def limits(show: Show) -> tuple[int, int]:
    """Most choices, and most characters of a title."""
    if show == "buttons":
        return BUTTONS_MAX, BUTTON_TITLE_MAX
    return (ROWS_MAX, ROW_TITLE_MAX) if show == "list" else (NUMBERS_MAX, NUMBER_TITLE_MAX)


def _options(at: Path, node: Node, languages: Sequence[str], found: Problems) -> None:
    most, longest = limits(node.show)
    if len(node.options) > most:
        what = f"{len(node.options)} options, at most {most} as {node.show}"
        found.wrong((*at, "options"), what, "use `show: auto`" if node.show != "auto" else "lead on by several nodes")
    if all(option.when != When() for option in node.options):
        found.wrong((*at, "options"), "every option has a `when`, so there may be none", "leave one without")
    for index, option in enumerate(node.options):
        _title((*at, "options", index, "title"), option.title, longest, node.show, found)
    titles = [(("options", index, "title"), option.title) for index, option in enumerate(node.options)]
    _different(at, titles, languages, found)


def _title(path: Path, title: Text, most: int, show: Show, found: Problems) -> None:
    for language, text in texts_of(title):
        if len(text) > most:
            what = f"`title` has {len(text)} characters, at most {most} as {show}"
            found.wrong((*path, language) if language else path, what, "shorten it, or use `show: numbers`")


def _different(at: Path, titles: Sequence[tuple[Path, Text]], languages: Sequence[str], found: Problems) -> None:
    """WhatsApp refuses two buttons with the same title."""
    seen: set[tuple[str, str]] = set()
    for path, title in titles:
        for language in languages or ("",):
            text = text_in(title, language, languages)
            if text and (language, fold(text)) in seen:
                found.wrong((*at, *path), f"the title {text!r} stands there twice", "give each its own", played=True)
            seen.add((language, fold(text)))


def _means_one_thing(at: Path, node: Node, menu: Menu, found: Problems) -> None:
    """A word that is taken already never leads here."""
    taken = {fold(word): "home" for word in words_of(menu.home)} | {fold(word): "back" for word in words_of(menu.back)}
    for way in menu.anywhere:
        taken |= {fold(word): "anywhere" for word in words_of(way.keywords)}
    titles = {fold(text): index for index, option in enumerate(node.options) for _, text in texts_of(option.title)}
    meant: dict[str, int] = {}
    for index, option in enumerate(node.options):
        for word in _words(option):
            folded, path = fold(word), (*at, "options", index, "keywords")
            first = meant.setdefault(folded, index)
            if folded in taken:
                found.warn(path, f"`{word}` is a word of `{taken[folded]}`, which comes first", "leave it out of one")
            elif first != index or titles.get(folded, index) < index:
                found.warn(path, f"`{word}` leads to an option before this one", "leave it out of one")


def _words(option: Option) -> Iterator[str]:
    yield from words_of(option.keywords)
    yield from (text for _, text in texts_of(option.title))


def _ask(at: Path, ask: Ask, languages: Sequence[str], found: Problems) -> None:
    if ask.pattern:
        try:
            compiled(ask.pattern)
        except PatternError as error:
            found.wrong((*at, "pattern"), f"`pattern`: {error}", "write a simpler one, such as \\d{4,12}")
    if ask.pattern and ask.type in ARRIVING:
        found.wrong((*at, "pattern"), f"`pattern` means nothing for {ask.type}", "leave it out")
    for field, what, fix in bounds.faults(ask):
        found.wrong((*at, field), what, fix)
    for field, types in _OF_TYPE.items():
        if getattr(ask, field) not in ([], "", "auto") and ask.type not in types:
            found.wrong((*at, field), f"`{field}` is for {' and '.join(types)} alone", f"write `type: {types[0]}`")
    if ask.tries and not ask.give_up:
        found.warn((*at, "tries"), "`tries` here leads to the menu's `give_up`", "write `give_up: NODE` here too")
    if ask.type == "one_of":
        _values(at, ask, languages, found)


def _values(at: Path, ask: Ask, languages: Sequence[str], found: Problems) -> None:
    most, longest = limits(ask.show)
    if not ask.values:
        found.wrong((*at, "values"), "`values` is missing", "write the answers that there are")
    if len(ask.values) > most:
        found.wrong((*at, "values"), f"{len(ask.values)} values, at most {most} as {ask.show}", "use `show: auto`")
    titles: list[tuple[Path, Text]] = []
    for index, value in enumerate(ask.values):
        path: Path = ("values", index, "title") if isinstance(value, Value) else ("values", index)
        title = value.title if isinstance(value, Value) else value
        titles.append((path, title))
        _title((*at, *path), title, longest, ask.show, found)
        if not any(text.strip() for _, text in texts_of(title)):
            found.wrong((*at, "values", index), "a value without a title", "write what it says")
    _different(at, titles, languages, found)
