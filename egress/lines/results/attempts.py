"""Attempts: what all that follows a call has in common: the next attempt, whom it sets free, and the word on what
became of it. Pure.
"""

from __future__ import annotations

from egress.lines.item import REPLIES, Item
from egress.lines.line import Line
from egress.lines.memory.entry import Entry
from egress.lines.now import Now
from egress.lines.pace.stance import HELD_BACK
from egress.lines.work import Work, said_of_plan
from schemas.journal import CallOutcome, Plan, Result
from schemas.outcome import State, merge

PUBLIC: dict[str, State] = {
    "accepted": "accepted",
    "settled": "accepted",
    "refused": "refused",
    "in_doubt": "in_doubt",
}
# The fate of a message of an accepted call that the answer names as not taken.
LEFT_OUT = "refused"
# What a receipt proves.
PROOF = frozenset({"sent", "delivered", "read", "failed"})
PROVEN = "a receipt proves that the call was accepted"


def again(line: Line, items: list[Item], plan_id: str, wake_s: float, why: str, now: Now) -> None:
    """The items wait for their next attempt after this plan; a reason makes it a deliberate resend on record."""
    entry = line.book.plan(plan_id)
    spared = entry is not None and held_back(entry.outcome)
    for item in items:
        line.enqueue(item.again(plan=plan_id, wake_s=wake_s, resend_why=why, spared=spared), now, first=True)
    release(line, plan_id)


def held_back(outcome: CallOutcome | None) -> bool:
    """Whether a plan was not posted because its line was paused or stopped after the plan was made."""
    return outcome is not None and outcome.result == "not_sent" and not outcome.status and outcome.code in HELD_BACK


def release(line: Line, plan_id: str) -> None:
    """The lane that waited for a plan goes on."""
    entry = line.book.plan(plan_id)
    if entry is None or not entry.open:
        line.doubts.pop(plan_id, None)
        line.silence.forget(plan_id)
    if entry is not None and in_lane(entry.plan):
        line.lanes.release(entry.plan.messages[0].contact, plan_id)


def in_lane(plan: Plan) -> bool:
    """Whether the plan is a reply, which the person's next reply waits for."""
    return plan.lane or plan.messages[0].source == REPLIES


def mark(entry: Entry, outcome: CallOutcome) -> None:
    """What became of a call moves the public state of its messages; of those that were left out when it is acted on."""
    known = entry.outcome or outcome
    if not known.tells_apart:
        state = PUBLIC.get(outcome.result)
        entry.states = [merge(current, state) if state else current for current in entry.states]
        return
    for at, current in enumerate(entry.states):
        fate = entry.fate(at)
        if fate != LEFT_OUT:
            entry.states[at] = merge(current, PUBLIC[fate])
        elif known.acted:
            entry.states[at] = merge(current, "failed")


def conclude(line: Line, entry: Entry, result: Result, code: str, reason: str, now: Now, work: Work) -> None:
    """The owner itself says what a call is now: on the journal, and on `outcomes` where that is news."""
    plan = entry.plan
    outcome = CallOutcome(
        plan_id=plan.plan_id,
        did=plan.did,
        result=result,
        at_ms=now.wall_ms,
        code=code,
        reason=reason,
        provider_ids=entry.ids if any(entry.ids) else [],
    )
    line.book.apply(outcome)
    line.learn(plan, outcome)
    work.journal(line.number, plan.tenant, outcome)
    said = said_of_plan(line.number, plan, PUBLIC[result], code, reason)
    for index, message in enumerate(plan.messages):
        state = merge(entry.states[index], PUBLIC[result])
        if state != entry.states[index]:
            entry.states[index] = state
            work.say(said, message.id, message.contact)
