"""What commands and timers change. Each is obeyed once; its id is remembered like an event's.

Chattigo can move a chat between bot and human only on API Bot accounts; there a hand-off or a close also leaves as
a control. Elsewhere a hand-off silences the bot, tells the taps, and its text goes to the person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from msgspec.structs import replace

from processors.agents.transcript import said as spoken
from processors.agents.transcript import shortened
from processors.conversations import aliases
from processors.conversations.draft import Draft, Undeliverable
from processors.conversations.optouts import Cause, announce, opt_in, opt_out, outdated, share
from processors.conversations.routed import deliver, drop, tap, tell_agents
from schemas import ids
from schemas.content import SessionControl
from schemas.inbound import (
    LANGUAGE_MAX,
    AnyCommand,
    Close,
    Command,
    Erase,
    EventKind,
    HandOff,
    InboundEvent,
    OptIn,
    OptOut,
    Overdue,
    Resume,
    Said,
    Send,
    Timer,
    UpdateCrm,
)
from schemas.outbound import OutboundMessage
from schemas.record import Decoder, RecordError
from schemas.session import AnySendable, Control, Text

_decoder = Decoder.of(AnyCommand | Timer)
BY = "conversations"


def handle(draft: Draft) -> None:
    """Obey the record's command or timer. Raises Undeliverable when it cannot be."""
    order = read(draft)
    if draft.state.knows(order.id):
        draft.count("duplicate", "order")
        return
    if isinstance(order, Command) and order.language:
        draft.state.language, draft.state.pinned = order.language[:LANGUAGE_MAX], True
    _OBEY[type(order)](draft, replace(order, contact=draft.place.contact))
    draft.state.remember(order.id, draft.world.rules.ring)


def read(draft: Draft) -> Any:
    """The order that the record is, of this conversation. Raises Undeliverable."""
    try:
        order: Any = _decoder.decode(draft.record.value)
    except RecordError as error:
        raise Undeliverable("malformed", str(error)) from None
    if order.tenant != draft.tenant or not draft.is_ours(order.did, order.contact):
        raise Undeliverable("misplaced", "an order for another conversation than the record's key")
    return order


def _hand_off(draft: Draft, command: HandOff) -> None:
    """Give the chat to a human. A chat that a human has already is not moved again."""
    if draft.state.owner == "human":
        draft.count("ignored", "human_owns")
        return
    draft.state.give_to("human", draft.now_ms)
    draft.count("handed_off", "agent" if command.by in draft.world.agents else "order")
    control = Control(
        action="group" if command.group else "transfer",
        group=command.group,
        text=command.text,
        id_campaign=command.id_campaign or draft.state.id_campaign,
        id_chat=draft.state.id_chat,
        channel_id=draft.state.channel_id,
    )
    if command.group and command.text and _is_bot(draft):
        _say_text(draft, command)  # the control of a group has no room for words
    _say(draft, command, control, command.text)
    extra = {"by": command.by, "note": command.note, "group": command.group, "transcript": _lines(command)}
    tap(draft, _event(draft, command, "handed_off", extra={name: told for name, told in extra.items() if told}))


def _lines(command: HandOff | Close) -> Any:
    """The transcript as an event's `extra` has it: a list of objects."""
    return msgspec.to_builtins(command.transcript)


def _resume(draft: Draft, command: Resume) -> None:
    """The bot's again, in a new epoch even if it was the bot's already: that ends an agent's silence."""
    if _too_late(draft, command.overdue):
        return
    reason = _given_back(draft, command)
    draft.state.give_to("bot", draft.now_ms)
    deliver(draft, _event(draft, command, "resumed", extra={"by": command.by, "reason": reason}))


def _too_late(draft: Draft, overdue: Overdue | None) -> bool:
    """Whether the human who was silent for too long has written meanwhile, or has the conversation no more."""
    state = draft.state
    if overdue is None or (state.owner, state.epoch, state.human_since_ms) == ("human", *_seen(overdue)):
        return False
    draft.count("ignored", "human_came_back")
    return True


def _seen(overdue: Overdue) -> tuple[int, int]:
    return overdue.epoch, overdue.since_ms


def _given_back(draft: Draft, command: Resume | Close) -> str:
    """Why the bot has the conversation again."""
    reason = "timeout" if command.overdue else "order"
    if draft.state.owner == "human":
        draft.count("given_back", reason)
    return reason


def _close(draft: Draft, command: Close) -> None:
    if _too_late(draft, command.overdue):
        return
    reason = _given_back(draft, command)
    if draft.state.owner == "human":
        draft.state.give_to("bot", draft.now_ms)
    context = {"id_chat": draft.state.id_chat, "channel_id": draft.state.channel_id}
    _say(draft, command, Control(action="close", id_campaign=draft.state.id_campaign, **context), "")
    extra: dict[str, Any] = {"by": command.by, "reason": reason}
    extra |= {"transcript": _lines(command)} if command.transcript else {}
    event = replace(_event(draft, command, "session", extra=extra), content=SessionControl(action="close"))
    taps = draft.place.tenant.routing.also
    deliver(draft, event, without="" if command.by in taps else command.by)  # a tap hears the end that it made


