"""What is still under way of a tenant when its line has gone to another: what becomes of each record.

| record | what becomes of it |
|---|---|
| `moved`, an order to opt out | the person's wish on the line is taken, and what was handled; nothing else |
| the end of an alias, an order to erase | obeyed, as far as the state is still as that tenant left it |
| an agent's order, a timer | dropped: a note on the agent's topic says `foreign_line`; a hand-off goes back to it |
| an alias that begins | dropped: the line's aliases were forgotten when it went |
| a webhook, an order of anybody else | a dead letter `foreign_line`: somebody sent it, and can look |

Promises: nothing of it is told to the tenant who has the line now, and nothing of that one's is changed but the wish.
"""

from __future__ import annotations

from typing import Any

from processors.conversations import aliases, commands, moving
from processors.conversations.draft import Draft, Undeliverable
from processors.conversations.handing import given_back
from processors.conversations.optouts import opt_out
from schemas.inbound import Close, Erase, EventKind, HandOff, InboundEvent, OptOut, Resume, Timer, UpdateCrm

REASON = "foreign_line"
_KINDS: dict[type, EventKind] = {HandOff: "handed_off", Close: "session", UpdateCrm: "crm", Timer: "timer"}


def handle(draft: Draft) -> None:
    """One record. Raises Undeliverable for one that somebody must look at."""
    match draft.headers.type:
        case aliases.TYPE:
            aliases.handle(draft)
        case moving.TYPE:
            moving.handle(draft)
        case "command" | "timer" if aliases.elsewhere(draft):
            aliases.forward(draft)
        case "command" | "timer":
            _order(draft)
        case _:
            raise Undeliverable(REASON, "the line belongs to another tenant than the record's")


def _order(draft: Draft) -> None:
    state, order = draft.state, commands.read(draft)
    if state.knows(order.id):
        draft.count("duplicate", "order")
        return
    if isinstance(order, Erase):
        if state.tenant == draft.tenant:
            commands.erase(draft)
        else:
            draft.count("dropped", REASON)  # nothing of that tenant's is left here
    elif isinstance(order, Resume | Close) and order.overdue:
        draft.count("dropped", REASON)  # a human of that tenant's was silent, which is nothing to anybody now
    elif isinstance(order, OptOut):
        opt_out(draft, order.categories, order.why or order.by)
    else:
        _drop(draft, order)
    state.remember(order.id, draft.world.rules.ring)


def _drop(draft: Draft, order: Any) -> None:
    """A note for the agent that gave the order, without a word of what is known here now."""
    agent = order.agent if isinstance(order, Timer) else order.by
    if agent not in draft.world.agents:
        raise Undeliverable(REASON, "the line belongs to another tenant than the order's")
    event = InboundEvent(
        id=order.id,
        tenant=order.tenant,
        did=order.did,
        contact=draft.place.contact,
        reply_to=draft.place.contact,
        kind=_KINDS.get(type(order), "system"),
        at_ms=order.due_ms if isinstance(order, Timer) else order.at_ms,
    )
    draft.to_agent(agent, event, kind="dropped", reason=REASON)
    draft.outputs += given_back(draft.record, draft.headers, draft.world)
    draft.count("dropped", REASON)
