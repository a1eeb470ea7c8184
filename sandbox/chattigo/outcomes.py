"""Receipts of accepted sends: when each is due, in which form, and what the ledger has of it.

Promises: a receipt is in the ledger before it leaves, also one that a knob loses. Leaves to `receipts`: which follow;
to `delivery`: getting them out.
"""

from typing import Any, Literal

from sandbox.chattigo import envelope, flat, receipts
from sandbox.chattigo.delivery import Item, Parcel
from sandbox.chattigo.ledger import Receipt, Recipient
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_user_id, person, user_id, wa_id
from sandbox.chattigo.world import Sent, World

Form = Literal["cloud", "flat"]
FORMS: dict[str, tuple[Form, ...]] = {"flat": ("flat",), "cloud": ("cloud",), "both": ("flat", "cloud"), "none": ()}
"""What the knobs `receipts.hsm` and `receipts.bot` stand for."""


def promise(world: World, sent: Sent) -> None:
    """Schedule the receipts of an accepted send."""
    for step in receipts.plan(sent.wamid, world.knobs.receipts, world.dice, sent.code):
        if sent.untold and step.state not in ("sent", "failed"):
            continue
        for form in sent.forms:
            world.later(sent.wait_s + step.after_s, lambda step=step, form=form: _due(world, sent, step, form))  # type: ignore[misc]


def _due(world: World, sent: Sent, step: receipts.Step, form: Form) -> None:
    error = receipts.error(step.code) if step.code is not None else None
    if form == "cloud":
        notify(world, _status(world, sent, step, error), form, sent, sent.wamid, step, _card(world, sent))
    else:
        payload = flat.notification(step.state, sent.did, sent.to, sent.client_id, error)
        notify(world, payload, form, sent, sent.client_id, step)


def _status(world: World, sent: Sent, step: receipts.Step, error: Json | None) -> Json:
    hidden = is_user_id(sent.to)
    recipient = "" if hidden else wa_id(sent.to, world.knobs.number_forms)
    known = sent.to if hidden else user_id(world.dice, sent.to) if world.knobs.people.bsuid else ""
    now_s = world.now_ms() // 1000
    payload = envelope.status(
        sent.wamid, step.state, recipient, now_s, category=sent.category, error=error, user_id=known
    )
    if sent.opaque is not None and world.knobs.opaque == "echo":
        payload["biz_opaque_callback_data"] = sent.opaque
    return payload


def _card(world: World, sent: Sent) -> Json | None:
    """The person, where envelopes name people by an id (Q31): Meta's receipts have a card since then."""
    if not world.knobs.people.bsuid:
        return None
    hidden = is_user_id(sent.to)
    known = sent.to if hidden else user_id(world.dice, sent.to)
    return envelope.card(world.name(sent.to), None if hidden else wa_id(sent.to, world.knobs.number_forms), known)


def notify(
    world: World, payload: Json, form: Form, sent: Sent, known: Any, step: receipts.Step, card: Json | None = None
) -> None:
    """Write down a receipt and send it, unless the knob loses it. `known`: the id that it names the send by."""
    key, contact = f"{'' if known is None else known}:{step.state}", person(sent.to)
    receipt = Receipt(
        receipt=key, did=sent.did, contact=contact, wamid=sent.wamid, id=None if known is None else str(known),
        state=step.state, format=form, code=step.code, lost=step.lost,
    )  # fmt: skip
    world.ledger.write(receipt)
    if not step.lost:
        kind: Literal["status", "notification"] = "status" if form == "cloud" else "notification"
        world.post.put(Parcel((Item(kind, sent.did, contact, key, payload, card),), "notifications"))


def session(world: World, did: str, contact: str) -> None:
    """The notice that a window opened, with the id of the last template to this person if there was one (Q29)."""
    last = _last_template(world, did, contact)
    known = (last.destination_id or last.root_id) if last else None
    sent = Sent(did, contact, last.wamid if last else "", known, ("flat",))
    notify(world, flat.notification("session", did, contact, known), "flat", sent, known, receipts.Step(0, "session"))


def _last_template(world: World, did: str, contact: str) -> Recipient | None:
    for entry in reversed(world.ledger.of(Recipient)):
        if (entry.did, entry.contact) == (did, person(contact)):
            return entry
    return None
