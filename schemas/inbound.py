"""Records that come in: commands and timers on `inbound.conversations`, events on `agents.<type>`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.content import AnyContent
from schemas.outbound import OutboundMessage
from schemas.record import Record

Owner = Literal["bot", "human"]
LANGUAGE_MAX = 16


class Facts(Record):
    """What is known of a conversation when an event is routed; `conversations` alone writes it.

    `window_expires_ms` is when free-form sends end (0: no window open); `owner_epoch` grows with each change of
    owner. `id_chat`, `channel_id` and `id_campaign` are API Bot's and needed for a hand-off.
    """

    window_expires_ms: int = 0
    owner: Owner = "bot"
    owner_epoch: int = 0
    id_chat: str = ""
    channel_id: str = ""
    id_campaign: str = ""
    profile_name: str = ""
    language: str = ""
    user_id: str = ""
    last_inbound_ms: int = 0


class Context(Record):
    """The message that is answered, or the product asked about, or how the message was forwarded."""

    id: str = ""
    sender: str = ""
    forwarded: bool = False
    frequently_forwarded: bool = False
    referred_product: dict[str, Any] = {}


EventKind = Literal["message", "session", "resumed", "handed_off", "timer", "system", "crm", "opted_out", "opted_in"]


class Part(Record):
    """A message of several that an agent gets as one event."""

    id: str
    at_ms: int
    content: AnyContent | None = None
    context: Context | None = None
    referral: dict[str, Any] | None = None
    late: bool = False
    extra: dict[str, Any] = {}


class InboundEvent(Record):
    """One event for one agent. `reply_to` is the person's address as the provider wrote it.

    `late` says that the event is older than 24 hours; `extra` keeps what the content's type does not name.
    `parts` are the messages in their order, where several came in a row and are told as one.
    """

    id: str
    tenant: str
    did: str
    contact: str
    reply_to: str
    kind: EventKind
    at_ms: int
    content: AnyContent | None = None
    context: Context | None = None
    referral: dict[str, Any] | None = None
    late: bool = False
    facts: Facts = Facts()
    extra: dict[str, Any] = {}
    parts: list[Part] = []


SAID = "said"
"""The type of a notice for agents, with a line that others said to the person: for their transcript alone."""


class Said(Record):
    """A line of a transcript."""

    who: Literal["customer", "bot", "human"]
    text: str
    at_ms: int


class Overheard(Said):
    """The value of a notice `said`; a line by way of an `echo` may repeat what is known."""

    echo: bool = False


class Command(Record, tag_field="type", kw_only=True):
    """An order to a conversation, on its own topic so that it keeps its place among the person's messages.

    With a `language` it also says which one the conversation is in from now on, whatever the person's words look like.
    """

    id: str
    tenant: str
    did: str
    contact: str
    at_ms: int
    by: str
    language: str = ""


class HandOff(Command, tag="hand_off"):
    """Give the conversation to a human, with everything that was said."""

    group: str = ""
    id_campaign: str = ""
    note: str = ""
    text: str = ""
    transcript: list[Said] = []


class Overdue(Record):
    """Obey only if the human has the conversation still in this `epoch` and did nothing after `since_ms` (our time)."""

    epoch: int
    since_ms: int


class Resume(Command, tag="resume"):
    """Give it back to the bot; with `overdue` because the human was silent for too long."""

    overdue: Overdue | None = None


class Close(Command, tag="close"):
    """End the chat; `transcript` is what was said, as far as who ends it knows. With `overdue` it is because the human
    was silent for too long."""

    transcript: list[Said] = []
    overdue: Overdue | None = None


class OptOut(Command, tag="opt_out"):
    """Send no more of these categories (empty: all).

    `spread`: the person wished it on another line of the tenant; `silent`: the taps are not told, for whoever orders it
    has it from there.
    """

    categories: list[str] = []
    why: str = ""
    spread: bool = False
    silent: bool = False


class OptIn(Command, tag="opt_in"):
    """Send these categories again (empty: all). `spread` and `silent` as of an `OptOut`."""

    categories: list[str] = []
    why: str = ""
    spread: bool = False
    silent: bool = False


class UpdateCrm(Command, tag="update_crm", kw_only=True):
    """Facts for the ISV's CRM, free in form; the taps are told."""

    fields: dict[str, Any]


