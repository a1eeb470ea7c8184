"""A menu as it was read: nodes that say something, and what leads from one to the next."""

from __future__ import annotations

from typing import Literal

import msgspec

Show = Literal["auto", "buttons", "list", "numbers"]
MediaType = Literal["image", "video", "document", "audio"]

BUTTONS_MAX, BUTTON_TITLE_MAX = 3, 20
ROWS_MAX, ROW_TITLE_MAX = 10, 24
BODY_MAX, TEXT_MAX = 1024, 4096


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One choice: chosen by a press, its number, its title or one of its keywords."""

    title: str
    to: str
    keywords: tuple[str, ...] = ()
    description: str = ""


class MenuMedia(msgspec.Struct, frozen=True, kw_only=True):
    """Something to see or hear, at a public HTTPS address."""

    type: MediaType
    link: str
    caption: str = ""
    filename: str = ""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question whose answer is remembered as `save`; one that does not fit `pattern` is asked again."""

    save: str
    pattern: str = ""
    retry: str = ""


class GiveOver(msgspec.Struct, frozen=True, kw_only=True):
    """To whom a hand-off goes, and what the human should know."""

    group: str = ""
    campaign: str = ""
    note: str = ""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the menu. Of `options`, `ask`, `handoff`, `close` at most one is given; `to` goes on from there."""

    name: str
    text: str = ""
    media: MenuMedia | None = None
    options: tuple[Option, ...] = ()
    show: Show = "auto"
    button: str = "Ver opciones"
    ask: Ask | None = None
    handoff: GiveOver | None = None
    close: bool = False
    to: str = ""

    @property
    def waits(self) -> bool:
        """Whether the person's next message is an answer to this node."""
        return bool(self.options or self.ask)


class Menu(msgspec.Struct, frozen=True, kw_only=True):
    """`unknown` answers what fits nothing; after `tries` of these in a row it goes on at `give_up`, if there is one."""

    start: str
    nodes: dict[str, Node]
    unknown: str = "No entendí. Elige una de las opciones, por favor."
    back: tuple[str, ...] = ("volver", "atrás")
    home: tuple[str, ...] = ("menú", "inicio")
    tries: int = 3
    give_up: str = ""
