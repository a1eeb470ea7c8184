"""A person with two keys, a phone and a user id: the user id's key becomes an alias, the way to the phone's.

An event at a phone's key that carries a user id claims it: a record of type `alias` goes to the user id's key, in the
transaction of the event. Whoever owns that key keeps the alias there, hands over what the key knew (see `moving`), and
from then on forwards all that comes: the same bytes, keyed by the phone, with headers that say where they came from.

Promises: an alias leads from a user id to a phone and never on, so there is no circle; it lives as long as the phone's
conversation, which claims again long before it would be idle; who claimed last has it. Where it ends, the user
id's key learns what was handled at the phone's, so that a repeat is known there. Orders for another form of a number
than its canonical one are forwarded in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import orjson

from processors.conversations import moving
from processors.conversations.draft import Draft, Undeliverable
from processors.conversations.state import HASH_BYTES, State
from runtime.kafka.record import Record
from schemas import keys, phone, topics
from schemas.chattigo import webhook
from schemas.chattigo.inbound import Arrival
from schemas.content import NumberChanged
from schemas.headers import ALIAS, ALIAS_ADDRESS, ALIAS_SOURCE, Headers
from schemas.inbound import Alias, MovedTo
from schemas.record import Decoder, RecordError, encode

TYPE = "alias"
LIVES = 2
"""An alias that nobody ends or uses stays so many times as long as an idle conversation."""

_HOUR_MS = 3_600_000
_ID_MAX = 160
_PARENT = ".ENT."
_NOTED = 16

_decoder = Decoder.of(Alias)


def elsewhere(draft: Draft) -> str:
    """The contact to whose conversation the record belongs, if that is not the one of its key."""
    if draft.headers.type == TYPE:
        return ""
    if draft.headers.type in ("command", "timer") and not draft.state.alias:
        contact = phone.identity(draft.place.contact)
        return contact if contact != draft.place.contact else ""
    return draft.state.alias


def forward(draft: Draft) -> None:
    """The record as it came, to the conversation that it belongs to."""
    if draft.forwarded:
        raise Undeliverable("misplaced", "what came by way of an alias is not forwarded again")
    told = [(ALIAS, draft.place.contact), (ALIAS_ADDRESS, draft.state.reply_to), (ALIAS_SOURCE, draft.place_id)]
    headers = [(name, value.encode()) for name, value in told if value]
    draft.to_conversation(elsewhere(draft), draft.record.value, draft.headers.type, *headers)
    if not draft.state.alias:
        draft.erased = True  # a number's other form is nobody's key: nothing is kept there
    elif draft.headers.type == "webhook":
        _note(draft)
    draft.count("forwarded")


def _note(draft: Draft) -> None:
    """Know the latest that was forwarded, should the alias end before the phone's conversation has come to it."""
    room = max(len(draft.state.ids) // HASH_BYTES, _NOTED)
    try:
        found = webhook.read(draft.record.value or b"")
    except orjson.JSONDecodeError:
        return  # a dead letter of the phone's key
    for arrival in found:
        if arrival.id and not draft.state.knows(arrival.id):
            draft.state.remember(arrival.id, room)


def heed(draft: Draft, arrival: Arrival) -> None:
    """Note the person's user id; a new one is claimed when the record is done, one that it replaces is let go."""
    user_id, state = arrival.user_id, draft.state
    if not user_id or len(user_id) > _ID_MAX:
        return
    field = "parent_id" if _PARENT in user_id else "user_id"
    before = getattr(state, field)
    if before == user_id:
        return
    setattr(state, field, user_id)
    state.claimed_h = 0
    if before and phone.is_number(draft.place.contact) and _may_be_alias(before):
        _tell(draft, before, "idle")


def claim(draft: Draft) -> None:
    """At a phone's key, after each record: claim the person's user ids if they are new, and again from time to time."""
    state = draft.state
    if not (state.user_id or state.parent_id) or state.alias or draft.erased:
        return
    hour = draft.now_ms // _HOUR_MS
    often = max(draft.world.rules.idle_ms // (2 * _HOUR_MS), 1)
    if hour - state.claimed_h >= often and phone.is_number(draft.place.contact):
        state.claimed_h = hour
        for user_id in _user_ids(state):
            _tell(draft, user_id)


def end_all(draft: Draft, why: Literal["idle", "erase"]) -> None:
    """No key leads to this conversation any more, nor the one by which the record came."""
    if phone.is_number(draft.place.contact):
        came_by = draft.forwarded.get(ALIAS, "")
        beside = [came_by] if came_by and _may_be_alias(came_by) else []
        for user_id in dict.fromkeys([*_user_ids(draft.state), *beside]):
            _tell(draft, user_id, why)


def number_changed(draft: Draft, content: object) -> None:
    """The person says to have another number now: what is known goes there, and this key begins anew."""
    if not isinstance(content, NumberChanged) or not content.kind.endswith("changed_number"):
        return
    contact = phone.canonical(content.wa_id)
    if phone.is_number(contact) and contact != draft.place.contact:
        moving.leave(draft, contact, "number")
        end_all(draft, "idle")
        draft.state = draft.state.anew()


def left(key: bytes, state: State, tenant: str, partitions: int, ids: bytes = b"") -> Iterator[Record]:
    """The records that end the aliases of a phone's conversation which was idle for long, or is another tenant's; then
    `ids` are what is to be known of it at the user id's key."""
    did, contact = keys.split(key, 2)
    if not state.alias and phone.is_number(contact):
        for user_id in _user_ids(state):
            alias = Alias(id="", tenant=tenant, did=did, user_id=user_id, contact=contact, ends="idle", ids=ids)
            told = Headers(id="", type=TYPE, tenant=tenant, at_ms=0, did=did, contact=user_id).to_kafka()
            place = keys.conversation(did, user_id).encode()
            at = keys.partition(place, partitions)
            yield Record(topics.INBOUND_CONVERSATIONS.name, encode(alias), place, told, partition=at)


def handle(draft: Draft) -> None:
    """A record of type `alias`. Raises Undeliverable for one that is not of this key."""
    try:
        alias: Alias = _decoder.decode(draft.record.value)
    except RecordError as error:
        raise Undeliverable("malformed", str(error)) from None
    here = alias.contact if alias.ends == "taken" else alias.user_id
    if (alias.tenant, alias.did, here) != (draft.tenant, draft.did, draft.place.contact):
        raise Undeliverable("misplaced", "an alias of another key than the record's")
    if not _may_be_alias(alias.user_id) or not phone.is_number(alias.contact):
        raise Undeliverable("misplaced", "an alias leads from a user id to a phone")
    if draft.former and (draft.state.tenant != draft.tenant or not alias.ends):
        draft.count("dropped", "foreign_line")  # the line's aliases were forgotten when it went
    elif alias.ends == "taken":
        _taken(draft, alias)
    elif alias.ends:
        _end(draft, alias)
    else:
        _lead(draft, alias)


def _lead(draft: Draft, alias: Alias) -> None:
    """From now on this key leads to the phone. What it knew until now goes there first."""
    before, went = draft.state.alias, draft.state.epoch
    if not before:
        went = int(draft.state != State())  # the tenant who had the line before may have known the person here, too
        if went:
            moving.leave(draft, alias.contact, "alias")
    elif before != alias.contact:
        _say(draft, before, alias.user_id, before, "taken")
    address = alias.reply_to if alias.reply_to != alias.contact else ""  # most often: nothing to remember
    draft.state = State(alias=alias.contact, reply_to=address, epoch=went, ids=draft.state.ids)
    draft.count("aliased")


def _end(draft: Draft, alias: Alias) -> None:
    """This key leads nowhere any more. To erase is also to erase what followed the alias, or never knew of it."""
    state = draft.state
    if state.alias and state.alias != alias.contact:
        draft.count("ignored", "other_alias")
        return
    if alias.ids:
        state.join_ids(alias.ids, draft.world.rules.ring)
    elif state.alias and alias.ends == "idle":
        state.ids = b""  # the phone's conversation was idle for long, and nothing is repeated any more
    if not state.alias and state.tenant:
        if alias.ends == "erase":
            draft.erase()
        return
    # agents may know somebody here though no conversation went on: by a dead letter that was put back
    for agent in draft.world.agents if state.epoch or alias.ends == "erase" else ():
        if alias.ends == "erase":
            draft.notice(agent, "moved", MovedTo(contact=alias.contact, erase=True))
        else:
            draft.notice(agent, "erase")
    draft.erased = True
    draft.count("alias_ended")


def _taken(draft: Draft, alias: Alias) -> None:
    """The user id is another phone's by now."""
    for field in ("user_id", "parent_id"):
        if getattr(draft.state, field) == alias.user_id:
            setattr(draft.state, field, "")
    draft.erased = not draft.state.tenant
    draft.count("alias_taken")


def _user_ids(state: State) -> list[str]:
    return [user_id for user_id in (state.user_id, state.parent_id) if user_id and _may_be_alias(user_id)]


def _may_be_alias(user_id: str) -> bool:
    """Never a number: an alias must not take a phone's key from its owner."""
    return not phone.is_number(user_id) and keys.SEPARATOR not in user_id


def _tell(draft: Draft, user_id: str, ends: Literal["", "idle", "erase"] = "") -> None:
    """Tell the key of a user id what it is to this conversation."""
    _say(draft, user_id, user_id, draft.place.contact, ends)


def _say(draft: Draft, to: str, user_id: str, contact: str, ends: Literal["", "idle", "erase", "taken"]) -> None:
    alias = Alias(
        id=draft.headers.id,
        tenant=draft.tenant,
        did=draft.did,
        user_id=user_id,
        contact=contact,
        reply_to="" if ends else draft.state.reply_to,
        ends=ends,
        ids=draft.state.ids if ends in ("idle", "erase") else b"",
    )
    draft.to_conversation(to, encode(alias), TYPE)