class Send(Command, tag="send", kw_only=True):
    """A message of the ISV's own systems, which leaves with the window that it may use.

    `who` is speaking: with `human` it is a human's words, and the conversation is the human's from then on.
    """

    message: OutboundMessage
    who: Literal["bot", "human"] = "bot"


class Erase(Command, tag="erase"):
    """Forget the person: state, memory, and what agents keep."""


AnyCommand = HandOff | Resume | Close | OptOut | OptIn | Send | Erase | UpdateCrm


class Timer(Record, tag_field="type", tag="timer"):
    """A timer of an agent; it comes back as an event of kind `timer` when due."""

    id: str
    tenant: str
    did: str
    contact: str
    agent: str
    name: str
    due_ms: int
    payload: msgspec.Raw = msgspec.Raw(b"null")


class Alias(Record, tag_field="type", tag="alias"):
    """The same person: at the key of `user_id`, all belongs to the conversation of the phone `contact` from now on.

    `reply_to` is that phone's address as the provider writes it. `ends` takes it back: the phone's conversation is
    `idle` or the person is to be forgotten (`erase`). At the phone's key `taken` says that the user id belongs to
    another phone by now. `ids` are hashes of what was handled at the phone's key, where that is to be known here, too.
    """

    id: str
    tenant: str
    did: str
    user_id: str
    contact: str
    reply_to: str = ""
    ends: Literal["", "idle", "erase", "taken"] = ""
    ids: bytes = b""


class Moved(Record, tag_field="type", tag="moved"):
    """What was known of a person under `from_contact`, for the conversation with `contact`: the same person.

    `why`: a user id and a phone were seen together (`alias`), or the person took another number (`number`); then
    neither window nor chat come along. `ids` are hashes of recent event ids, as the conversation's state holds them.
    """

    id: str
    tenant: str
    did: str
    contact: str
    from_contact: str
    why: Literal["alias", "number"]
    at_ms: int
    owner: Owner = "bot"
    optout: list[str] | None = None
    language: str = ""
    pinned: bool = False
    profile_name: str = ""
    id_chat: str = ""
    channel_id: str = ""
    id_campaign: str = ""
    last_inbound_ms: int = 0
    ids: bytes = b""


class MovedTo(Record):
    """A notice (`moved`) for agents at the key that a person's conversation leaves: hand over what you remember.

    A hand-off in the owner's epoch `epoch` or later is still under way and comes along, too (-1: none does). With
    `erase` nothing is handed over, and what was handed over before is forgotten.
    """

    contact: str
    epoch: int = -1
    erase: bool = False


class Released(Record):
    """A notice (`released`) for agents: the owner's epochs begin anew, so none is to stay silent.

    With `handed_off_ms` nobody carried out the order to hand off that was given then: the silence since ends, and no
    later one.
    """

    handed_off_ms: int = 0


class AdoptedAlarm(Record):
    """A timer of an agent's memory; `payload` is JSON."""

    name: str
    due_ms: int
    id: str
    payload: msgspec.Raw = msgspec.Raw(b"null")


class AdoptedMessage(Record):
    """A message that waits to be told with others: the record as it came, where it stood, and since when it waits."""

    id: str
    value: bytes
    headers: list[tuple[str, bytes]]
    place: str
    at_ms: int


class Adopt(Record):
    """An agent's memory of a person (type `adopt`), for the conversation that the person has now.

    `held` says that the agent handed off (at `held_ms`) and must stay silent until the owner changes; `transcript` is
    what was said lately, `used` (as of `used_ms`) and `stopped` how far the agent's budget against loops is used up.
    `waiting` are messages that are held until `due_ms`.
    With `erase` there is no memory to take over but one to forget.
    """

    from_contact: str
    said: dict[str, Any] = {}
    alarms: list[AdoptedAlarm] = []
    ids: bytes = b""
    held: bool = False
    erase: bool = False
    transcript: list[Said] = []
    used: float = 0.0
    used_ms: int = 0
    stopped: bool = False
    held_ms: int = 0
    waiting: list[AdoptedMessage] = []
    due_ms: int = 0
