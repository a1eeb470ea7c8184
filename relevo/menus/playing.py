"""A chat with a menu in the terminal: what is typed is said by the person, or is one of a few orders.

It is `relevo.testing.Chat` with the menu agent, a clock that is moved, and the language guessed as conversations do.
No Kafka, no Chattigo.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from processors.agents.actions import Action
from processors.agents.builtin.menu import Menu, TenantFacts, load
from processors.agents.builtin.menu.agent import menu
from processors.agents.builtin.menu.conditions import zone_of
from processors.conversations.language import heard
from relevo.menus.shown import lines
from relevo.testing import AgentFailed, Chat
from schemas import content as c

HELP = """what you type is said by the person; or:
  /press TITLE       press a button or row of the latest answer
  /send WHAT         send an image, document, audio, video, location or sticker
  /wait 10m          let time pass (s, m, h, d): time-outs and reminders come
  /at 2026-12-25T11:00   it is this time now, by the menu's clock
  /language pt       the person is known to write in this language
  /vars              what is remembered
  /human TEXT        a human takes over and writes
  /resume, /close    the human gives the conversation back; the chat ends
  /quit"""

_UNITS: Mapping[str, int] = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,7})\s*([smhd]?)", re.ASCII)
_SENT: Mapping[str, c.AnyContent] = {
    "image": c.Image(url="https://media.example/foto.jpg", mime_type="image/jpeg"),
    "document": c.Document(
        url="https://media.example/archivo.pdf", mime_type="application/pdf", filename="archivo.pdf"
    ),
    "audio": c.Audio(url="https://media.example/audio.ogg", mime_type="audio/ogg", voice=True),
    "video": c.Video(url="https://media.example/video.mp4", mime_type="video/mp4"),
    "sticker": c.Sticker(url="https://media.example/sticker.webp"),
    "location": c.Location(latitude=-33.437, longitude=-70.65),
}


class OrderError(ValueError):
    """An order that cannot be carried out; the message says what to type."""


class Playing:
    """What each typed line leads to, as lines to print. The menu must be usable."""

    def __init__(self, text: str, tenant: TenantFacts | None = None, name: str = "Ana", now_ms: int = 0) -> None:
        self.menu: Menu = load(text)
        self._facts = tenant or TenantFacts()
        self.chat = Chat(menu, kind="menu", name=name, config={"menu": text}, hours=self._facts.hours)
        if now_ms:
            self.chat.now_ms = now_ms
        self._orders: Mapping[str, Callable[[str], list[Action]]] = {
            "press": self.chat.presses,
            "send": self._sends,
            "wait": self._waits,
            "at": self._at,
            "language": self._language,
            "human": self.chat.human_says,
            "resume": lambda _: self.chat.resumes(),
            "close": lambda _: self.chat.closes(),
        }

    @property
    def zone(self) -> ZoneInfo:
        """The clock that the menu goes by."""
        return ZoneInfo(zone_of(self.menu, self._facts.hours))

    def types(self, line: str) -> Iterator[str]:
        """The lines that answer."""
        word, _, text = line.removeprefix("/").partition(" ")
        if not line.startswith("/"):
            yield from self._tries(self._says, line)
        elif word == "vars":
            yield from self._remembered()
        elif word in self._orders:
            yield from self._tries(self._orders[word], text.strip())
        else:
            yield from HELP.splitlines()

    def _tries(self, act: Callable[[str], list[Action]], text: str) -> Iterator[str]:
        try:
            actions = act(text)
        except AgentFailed as failed:
            yield f"failed, and would be a dead letter: {failed}"
            return
        except (LookupError, OrderError) as wrong:
            yield str(wrong.args[0])
            return
        yield from lines(actions)
        if not actions and self.chat.outcomes[-1:] == ["human_owns"]:
            yield "(a human owns the conversation; /resume gives it back)"

    def _says(self, text: str) -> list[Action]:
        languages = self.menu.languages
        known = heard(self.chat.facts.get("language", ""), text, languages)
        if known:
            self.chat.facts["language"] = known
        return self.chat.says(text)

    def _sends(self, what: str) -> list[Action]:
        if what not in _SENT:
            raise OrderError(f"/send one of {', '.join(_SENT)}")
        return self.chat.sends(_SENT[what])

    def _waits(self, span: str) -> list[Action]:
        """All that happens meanwhile, timer after timer."""
        found = _SPAN.fullmatch(span)
        if not found:
            raise OrderError("/wait a time such as 30s, 10m, 2h or 1d")
        left, actions = float(int(found[1]) * _UNITS[found[2]]), list[Action]()
        while (due := min(self.chat.timers.values(), default=left + 1)) <= left:
            actions += self.chat.advance(due)
            left -= due
        self.chat.advance(left)
        return actions

    def _at(self, text: str) -> list[Action]:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise OrderError("/at a time such as 2026-12-25T11:00") from None
        self.chat.now_ms = int((at if at.tzinfo else at.replace(tzinfo=self.zone)).timestamp() * 1000)
        return []

    def _language(self, code: str) -> list[Action]:
        self.chat.facts["language"] = code
        return []

    def _remembered(self) -> Iterator[str]:
        at = self.chat.memory.get("at", {})
        place = f"at {at['node']}" if at.get("node") else "at no node"
        timers = "".join(f", a timer in {seconds:g} s" for seconds in self.chat.timers.values())
        yield f"{datetime.fromtimestamp(self.chat.now_ms / 1000, self.zone):%a %Y-%m-%d %H:%M}, {place}{timers}"
        for name, value in at.get("answers", {}).items():
            yield f"  {name} = {value}"
