"""Customers write to a line: from a message object to the event that the ISV is owed.

Promises: ids are new, the window opens, the format is the line's. Leaves to `messages`: what a message looks like.
"""

from collections.abc import Sequence

import msgspec

from sandbox.chattigo import envelope, flat, messages, receipts
from sandbox.chattigo.delivery import Item
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import person
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
    such line.
    """
    items = [_item(world, one) for one in sayings]
    fresh = [one for one in sayings if not world.window_open(one.did, one.contact)]
    for one in sayings:
        world.opened(one.did, one.contact)
    world.owe(items, origin="customer")
    for one in fresh:
        _session(world, one)
    return [item.key for item in items]


def _item(world: World, one: Saying) -> Item:
    line = world.lines[one.did]
    body = _body(world, one)
    if line.kind == "flat":
        number = world.flat_id()
        event = flat.said(world.chat(one.did, one.contact, one.name), number, body)
        return Item("event", one.did, person(one.contact), str(number), event)
    wamid = world.wamid(one.did, one.contact)
    sender = None if one.hidden else one.contact
    message = messages.stamp(body, sender=sender, message_id=wamid, at_s=world.now_ms() // 1000, user_id=one.user_id)
    card = None if body["type"] == "system" else envelope.card(one.name, sender, one.user_id)
    return Item("message", one.did, person(one.contact), wamid, message, card)


def _body(world: World, one: Saying) -> Json:
    if one.sample == "number_change":
        return messages.number_change(one.contact, one.contact[:-6] + "2" + one.contact[-5:])
    if one.sample:
        word = world.dice.digest("sample", one.did, one.contact, world.ledger.counts["event"], size=6).hex()
        return messages.SAMPLES[one.sample](word)
    return messages.text(one.message) if isinstance(one.message, str) else one.message


def _session(world: World, one: Saying) -> None:
    """The notice that a window opened, with the id of the last template if there was one (Q29)."""
    if not world.knobs.receipts.session_notice or world.lines[one.did].kind != "flat":
        return
    last = world.last_template(one.did, one.contact)
    known = (last.destination_id or last.root_id) if last else None
    payload = flat.notification("session", one.did, one.contact, known)
    step = receipts.Step(0, "session")
    world.notify(payload, "flat", one.did, person(one.contact), known, step, last.wamid if last else "")
