"""Doubts of a line: calls of which nobody knows whether Chattigo took them, and what ends one. Pure.

A doubt is never resent blindly: it stands until a receipt settles it, the policy of its class (or of its account, for
a 500) resends it on record, or a person decides. A doubtful reply holds the person's later replies for a while.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from egress.lines.item import Item
from egress.lines.line import Line
from egress.lines.memory.book import ENDED, WAITING
from egress.lines.memory.entry import Entry
from egress.lines.memory.firmness import DROPPED, RESEND_ORDERED, RESEND_REFUSED
from egress.lines.now import Now
from egress.lines.process.fetching import Fetch
from egress.lines.results.attempts import again, conclude, in_lane, release
from egress.lines.results.silence import Resend
from egress.lines.results.verdicts import POLICY_500, backoff_s, resent_by_policy
from egress.lines.work import Work, said_of_plan, waiting_order
from runtime import metrics
from schemas.journal import CallOutcome, Plan
from schemas.line_command import DecideDoubt


def after_doubt(line: Line, entry: Entry, items: list[Item] | None, now: Now) -> None:
    """A plan is in doubt: resent by policy after its time (`items` None: fetched for it), or left standing."""
    plan = entry.plan
    line.doubts[plan.plan_id] = entry
    since_s = now.since_s(entry.outcome.at_ms) if entry.outcome else now.s
    policy = line.rules.resend(plan.tenant, plan.send_class)
    account = line.rules.account(plan)
    hold_s = max(line.rules.settings.doubt_shortest_s, policy.after_s if policy.times else 0)
    if in_lane(plan) and since_s + hold_s > now.s:
        line.lanes.hold(plan.messages[0].contact, since_s + hold_s, plan.plan_id)
    elif in_lane(plan):
        release(line, plan.plan_id)
    wake_s, why = since_s + policy.after_s, class_policy(plan)
    wanted = plan.tries <= policy.times
    if entry.outcome and account and resent_by_policy(entry.outcome, account):
        wake_s, why = since_s + backoff_s(plan.tries, line.rules.settings), POLICY_500
        wanted = plan.tries < line.rules.settings.attempts_max
    decision = entry.outcome.code if entry.outcome else ""
    if decision == RESEND_ORDERED:
        wake_s, why, wanted = now.s, "person", True
    if not wanted or decision == RESEND_REFUSED:
        return
    if items is None:
        line.fetches.append(Fetch(entry, line.book.remaining(entry), wake_s, why))
    else:
        send_again(line, entry, items, wake_s, why, now)


def send_again(line: Line, entry: Entry, items: list[Item], wake_s: float, why: str, now: Now) -> None:
    """The items wait for their next attempt; where it is silence that makes it, also for receipts of other sends."""
    if why == class_policy(entry.plan) and entry.outcome is not None and entry.result == "in_doubt":
        line.silence.wait(Resend(entry.plan, items, entry.outcome.at_ms, wake_s, why))
    else:
        again(line, items, entry.plan.plan_id, wake_s, why, now)


def class_policy(plan: Plan) -> str:
    """As what the policy of its class resends a plan in doubt."""
    return f"policy_{plan.send_class}"


def resend_silent(line: Line, now: Now) -> None:
    """Doubts of which nothing was heard for their policy's time, though receipts flow."""
    for resend in line.silence.due(now.s):
        again(line, resend.items, resend.plan.plan_id, now.s, resend.why, now)


def declare_doubts(line: Line, now: Now, work: Work) -> None:
    """Inherited plans whose call must have ended by now, without a word: they are in doubt."""
    due = [plan_id for plan_id, at_s in line.inherited.items() if at_s <= now.s]
    for plan_id in due:
        del line.inherited[plan_id]
        entry = line.open_plans.pop(plan_id)
        why = "the worker that made the call ended before its outcome was recorded"
        conclude(line, entry, "in_doubt", "no_outcome", why, now, work)
        after_doubt(line, entry, None, now)


