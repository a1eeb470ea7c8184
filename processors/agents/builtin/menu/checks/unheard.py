"""That the menu hears the words that it waits for: one that opts out is obeyed and answered before (docs/optout.md)."""

from __future__ import annotations

from collections.abc import Iterator

from processors.agents.builtin.menu.checks import parts
from processors.agents.builtin.menu.model import Menu
from processors.agents.builtin.menu.problem import Path, Problems
from processors.agents.builtin.menu.tenant import TenantFacts
from processors.agents.builtin.menu.texts import texts_of, words_of
from processors.text import fold

_FIX = "take another word, or give the menu the message with `optout: {agent: true}` in the tenant's file"


def check(menu: Menu, found: Problems, tenant: TenantFacts | None) -> None:
    """Adds a warning for each; without a tenant the packaged words of the menu's languages count."""
    unheard = tenant.unheard if tenant is not None and tenant.unheard is not None else TenantFacts.usual(menu.languages)
    for path, word in _typed(menu):
        if fold(word) in unheard:
            found.warn(path, f"who types `{word}` opts out of messages, and the menu does not hear it", _FIX)


def _typed(menu: Menu) -> Iterator[tuple[Path, str]]:
    """What people may type to mean something: keywords, and titles of choices."""
    for path, words in parts.words(menu):
        yield from ((path, word) for word in words_of(words))
    for told in parts.texts(menu):
        if not told.fills:
            yield from ((told.path, title) for _, title in texts_of(told.text))
