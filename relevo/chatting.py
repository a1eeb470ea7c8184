"""A chat with an agent in the terminal, line by line: what is typed is said by the person, or is one of a few orders.

No Kafka, no Chattigo: it is `relevo.testing.Chat` with a keyboard. A failure of the agent is shown with the agent's own
line, and the chat goes on, as a conversation does.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from processors.agents.actions import Action, HandOff, Reply, SendTemplate
from processors.agents.transcript import said
from relevo.testing import AgentFailed, Chat

HELP = """what you type is said by the person; or:
  /press TITLE     press a button or row of the latest answer
  /wait SECONDS    let time pass: timers ring
  /human TEXT      a human takes over and writes
  /resume          the human gives the conversation back
  /close           the chat ends
  /memory          what the agent remembers, and its timers
  /quit"""


class Chatting:
    """What each typed line leads to, as lines to print."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._orders: dict[str, Callable[[str], list[Action]]] = {
            "press": chat.presses,
            "wait": lambda text: chat.advance(float(text)),
            "human": chat.human_says,
            "resume": lambda _: chat.resumes(),
            "close": lambda _: chat.closes(),
        }

    def types(self, line: str) -> Iterator[str]:
        """The lines that answer."""
        word, _, text = line.removeprefix("/").partition(" ")
        if not line.startswith("/"):
            yield from self._tries(self.chat.says, line)
        elif word == "memory":
            yield f"remembers {self.chat.memory}, timers {self.chat.timers}"
        elif word in self._orders:
            yield from self._tries(self._orders[word], text)
        else:
            yield HELP

    def _tries(self, act: Callable[[str], list[Action]], text: str) -> Iterator[str]:
        before = len(self.chat.commands)
        try:
            actions = act(text)
        except AgentFailed as failed:
            yield f"failed, and would be a dead letter: {failed}"
            yield from _own_lines(failed)
            return
        except (LookupError, ValueError) as wrong:
            yield str(wrong)
            return
        yield from filter(None, map(shown, actions))
        for command in self.chat.commands[before:]:
            yield f"({_tag(command)} {_fields(command)})"
        if not actions and self.chat.outcomes[-1:] == ["human_owns"]:
            yield "(a human owns the conversation; /resume gives it back)"


def shown(action: Action) -> str:
    """What the person sees of an action; empty for what nobody sees."""
    match action:
        case Reply(content=content):
            return f"« {said(content)}"
        case SendTemplate(template=template):
            return f"« {said(template)}"
        case HandOff(text=text) if text:
            return f"« {text}"
        case _:
            return ""


def _tag(command: Any) -> str:
    return str(type(command).__struct_config__.tag)


def _fields(command: Any) -> str:
    """What a command says besides whom it is about."""
    hidden = ("type", "id", "tenant", "did", "contact", "at_ms", "by", "text", "transcript")
    told = {name: value for name, value in msgspec.to_builtins(command).items() if name not in hidden}
    return ", ".join(f"{name}={value!r}" for name, value in told.items()) or "…"


def _own_lines(failed: AgentFailed) -> Iterator[str]:
    """The end of the agent's own traceback."""
    if failed.__cause__ is not None:
        yield "".join(traceback.format_exception(failed.__cause__)[-3:]).rstrip()
