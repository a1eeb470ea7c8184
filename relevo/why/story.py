"""The story of one event: what came in, what was decided and why, what agents did, what became of each message. Pure.

Made of a conversation's trail, what egress said, and the tenant as it is now. It holds no words of a person; numbers of
people are masked unless they were asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from processors.routing import Router, Subject
from relevo.dead_letters.letter import Letter
from relevo.why.messages import MessageStory, messages
from relevo.why.parts import (
    AgentStanding,
    Arrived,
    Heard,
    LetterStory,
    Masks,
    OrderStory,
    Rules,
    Standing,
    Story,
)
from relevo.why.rows import row_of
from relevo.why.seen import Seen
from relevo.why.trail import Fates, Trail, agent_of, event_of
from schemas.content import AnyContent, words
from schemas.inbound import InboundEvent
from schemas.tenant import Tenant


def story(trail: Trail, fates: Fates, event_id: str, tenant: Tenant | None, masks: Masks) -> Story:
    """The story of an event or of an order (a command or timer)."""
    teller = _Teller(trail, fates, event_id, masks, tenant)
    told = trail.told_of(event_id)
    records = [*trail.holding(event_id), *(record for record, _ in trail.letters_of(event_id)), *told]
    event = next(filter(None, map(event_of, told)), None)
    origin, agent = trail.origin_of(event_id)
    facts = event.facts if event else None
    heard = [teller.heard(record) for record in told]
    return Story(
        id=masks.id(event_id),
        tenant=records[0].header("tenant") if records else "",
        line=trail.did,
        contact=masks.contact(trail.contact),
        what=_what(event) if event else "",
        at_ms=event.at_ms if event else 0,
        owner=facts.owner if facts else "",
        owner_epoch=facts.owner_epoch if facts else 0,
        window_expires_ms=facts.window_expires_ms if facts else 0,
        late=event.late if event else False,
        caused_by=f"{masks.id(origin)} (agent {agent})" if origin else "",
        arrived=teller.arrived(),
        letters=[_letter(letter) for _, letter in trail.letters_of(event_id)],
        heard=heard,
        also_told=teller.also_told(),
        messages=teller.spoken(event_id, lambda by: by not in {one.agent for one in heard}),
        rules=_rules(told, event, tenant),
        unreadable=[*trail.unreadable, *fates.unreadable],
    )


class _Teller:
    """Tells the parts of one event's story."""

    def __init__(self, trail: Trail, fates: Fates, event_id: str, masks: Masks, tenant: Tenant | None) -> None:
        self._trail, self._fates, self._id, self._masks, self._tenant = trail, fates, event_id, masks, tenant
        self._told = trail.told_of(event_id)
        self._dead = {letter.source for _, letter in trail.letters_of(event_id)}

    def arrived(self) -> list[Arrived]:
        first = next((record.header("source") for record in self._told), "")
        return [
            Arrived(
                place=record.place,
                type=record.type,
                received_ms=record.received_ms,
                standing=self._standing(record, first),
                replay=record.header("replay"),
            )
            for record in self._trail.holding(self._id)
        ]

    def _standing(self, record: Seen, first: str) -> Standing:
        """`first` is the record of which agents were told."""
        if record.place in self._dead:
            return "dead"
        if record.place == first:
            return "done"
        return _passed(self._trail.is_passed(record)) or ("duplicate" if first else "done")

    def heard(self, record: Seen) -> Heard:
        agent = agent_of(record.topic)
        said = self.spoken(self._id, lambda by: by == agent)
        row = row_of(self._trail, record, self._tenant)
        ordered = self._trail.orders_of(row.last.id if row and row.end else self._id, agent)
        orders = [self._order(order) for order in ordered]
        reason = record.header("reason")
        standing: AgentStanding = "spoke"
        if record.type == "dropped":
            standing = "note"
        elif record.place in self._dead:
            standing = "dead"
        elif not said and not orders:
            quiet: AgentStanding = "mute" if self._trail.was_mute(record) else "silent"
            if quiet == "silent" and row and (row.end is None or row.untold):
                quiet, reason = "held", row.untold
            standing = _passed(self._trail.is_passed(record)) or quiet
        return Heard(
            agent=agent,
            place=record.place,
            at_ms=record.at_ms,
            kind=record.type,
            standing=standing,
            rule=record.header("rule"),
            reason=reason,
            messages=said,
            orders=orders,
        )

    def _order(self, record: Seen) -> OrderStory:
        told = [f"{agent_of(one.topic)} ({_what(event)})" for one in self._trail.told_of(record.id)
                if (event := event_of(one)) is not None]  # fmt: skip
        dead = {letter.source for _, letter in self._trail.letters_of(record.id)}
        standing: Standing = _passed(self._trail.is_passed(record)) or "done"
        return OrderStory(
            id=record.id,
            kind=order_kind(record),
            place=record.place,
            at_ms=record.at_ms,
            standing="dead" if record.place in dead else standing,
            told=told,
            messages=self.spoken(record.id, lambda by: True),
        )

    def spoken(self, cause: str, of_agent: Callable[[str], bool]) -> list[MessageStory]:
        """Messages of a cause, those of some agents."""
        found = [(record, message) for record, message in self._trail.messages_of(cause) if of_agent(message.agent)]
        return messages(found, self._fates, self._trail)

    def also_told(self) -> list[str]:
        """Taps that were told that a human took over, seen by way of this event."""
        return [agent_of(record.topic) for record in self._trail.told_of(f"{self._id}.handed_off")]


