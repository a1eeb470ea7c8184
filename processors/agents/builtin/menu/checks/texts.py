"""That texts fit: languages that are declared, variables that somebody sets, lengths that WhatsApp shows."""

from __future__ import annotations

import re

from processors.agents.builtin.menu.checks import parts
from processors.agents.builtin.menu.conditions import GIVEN, is_zone
from processors.agents.builtin.menu.model import BODY_MAX, EDGE_MAX, Menu, Text, Words
from processors.agents.builtin.menu.problem import Path, Problems, listed
from processors.agents.builtin.menu.source import closest
from processors.agents.builtin.menu.texts import BRACES, VARIABLE, texts_of, variables_of

FLAT_MAX = 3000  # on accounts of the API Bot service
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?", re.ASCII)


def check(menu: Menu, found: Problems) -> None:
    """Adds what is wrong."""
    _languages(menu, found)
    if menu.zone and not is_zone(menu.zone):
        found.wrong(("zone",), f"there is no time zone `{menu.zone}`", "write one such as America/Santiago")
    for path, text, fills in parts.texts(menu):
        _in_languages(path, text, menu, found)
        for language, one in texts_of(text):
            at = (*path, language) if language else path
            _variables(at, one, menu, found, fills=fills)
    for path, one in parts.formulas(menu):
        _variables(path, one, menu, found, fills=True)
    for index, name in enumerate(menu.forget):
        if name not in menu.kinds:
            fix = closest(name, menu.kinds) or f"there are {listed(sorted(menu.kinds))}"
            found.wrong(("forget", index), f"nothing is remembered as `{name}`", fix)
    for path, words in parts.words(menu):
        _words(path, words, menu, found)
    _lengths(menu, found)


def _languages(menu: Menu, found: Problems) -> None:
    for index, language in enumerate(menu.languages):
        if not _LANGUAGE.fullmatch(language):
            found.wrong(("languages", index), f"{language!r} is no language", "write a code such as es, pt or pt_BR")
        if language in menu.languages[:index]:
            found.wrong(("languages", index), f"`{language}` stands there twice", "leave one out")
    for name, node in menu.nodes.items():
        if node.language and node.language not in menu.languages:
            _undeclared(("nodes", name, "language"), node.language, menu, found)


def _undeclared(path: Path, language: str, menu: Menu, found: Problems) -> None:
    fix = (
        closest(language, menu.languages) or f"write `languages: [{', '.join([*menu.languages, language])}]` at the top"
    )
    found.wrong(path, f"`{language}` is none of the menu's languages", fix)


def _in_languages(path: Path, text: Text, menu: Menu, found: Problems) -> None:
    """A text by language has every language, and no other."""
    if isinstance(text, str):
        return
    for language in text:
        if language not in menu.languages:
            _undeclared((*path, language), language, menu, found)
    missing = [language for language in menu.languages if not text.get(language)]
    if missing:
        what = f"`{path[-1]}` is not said in {listed(missing)}"
        found.warn(path, what, f"there it is said in {next(iter(text), 'no language')}")


def _variables(path: Path, text: str, menu: Menu, found: Problems, *, fills: bool) -> None:
    if not fills:
        if VARIABLE.search(text):
            found.warn(path, "`{}` is shown as it stands: titles are the same for everybody", "put it into `text`")
        return
    known = {*GIVEN, *menu.kinds}
    for variable in variables_of(text):
        if variable not in known:
            fix = closest(variable, known) or f"there are {listed(sorted(known))}"
            found.wrong(path, f"nothing is remembered as `{variable}`", fix, played=True)
    for braces in BRACES.findall(text):
        if not VARIABLE.fullmatch(braces):
            found.warn(path, f"`{braces}` is shown as it stands", "a variable is one word without blanks")


def _words(path: Path, words: Words, menu: Menu, found: Problems) -> None:
    for language in words if isinstance(words, dict) else ():
        if language not in menu.languages:
            _undeclared((*path, language), language, menu, found)


def _lengths(menu: Menu, found: Problems) -> None:
    for name, node in menu.nodes.items():
        at: Path = ("nodes", name)
        chooses = bool(node.options or (node.ask and node.ask.type in ("one_of", "yes_no")))
        for language, text in texts_of(node.text):
            path = (*at, "text", language) if language else (*at, "text")
            if chooses and len(text) > BODY_MAX:
                found.wrong(
                    path, f"`text` has {len(text)} characters, at most {BODY_MAX} are shown with options", "shorten it"
                )
            elif len(text) > FLAT_MAX:
                found.warn(
                    path, f"`text` has {len(text)} characters", f"accounts of the API Bot service take {FLAT_MAX}"
                )
        for field in ("header", "footer"):
            for language, text in texts_of(getattr(node, field)):
                if VARIABLE.search(text) and len(text) > EDGE_MAX // 2:
                    at_text = (*at, field, language) if language else (*at, field)
                    found.warn(at_text, f"`{field}` may be cut with its variables filled in", f"{EDGE_MAX} are shown")