def _send(draft: Draft, command: Send) -> None:
    """A message of the ISV's systems, stamped with the conversation and its window. A human who writes has the
    conversation. What was said goes into the transcripts of those who may hand it off, and of those who listen."""
    if command.who == "human":
        _human_speaks(draft, command)
    said = Said(who=command.who, text=shortened(spoken(command.message.content)), at_ms=draft.now_ms)
    tell_agents(draft, said)
    draft.to_line(
        replace(
            command.message,
            tenant=command.tenant,
            did=command.did,
            contact=command.contact,
            to=draft.state.reply_to or command.message.to or command.contact,
            cause=command.message.cause or command.id,
            window_expires_ms=draft.state.window_expires_ms(draft.world.rules.window_ms),
        )
    )
    draft.count("sent", "command")


def _human_speaks(draft: Draft, command: Send) -> None:
    if draft.state.owner != "human":
        draft.state.give_to("human", draft.now_ms)
        draft.count("handed_off", "order")
        event = _event(draft, command, "handed_off", extra={"by": command.by})
        tap(draft, replace(event, id=f"{command.id}.handed_off"))
    draft.state.human_wrote(draft.now_ms)


def _wish(draft: Draft, command: OptOut | OptIn) -> None:
    """The person wants less, or more, by somebody's order."""
    if outdated(draft, command):
        draft.count("ignored", "older_wish")
        return
    back = isinstance(command, OptIn)
    why = command.why or ("opt_in" if back else command.by)
    cause = Cause(command.id, command.by, why, command.at_ms)
    changed = (opt_in if back else opt_out)(draft, command.categories, why)
    if changed and not command.silent:
        announce(draft, cause, back=back)
    if not command.spread:
        share(draft, cause, command.categories, back=back, silent=command.silent)


def _update_crm(draft: Draft, command: UpdateCrm) -> None:
    """Tell the taps, but not the one that said it. Where none hears it a note is left."""
    event = _event(draft, command, "crm", extra={"by": command.by, "fields": command.fields})
    if tap(draft, event, without=command.by):
        draft.count("routed", "crm")
    else:
        drop(draft, event, "no_tap")


def _erase(draft: Draft, command: Erase) -> None:
    erase(draft)


def erase(draft: Draft) -> None:
    """Forget the person: here, at all agents, and under the other keys that led here."""
    aliases.end_all(draft, "erase")
    draft.erase()


def _timer(draft: Draft, timer: Timer) -> None:
    """A timer that is due becomes an event for its agent, in its place among the person's messages. While a human owns
    the conversation, taps alone hear theirs."""
    if timer.due_ms > draft.now_ms:
        raise Undeliverable("timer_not_due", "timers wait at their agent and come here when they are due")
    if timer.agent not in draft.world.agents:
        raise Undeliverable("unknown_agent", f"no agent of type {timer.agent!r} runs here")
    event = _event(draft, timer, "timer", extra={"name": timer.name, "payload": _loaded(timer)})
    if draft.state.owner == "human" and timer.agent not in draft.place.tenant.routing.also:
        draft.to_agent(timer.agent, event, kind="dropped", reason="human_owns")
        draft.count("dropped", "human_owns")
    else:
        draft.to_agent(timer.agent, event)
        draft.count("routed", "timer")


def _loaded(timer: Timer) -> Any:
    return orjson.loads(bytes(timer.payload))


def _event(draft: Draft, order: Command | Timer, kind: EventKind, *, extra: dict[str, Any]) -> InboundEvent:
    return InboundEvent(
        id=order.id,
        tenant=order.tenant,
        did=order.did,
        contact=order.contact,
        reply_to=draft.state.reply_to or order.contact,
        kind=kind,
        at_ms=order.at_ms if isinstance(order, Command) else order.due_ms,
        facts=draft.facts(),
        extra=extra,
    )


def _say(draft: Draft, command: Command, control: Control, text: str) -> None:
    """The control on an API Bot account, else the text to the person, if there is one."""
    content: AnySendable | None = control
    if not _is_bot(draft):
        content = Text(body=text) if text else None
    if content is not None:
        draft.to_line(_message(draft, command, content, 0))


def _say_text(draft: Draft, command: HandOff) -> None:
    draft.to_line(_message(draft, command, Text(body=command.text), 1))


def _is_bot(draft: Draft) -> bool:
    """Whether the line's session account is an API Bot's."""
    account = draft.place.tenant.account_for(draft.place.line, "session")
    return account is not None and account.service == "bot"


def _message(draft: Draft, command: Command, content: AnySendable, ordinal: int) -> OutboundMessage:
    return OutboundMessage(
        id=ids.message_id(draft.did, command.id, BY, ordinal),
        tenant=command.tenant,
        did=command.did,
        contact=command.contact,
        to=draft.state.reply_to or command.contact,
        content=content,
        cause=command.id,
        agent=BY,
        window_expires_ms=draft.state.window_expires_ms(draft.world.rules.window_ms),
        at_ms=draft.now_ms,
    )


_OBEY: dict[type, Callable[[Draft, Any], None]] = {
    HandOff: _hand_off,
    Resume: _resume,
    Close: _close,
    Send: _send,
    OptOut: _wish,
    OptIn: _wish,
    Erase: _erase,
    UpdateCrm: _update_crm,
    Timer: _timer,
}
