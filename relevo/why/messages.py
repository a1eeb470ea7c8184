"""What became of each message, from what egress put on record. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from relevo.why.seen import Seen
from relevo.why.trail import Fates, Trail
from schemas import topics
from schemas.journal import CallOutcome, Plan
from schemas.outbound import OutboundMessage
from schemas.outcome import merge
from schemas.record import Frozen


class Step(Frozen):
    """One thing that was put on record: a state on `outcomes`, or a plan in the journal."""

    at_ms: int
    state: str
    plan: str = ""
    code: str = ""
    reason: str = ""


class MessageStory(Frozen):
    """`state` is the one that counts: of `outcomes`, else `planned`, or `waiting` where egress has not come to it."""

    id: str
    state: str
    agent: str = ""
    kind: str = ""
    place: str = ""
    at_ms: int = 0
    steps: list[Step] = []


def messages(sent: Iterable[tuple[Seen, OutboundMessage]], fates: Fates, trail: Trail) -> list[MessageStory]:
    """The stories of messages, each once, in the order in which they were written."""
    found: dict[str, MessageStory] = {}
    for record, message in sent:
        if message.id not in found:
            found[message.id] = _story(message.id, fates, trail, record, message)
    return list(found.values())


def nameless(message_id: str, fates: Fates, trail: Trail) -> MessageStory:
    """A message of which only egress' records tell, such as a campaign's."""
    return _story(message_id, fates, trail)


def _story(
    message_id: str, fates: Fates, trail: Trail, record: Seen | None = None, message: OutboundMessage | None = None
) -> MessageStory:
    steps = sorted([*_said(message_id, fates), *_planned(message_id, fates), *_buried(message_id, trail)],
                   key=lambda step: step.at_ms)  # fmt: skip
    state: str | None = None
    for step in steps:
        if step.state != "planned":
            state = merge(state, step.state)
    return MessageStory(
        id=message_id,
        state=state or ("planned" if steps else "waiting"),
        agent=message.agent if message else "",
        kind=str(message.content.__struct_config__.tag) if message else "",
        place=record.place if record else "",
        at_ms=message.at_ms if message else 0,
        steps=steps,
    )


def _said(message_id: str, fates: Fates) -> Iterable[Step]:
    for outcome in fates.outcomes:
        if message_id in outcome.message_ids:
            yield Step(
                at_ms=outcome.at_ms,
                state=outcome.state,
                plan=outcome.plan_id,
                code=outcome.code,
                reason=outcome.reason,
            )


def _planned(message_id: str, fates: Fates) -> Iterable[Step]:
    """Plans as steps; what became of a call is told too while `outcomes` does not say it yet."""
    heard = {outcome.plan_id for outcome in fates.outcomes}
    for plan in fates.plans.values():
        if any(message.id == message_id for message in plan.messages):
            yield Step(at_ms=plan.at_ms, state="planned", plan=plan.plan_id, reason=_attempt(plan))
            for call in fates.calls.get(plan.plan_id, []):
                if plan.plan_id not in heard and call.result in ("accepted", "refused", "not_sent", "in_doubt"):
                    yield _called(plan, call, message_id)


def _called(plan: Plan, call: CallOutcome, message_id: str) -> Step:
    """What became of the call for this message, which its answer may have left out."""
    for one in call.left_out:
        if plan.messages[one.at].id == message_id:
            return Step(at_ms=call.at_ms, state="not_sent", plan=plan.plan_id, code=one.code, reason=one.reason)
    return Step(at_ms=call.at_ms, state=call.result, plan=plan.plan_id, code=call.code, reason=call.reason)


def _attempt(plan: Plan) -> str:
    if plan.resend_of:
        return f"attempt {plan.attempt}, resend of {plan.resend_of} ({plan.resend_why})"
    return f"attempt {plan.attempt}" if plan.attempt > 1 else ""


def _buried(message_id: str, trail: Trail) -> Iterable[Step]:
    for record, letter in trail.letters:
        if record.id == message_id and record.topic.removesuffix(topics.DEAD_LETTERS) in _MESSAGES:
            yield Step(at_ms=letter.at_ms, state="dead", code=letter.reason, reason=f"dead letter {letter.address}")


_MESSAGES = (topics.OUTBOUND_REPLIES.name, topics.OUTBOUND_TEMPLATES.name)
