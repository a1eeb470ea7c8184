"""Customers write to a line: from a message object to the event that the ISV is owed.

Promises: ids are new, the window opens, the format is the line's. Leaves to `messages`: what a message looks like.
"""

from collections.abc import Sequence

import msgspec

from sandbox.chattigo import envelope, flat, media, messages, outcomes
from sandbox.chattigo.delivery import Item
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_number, person, user_id, written
from sandbox.chattigo.world import World


class Saying(msgspec.Struct, forbid_unknown_fields=True):
    """One message of one customer.

    `message`: a text, or an object as the builders of `messages` make it; `sample`: instead of it, the name of one of
    `messages.SAMPLES`. `user_id`: the customer's BSUID; with `hidden` the phone number is left out (Q31).
    """

    did: str
    contact: str
    message: str | Json = ""
    sample: str = ""
    name: str = "Ana"
    user_id: str | None = None
    hidden: bool = False


def say(world: World, sayings: Sequence[Saying]) -> list[str]:
    """Deliver them (of one line) in one POST, or one each on a flat line; returns the ids. Raises KeyError for no
    such line, ValueError for a client's own channel, where customers write to the client.
    """
    for one in sayings:
        if world.lines[one.did].kind == "channel":
            raise ValueError(f"no line of WhatsApp: {one.did} is a channel, whose customers write to its owner")
    sayings = [_shown(world, one) for one in sayings]
    items = [_item(world, one) for one in sayings]
    fresh = [one for one in sayings if not world.window_open(one.did, one.contact)]
    for one in sayings:
        world.opened(one.did, one.contact)
    world.owe(items, origin="customer")
    for one in fresh:
        if world.knobs.receipts.session_notice and world.lines[one.did].kind == "flat":
            outcomes.session(world, one.did, one.contact)
    return [item.key for item in items]


def _item(world: World, one: Saying) -> Item:
    line = world.lines[one.did]
    body = _body(world, one)
    if line.kind == "flat":
        number = world.flat_id()
        chat = world.chat(one.did, one.contact, one.name)
        event = flat.said(chat, number, body, lambda media_id: media.signed(world, media_id))
        return Item("event", one.did, person(one.contact), str(number), event)
    wamid = world.wamid(one.did, one.contact)
    sender = None if one.hidden else written(one.contact, world.knobs.people.from_form)
    if "id" in body.get("context", {}):
        body = {**body, "context": {"from": one.did, **body["context"]}}
    message = messages.stamp(body, sender=sender, message_id=wamid, at_s=world.now_ms() // 1000, user_id=one.user_id)
    card = None if body["type"] == "system" else envelope.card(one.name, sender, one.user_id)
    return Item("message", one.did, person(one.contact), wamid, message, card)


def _shown(world: World, one: Saying) -> Saying:
    """With the id that the knobs give, and named by it alone if the number is hidden (Q31); only envelopes can."""
    knobs = world.knobs.people
    if world.lines[one.did].kind != "cloud" or not is_number(one.contact):
        return one
    hidden = one.hidden or world.dice.chance(knobs.hidden, "hidden", person(one.contact))
    known = one.user_id or (user_id(world.dice, one.contact) if knobs.bsuid or hidden else None)
    if known:
        world.hides(known, one.contact)
    changes = {"user_id": known, "hidden": hidden, "contact": known if hidden and known else one.contact}
    return msgspec.structs.replace(one, **changes)


def _body(world: World, one: Saying) -> Json:
    return media.sent_by_customer(world, _written(world, one))


def _written(world: World, one: Saying) -> Json:
    if one.sample == "number_change":
        return messages.moved(one.contact)
    if one.sample:
        word = world.dice.digest("sample", one.did, one.contact, world.ledger.counts["event"], size=6).hex()
        return messages.SAMPLES[one.sample](word)
    return messages.text(one.message) if isinstance(one.message, str) else one.message
