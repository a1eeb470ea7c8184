"""What was known of a person under one key goes to another key of the same person: a record, and notices to agents.

It leaves where an alias begins (a user id's key gives way to a phone's) or where the person says to have another
number. It is taken there in the order of that key: a human keeps the conversation, opt-outs are united, the newest
facts stand, and what was handled stays so. Where the line went to another tenant meanwhile, the wish alone is taken and
what was handled. A number that changed takes neither window nor chat along: both are the old
number's. Leaves to `aliases` which key belongs to whom, to agents what they remember (a notice `moved`).
"""

from __future__ import annotations

from typing import Literal

from processors.conversations.draft import Draft, Undeliverable
from processors.conversations.optouts import Cause, unite
from processors.conversations.routed import tap
from processors.conversations.state import State
from schemas import ids
from schemas.inbound import InboundEvent, Moved, MovedTo
from schemas.record import Decoder, RecordError, encode

TYPE = "moved"
_CHAT = ("id_chat", "channel_id", "id_campaign")
_decoder = Decoder.of(Moved)


def leave(draft: Draft, contact: str, why: Literal["alias", "number"]) -> None:
    """What is known here goes to the conversation with `contact`, and so does what agents remember."""
    state = draft.state
    chat = {name: getattr(state, name) for name in _CHAT} if why == "alias" else {}
    moved = Moved(
        id=ids.digest(TYPE, draft.place_id),
        tenant=draft.tenant,
        did=draft.did,
        contact=contact,
        from_contact=draft.place.contact,
        why=why,
        at_ms=draft.received_ms,
        owner=state.owner,
        optout=state.optout,
        language=state.language,
        pinned=state.pinned,
        profile_name=state.profile_name,
        last_inbound_ms=state.last_inbound_ms if why == "alias" else 0,
        ids=state.ids if why == "alias" else b"",
        **chat,
    )
    draft.to_conversation(contact, encode(moved), TYPE)
    if state.optout is not None:
        draft.optout(None)  # here and now: whoever has this key from now on may wish anew before it arrives
    for agent in draft.world.agents:
        draft.notice(agent, TYPE, MovedTo(contact=contact, epoch=state.epoch if why == "alias" else -1))
    draft.count("moved", why)


def handle(draft: Draft) -> None:
    """A record of type `moved`: join what it knows into this conversation."""
    try:
        moved: Moved = _decoder.decode(draft.record.value)
    except RecordError as error:
        raise Undeliverable("malformed", str(error)) from None
    if (moved.tenant, moved.did, moved.contact) != (draft.tenant, draft.did, draft.place.contact):
        raise Undeliverable("misplaced", "what moved belongs to another conversation than the record's key")
    if draft.state.knows(moved.id):
        draft.count("duplicate", TYPE)
        return
    draft.state.join_ids(moved.ids, draft.world.rules.ring)
    if draft.former:
        draft.count("dropped", "foreign_line")
    elif moved.why == "number" or moved.from_contact in (draft.state.user_id, draft.state.parent_id):
        _join(draft, moved)
        draft.count("joined", moved.why)
    else:  # the person was erased here since, or went idle
        draft.count("ignored", "unexpected")
    unite(draft, moved.optout, Cause(moved.id, TYPE, "joined", moved.at_ms))
    draft.state.remember(moved.id, draft.world.rules.ring)


def _join(draft: Draft, moved: Moved) -> None:
    state = draft.state
    newer = moved.last_inbound_ms > state.last_inbound_ms
    for name in ("profile_name", *_CHAT):
        value = getattr(moved, name)
        if value and (newer or not getattr(state, name)):
            setattr(state, name, value)
    _join_language(state, moved, newer)
    state.last_inbound_ms = max(state.last_inbound_ms, moved.last_inbound_ms)
    if moved.owner == "human" and state.owner == "bot":
        state.give_to("human", draft.now_ms)
        tap(draft, _handed_off(draft, moved))


def _join_language(state: State, moved: Moved, newer: bool) -> None:
    """What an order said counts more than what words look like."""
    if not moved.language or state.pinned > moved.pinned:
        return
    if not state.language or moved.pinned > state.pinned or newer:
        state.language, state.pinned = moved.language, moved.pinned


def _handed_off(draft: Draft, moved: Moved) -> InboundEvent:
    return InboundEvent(
        id=f"{moved.id}.handed_off",
        tenant=moved.tenant,
        did=moved.did,
        contact=moved.contact,
        reply_to=draft.state.reply_to or moved.contact,
        kind="handed_off",
        at_ms=moved.at_ms,
        facts=draft.facts(),
        extra={"by": TYPE},
    )