def take_order(line: Line, order: DecideDoubt, now: Now, work: Work) -> None:
    """A person's word on a doubt. One on a call of which nothing is known yet waits until it is a doubt, or none."""
    entry = line.book.plan(order.plan_id)
    if entry is not None and entry.outcome is None:
        line.orders[order.plan_id] = order
        work.journal(line.number, entry.plan.tenant, waiting_order(order, WAITING, now.wall_ms))
    elif entry is not None and entry.outcome is not None and entry.result == "in_doubt":
        _decide(line, entry, order, now, work)


def carry_out_orders(line: Line, now: Now, work: Work) -> None:
    """Orders that waited until it was known what became of their calls."""
    for order in list(line.orders.values()):
        entry = line.book.plan(order.plan_id)
        if entry is None or entry.outcome is not None:
            del line.orders[order.plan_id]
            take_order(line, order, now, work)
            work.journal(line.number, entry.plan.tenant if entry else "", waiting_order(order, ENDED, now.wall_ms))


def restore_order(line: Line, word: CallOutcome) -> None:
    """An order that still waited is on the journal."""
    by, _, why = word.reason.partition(": ")
    action: Literal["resend", "drop"] = "resend" if word.order == "resend" else "drop"
    line.orders[word.plan_id] = DecideDoubt(
        id="", did=word.did, at_ms=word.at_ms, by=by, plan_id=word.plan_id, action=action, why=why
    )


def _decide(line: Line, entry: Entry, order: DecideDoubt, now: Now, work: Work) -> None:
    said = f" ({order.by}: {order.why})" if order.why else f" ({order.by})"
    left = line.book.remaining(entry)
    if order.action == "resend":
        line.silence.forget(order.plan_id)
        note(line, entry, RESEND_ORDERED, f"a person ordered that it is sent again{said}", work)
        line.fetches.append(Fetch(entry, left, now.s, "person"))
        return
    told = entry.outcome
    outcome = CallOutcome(
        plan_id=order.plan_id,
        did=line.did,
        result="settled",
        at_ms=now.wall_ms,
        code=DROPPED,
        reason=f"dropped by a person{said}",
        left_out=told.left_out if told else [],
        acted=told.acted if told else False,
        unnamed=told.unnamed if told else [],
    )
    line.book.apply(outcome)
    work.journal(line.number, entry.plan.tenant, outcome)
    dropped = metrics.counter(metrics.EGRESS_SETTLED).labels(message_class=entry.plan.send_class, by="person")
    dropped.inc(len(left))
    for message in left:
        ended = said_of_plan(line.number, entry.plan, "dead", DROPPED, "dropped by a person")
        work.say(ended, message.id, message.contact)
    release(line, order.plan_id)


def note(line: Line, entry: Entry, code: str, reason: str, work: Work) -> None:
    """A doubt stays one; what was decided about it goes on record."""
    if entry.outcome is not None:
        entry.outcome = msgspec.structs.replace(entry.outcome, code=code, reason=reason)
        work.journal(line.number, entry.plan.tenant, entry.outcome)


def in_doubt(line: Line) -> dict[str, int]:
    """Messages in doubt by class; one that a later plan took up counts there."""
    counts: dict[str, int] = {}
    for entry in line.doubts.values():
        counts[entry.plan.send_class] = counts.get(entry.plan.send_class, 0) + len(line.book.remaining(entry))
    return counts


def oldest(line: Line) -> dict[str, int]:
    """By class, since when (wall clock, ms) the call has been in doubt that has been so for longest."""
    since: dict[str, int] = {}
    for entry in line.doubts.values():
        if line.book.remaining(entry):
            at_ms = entry.outcome.at_ms if entry.outcome else entry.plan.at_ms
            kind = entry.plan.send_class
            since[kind] = min(at_ms, since.get(kind, at_ms))
    return since