def _passed(passed: bool | None) -> Literal["pending", "unknown"] | None:
    """What a record is that its group has not passed; None for one that it has."""
    if passed is None:
        return "unknown"
    return None if passed else "pending"


def order_kind(record: Seen) -> str:
    """`hand_off`, `close`, … or `timer`, as the order says itself."""
    for kind in ("hand_off", "resume", "close", "opt_out", "opt_in", "send", "erase", "timer", "update_crm"):
        if f'"type":"{kind}"'.encode() in (record.value or b""):
            return kind
    return record.type


def _what(event: InboundEvent) -> str:
    """What kind of event, without a word of it."""
    return f"{event.kind}: {_content(event.content)}" if event.content else event.kind


def _content(content: AnyContent) -> str:
    kind = str(content.__struct_config__.tag)
    said = words(content)
    return f"{kind} of {len(said)} characters" if said else kind


def _letter(letter: Letter) -> LetterStory:
    return LetterStory(
        address=str(letter.address),
        reason=letter.reason,
        error=letter.error,
        by=letter.by,
        at_ms=letter.at_ms,
        done=letter.done.action if letter.done else "",
        done_ms=letter.done.at_ms if letter.done else 0,
    )


def _rules(told: list[Seen], event: InboundEvent | None, tenant: Tenant | None) -> Rules | None:
    """Only what was routed by rules is explained: timers go to their agent, and orders' news to the taps."""
    decided = [record for record in told if record.header("rule")]
    if event is None or not decided:
        return None
    if tenant is None or tenant.tenant != event.tenant:
        return Rules(lines=[f"tenant {event.tenant} does not have this line now, so its rules cannot be asked"])
    router = Router.of(tenant)
    subject = Subject.of(event, new_contact=bool(decided[0].header("new_contact")))
    picked = next((record for record in decided if record.header("rule") != "also"), None)
    decision, last = router.decide(subject), router.trace(subject)[-1]
    agrees = None
    if picked is not None:
        # The note of a drop may stand with a tap, where the agent does not run.
        there = picked.type == "dropped" or decision.agent == agent_of(picked.topic)
        agrees = there and last.name == picked.header("rule")
    written = max(record.at_ms for record in decided)
    changed = tenant.updated_ms if tenant.updated_ms > written else 0
    return Rules(lines=router.explain(subject), changed_ms=changed, agrees=agrees)
