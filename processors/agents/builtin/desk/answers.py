"""What a desk may answer to a call: a human's words, and that the conversation goes back or ends. Pure.

    {"actions": [{"type": "say", "text": "Hola, soy Inés."}, {"type": "resume"}]}

All of an answer is obeyed, or nothing: one wrong action makes the answer wrong.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from processors.agents.actions import Action, Close, GiveBack, HumanSays, SessionContent
from processors.agents.reading import read, shown
from schemas import session
from schemas.record import Frozen

ACTIONS_MAX = 5
BYTES_MAX = 32_768  # so that what comes of it is never more than Kafka takes
_TEXT = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class AnswerError(ValueError):
    """An answer that cannot be obeyed; says what is wrong, and quotes nothing of it."""


class Say(Frozen, tag_field="type", tag="say", forbid_unknown_fields=True):
    """A human's words: a `text`, or any `content` that can be said in the open window."""

    text: _TEXT | None = None
    content: SessionContent | None = None


class Resume(Frozen, tag_field="type", tag="resume", forbid_unknown_fields=True):
    """The bot has the conversation again."""


class Ends(Frozen, tag_field="type", tag="close", forbid_unknown_fields=True):
    """The chat ends."""


class DeskAnswer(Frozen, forbid_unknown_fields=False):
    """`actions` in their order; what else the answer says is the desk's own."""

    actions: Annotated[list[Say | Resume | Ends], msgspec.Meta(max_length=ACTIONS_MAX)] = []


def obeyed(body: bytes) -> list[Action]:
    """The actions of an answer; none where it is empty. Raises AnswerError."""
    if not body.strip():
        return []
    if len(body) > BYTES_MAX:
        raise AnswerError(f"{len(body)} bytes, at most {BYTES_MAX}")
    try:
        found, problem = read(msgspec.json.decode(body), DeskAnswer)
    except (msgspec.DecodeError, RecursionError):
        raise AnswerError("it is no JSON") from None
    if found is None:
        raise AnswerError(f"{shown(problem.path)}: {problem.what}" if problem else "it cannot be read")
    for index, one in enumerate(found.actions):
        if isinstance(one, Say) and (one.text is None) == (one.content is None):
            raise AnswerError(f"actions[{index}]: `say` has either `text` or `content`")
        if not isinstance(one, Say) and index < len(found.actions) - 1:
            raise AnswerError(f"actions[{index + 1}]: nothing follows `resume` or `close`")
    return [_action(one) for one in found.actions]


def _action(one: Say | Resume | Ends) -> Action:
    match one:
        case Say(text=str(text)):
            return HumanSays(session.Text(body=text))
        case Say(content=content) if content is not None:
            return HumanSays(content)
        case Ends():
            return Close()
        case _:
            return GiveBack()
