"""What a webhook changes: every arrival of the body is observed, and then routed, noted or recognised.

A chat is a human's as soon as an event says so (`stateAgent` AGENT). It comes back to the bot by the chat's own
`transfer`, `close` or `timeout`, or by a command, never because an event still says BOT: right after a hand-off
the provider's events may be older than it.
"""

from __future__ import annotations

import orjson
from msgspec.structs import replace

from processors.agents.transcript import heard as spoken
from processors.agents.transcript import shortened
from processors.conversations import aliases, optouts
from processors.conversations.draft import Draft, Undeliverable
from processors.conversations.language import heard
from processors.conversations.routed import deliver, drop, tap, tell_listeners
from schemas.chattigo import webhook
from schemas.chattigo.inbound import Arrival
from schemas.content import SessionControl, words
from schemas.headers import ALIAS_ADDRESS
from schemas.inbound import EventKind, InboundEvent, Overheard

_FACT_MAX = 160  # a state is small, whatever a payload says

_KINDS: dict[str, EventKind] = {"message": "message", "echo": "system", "system": "system", "control": "session"}


def handle(draft: Draft) -> None:
    """Every arrival of the record's body, in order. Raises Undeliverable for a body that says nothing."""
    try:
        found = webhook.read(draft.record.value or b"")
    except orjson.JSONDecodeError:
        raise Undeliverable("not_json", "the body is not JSON") from None
    if not found:
        raise Undeliverable("no_arrivals", "the body has no message, echo or control of a chat")
    nameless = 0
    for arrival in found:
        event_id = arrival.id or _place_id(draft, nameless)
        nameless += not arrival.id
        _one(draft, arrival, event_id)


def _place_id(draft: Draft, ordinal: int) -> str:
    """The id of an event that has none: where it stands, and as the how-manieth nameless one of its record."""
    return f"{draft.place_id}.{ordinal}" if ordinal else draft.place_id


def _one(draft: Draft, arrival: Arrival, event_id: str) -> None:
    """One arrival. What nobody can get is left for the dead letter and not remembered: it may be put back."""
    if not draft.is_ours(arrival.did, arrival.contact):
        draft.undeliverable = Undeliverable("misplaced", "an event of another conversation than the record's key")
        return
    if draft.state.knows(event_id):
        draft.count("duplicate")
        return
    before = draft.mark()
    try:
        _account_for(draft, arrival, event_id)
    except Undeliverable as error:
        draft.back_to(before)
        draft.undeliverable = error
        return
    draft.state.remember(event_id, draft.world.rules.ring)


def _account_for(draft: Draft, arrival: Arrival, event_id: str) -> None:
    new_contact = not draft.state.last_inbound_ms
    _observe(draft, arrival)
    if arrival.owner == "human" and arrival.kind != "control" and draft.state.owner == "bot":
        draft.state.give_to("human", draft.now_ms)
        draft.count("handed_off", "seen")
        tap(draft, _derived(draft, arrival, event_id))
    match arrival.kind:
        case "echo":
            _echo(draft, arrival, event_id)
        case "control":
            _control(draft, arrival, event_id)
        case _:
            _hear_language(draft, arrival, words(arrival.content))
            _hear(draft, arrival, event_id, new_contact=new_contact)
            aliases.number_changed(draft, arrival.content)


def _echo(draft: Draft, arrival: Arrival, event_id: str) -> None:
    """What others wrote to the person: while a human owns the chat the human, unless the echo says otherwise."""
    event = _event(draft, arrival, event_id)
    if draft.state.owner == "human" and arrival.owner != "bot":
        draft.state.human_wrote(draft.now_ms)
        if arrival.content is not None:
            text = shortened(spoken(arrival.content))
            tell_listeners(draft, Overheard(who="human", text=text, at_ms=event.at_ms, echo=True))
    drop(draft, event, "echo")


def _hear(draft: Draft, arrival: Arrival, event_id: str, *, new_contact: bool) -> None:
    """Route a message. One that is an opt-out word is obeyed and answered here: the agent is told that, and taps get
    the message like any other."""
    word = optouts.said(draft, arrival.content)
    changed = word is not None and optouts.obey(draft, word)
    event = _event(draft, arrival, event_id)
    instead = optouts.instead(draft, word, event) if word is not None else None
    deliver(draft, event, new_contact=new_contact, instead=instead)
    if word is not None:
        optouts.answer(draft, word, event, changed=changed)


def _control(draft: Draft, arrival: Arrival, event_id: str) -> None:
    """The chat is given back (`transfer`) or ends; either way the bot owns it from now on."""
    action = arrival.content.action if isinstance(arrival.content, SessionControl) else ""
    if draft.state.owner == "human":
        draft.count("given_back", "transfer" if action == "transfer" else "closed")
    if action == "transfer" or draft.state.owner == "human":
        draft.state.give_to("bot", draft.now_ms)
    event = _event(draft, arrival, event_id)
    if action == "transfer":
        event = replace(event, kind="resumed", extra={**event.extra, "reason": "transfer"})
    deliver(draft, event)


def _observe(draft: Draft, arrival: Arrival) -> None:
    """Take over what the arrival says of the conversation; what it does not say stays."""
    state = draft.state
    if arrival.profile_name:
        state.profile_name = arrival.profile_name[:_FACT_MAX]
    if arrival.id_chat:
        state.id_chat = arrival.id_chat[:_FACT_MAX]
    if arrival.channel_id:
        state.channel_id = arrival.channel_id[:_FACT_MAX]
    if arrival.id_campaign:
        state.id_campaign = arrival.id_campaign[:_FACT_MAX]
    # by a user id alone the person is answered as a phone, in the form that is known of it
    came_here = arrival.contact == draft.place.contact
    address = arrival.reply_to if came_here else state.reply_to or draft.forwarded.get(ALIAS_ADDRESS, "")
    state.reply_to = address[:_FACT_MAX] or state.reply_to
    aliases.heed(draft, arrival)
    if arrival.kind == "message":
        state.last_inbound_ms = max(state.last_inbound_ms, _said_ms(draft, arrival))


def _hear_language(draft: Draft, arrival: Arrival, said: str) -> None:
    """What the person writes in, among the tenant's languages; an order has said it better."""
    if arrival.kind == "message" and not draft.state.pinned:
        draft.state.language = heard(draft.state.language, said, draft.place.tenant.spoken)


def _said_ms(draft: Draft, arrival: Arrival) -> int:
    """When the person wrote: WhatsApp's own time, never later than we received it."""
    return min(arrival.at_ms, draft.received_ms) if arrival.at_ms > 0 else draft.received_ms


def _event(draft: Draft, arrival: Arrival, event_id: str) -> InboundEvent:
    at_ms = _said_ms(draft, arrival)
    return InboundEvent(
        id=event_id,
        tenant=draft.place.tenant.tenant,
        did=draft.did,
        contact=draft.place.contact,
        reply_to=draft.state.reply_to or draft.place.contact,
        kind=_KINDS[arrival.kind],
        at_ms=at_ms,
        content=arrival.content,
        context=arrival.context,
        referral=arrival.referral,
        late=draft.now_ms - at_ms > draft.world.rules.late_ms,
        facts=draft.facts(),
        extra=arrival.extra,
    )


def _derived(draft: Draft, arrival: Arrival, event_id: str) -> InboundEvent:
    """The event that a human took over, seen by way of another event."""
    event = _event(draft, arrival, f"{event_id}.handed_off")
    return replace(event, kind="handed_off", content=None, context=None, referral=None, extra={})
