"""An agent that does what it is told, and what `relevo why` tells of what it did."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from relevo import Action, Close, Conversation, HandOff, InboundEvent, OptOut, Reply, Schedule, text_of
from relevo.why import show
from relevo.why.parts import Masks, Story
from relevo.why.story import story
from relevo.why.trail import Fates
from runtime.kafka.record import Record
from schemas.journal import CallOutcome, Plan, PlannedMessage
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.record import encode
from schemas.tenant import Routing, Rule, Tenant
from tests.builders.conversations import NOW, posted, tenant, world
from tests.builders.log import Log
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value

KEY = f"{LINE}|{PERSON}"
WAMID = "wamid." + base64.b64encode(b"\x1d\x0b" + PERSON.encode()).decode()


async def bot(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Does what it is told."""
    match text_of(event):
        case "raise":
            raise ValueError("odd")
        case "human":
            yield HandOff(text="te paso")
        case "bye":
            yield Close()
        case "no more":
            yield OptOut()
        case "later":
            yield Schedule("tea", 60)
        case "nothing":
            return
    if event.kind == "message":
        yield Reply.text("claro")


def log(*rules: Rule, also: list[str] | None = None, config: Any = None) -> Log:
    routing = Routing(route=[*rules, Rule(to="bot")], also=also or [])
    return Log(world(tenant(routing=routing, updated_ms=1), ("bot", "crm")), config, bot=bot)


def said(text: str = "hola", wamid: str = "wamid.HOLA1", **fields: Any) -> Any:
    return posted(cloud(cloud_value(messages=[cloud_text(text, wamid=wamid) | fields])))


def told(one: Log, event_id: str, now: Tenant | None = None, clear: bool = False, fates: Fates | None = None) -> Story:
    acme = now or one.world.owner(LINE)
    return story(one.trail(), fates or Fates([]), event_id, acme, Masks(event_id, clear))


def text(of: Story) -> str:
    return "\n".join(show.lines(of))


def has(found: str, *parts: str) -> None:
    for part in parts:
        assert part in found, found


def egress(one: Log, message: OutboundMessage, *states: str, on: str = "p2", **fields: Any) -> Fates:
    """What egress put on record of a message."""
    plan = Plan(
        plan_id="p1", tenant="acme", did=LINE, account="a", route="session", send_class="reply", digest="d",
        messages=[PlannedMessage(message.id, PERSON, PERSON, "outbound.replies", 0)], deadline_ms=NOW, at_ms=NOW + 1,
    )  # fmt: skip
    again = msgspec.structs.replace(plan, plan_id="p2", attempt=2, resend_of="p1", resend_why="person", at_ms=NOW + 9)
    one.write(Record("egress.journal", encode(plan), f"{LINE}|p1".encode()))
    call = CallOutcome(
        plan_id="p1", did=LINE, result="in_doubt", at_ms=NOW + 2, provider_ids=["wamid.PROVIDER"], code="broken"
    )
    one.write(Record("egress.journal", encode(call), f"{LINE}|p1|outcome".encode()))
    if "resent" in states:
        one.write(Record("egress.journal", encode(again), f"{LINE}|p2".encode()))
    for number, state in enumerate(s for s in states if s != "resent"):
        outcome = Outcome(
            tenant="acme", did=LINE, state=state, at_ms=NOW + 20 + number, message_ids=[message.id],  # type: ignore[arg-type]
            contacts=[PERSON], plan_id=on, **fields,
        )  # fmt: skip
        one.write(Record("outcomes", encode(outcome), LINE.encode()))
    return Fates([message.id]).read(one.records["egress.journal"]).read(one.records["outcomes"])
