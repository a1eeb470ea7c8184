"""What the service may answer: `{"actions": […]}`, each with a `type`; all of them are carried out, or none is.

The types are the SDK's actions. An answer without a body, or without actions, does nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from processors.agents import actions as a
from processors.agents.builtin.http import says
from processors.agents.builtin.http.request import OWN
from processors.agents.builtin.http.says import Answered, Part, Seconds
from processors.agents.limits import AgentFailed
from processors.agents.reading import members, read, shown
from schemas.outbound import SendClass


class SendTemplate(says.Template, tag_field="type", tag="template"):
    """An approved template: allowed at any time, and may cost money."""

    send_class: SendClass = "utility"

    def action(self) -> a.Action:
        return a.SendTemplate(self.sent, self.send_class)


class HandOff(Answered, tag="handoff"):
    """Give the conversation to a human; `text` are the last words to the person, `note` is for the human."""

    group: str = ""
    id_campaign: str = ""
    note: str = ""
    text: Annotated[str, Meta(max_length=4096)] = ""

    def action(self) -> a.Action:
        return a.HandOff(group=self.group, id_campaign=self.id_campaign, note=self.note, text=self.text)


class Close(Answered, tag="close"):
    """The chat ends."""

    def action(self) -> a.Action:
        return a.Close()


class Remember(Answered, tag="remember"):
    """Added to the memory, which comes with each event; null forgets a name."""

    values: dict[str, Any]

    def action(self) -> a.Action:
        return a.Remember(self.values)


class Schedule(Answered, tag="schedule"):
    """An event of kind `timer` in so many seconds, with `name` and `payload` in `extra`; one timer a name."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    in_s: Seconds
    payload: Any = None

    def action(self) -> a.Action:
        return a.Schedule(self.name, self.in_s, self.payload)


class Cancel(Answered, tag="cancel"):
    """Take the timer of this name off."""

    name: str

    def action(self) -> a.Action:
        return a.Schedule.cancel(self.name)


class Crm(Answered, tag="crm"):
    """Facts for the CRM: the taps get them."""

    fields: dict[str, Any]

    def action(self) -> a.Action:
        return a.UpdateCrm(self.fields)


class OptOut(Answered, tag="optout"):
    """The person wants no more of these categories (none given: all but one-time passwords)."""

    categories: list[Literal["marketing", "utility", "reply", "otp"]] = []

    def action(self) -> a.Action:
        return a.OptOut(list(self.categories))


class OptIn(Answered, tag="optin"):
    """The person wants these again (none given: all)."""

    categories: list[Literal["marketing", "utility", "reply", "otp"]] = []

    def action(self) -> a.Action:
        return a.OptIn(list(self.categories))


AnyAnswered = (
    says.Reply
    | says.Image
    | says.Document
    | says.Video
    | says.Audio
    | says.Sticker
    | says.Location
    | says.Contacts
    | says.Reaction
    | says.Buttons
    | says.ChoiceList
    | says.Interactive
    | SendTemplate
    | HandOff
    | Close
    | Remember
    | Schedule
    | Cancel
    | Crm
    | OptOut
    | OptIn
)
TYPES: dict[str, type[Any]] = members(AnyAnswered)


class Answer(Part):
    """What the service answers."""

    actions: list[AnyAnswered] = []


def actions_of(status: int, body: bytes) -> list[a.Action]:
    """The actions, in order. Raises AgentFailed (`bad_answer`), naming the place and what to write."""
    if status == 204 or not body.strip():
        return []
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _bad("the body is not JSON") from None
    if not isinstance(answer, dict) or set(answer) - {"actions"}:
        raise _bad('the body must be {"actions": […]} and nothing else')
    listed = answer.get("actions", [])
    if not isinstance(listed, list):
        raise _bad("actions: must be a list")
    return [_action(one, f"actions[{index}]") for index, one in enumerate(listed)]


def _action(value: Any, where: str) -> a.Action:
    kind = TYPES.get(str(value.get("type", ""))) if isinstance(value, dict) else None
    if kind is None:
        raise _bad(f"{where}.type: must be one of {', '.join(TYPES)}")
    found, problem = read(value, kind)
    if found is None:
        path = shown(problem.path) if problem else ""
        joint = "" if not path or path.startswith("[") else "."
        raise _bad(f"{where}{joint}{path}: {problem.what if problem else 'cannot be read'} (of {value['type']!r})")
    if isinstance(found, Remember) and OWN in found.values:
        raise _bad(f"{where}.values.{OWN}: this name is the agent's own; take another")
    action: a.Action = found.action()
    return action


def _bad(what: str) -> AgentFailed:
    return AgentFailed("bad_answer", what)
