"""Doubts of a line: calls of which nobody knows whether Chattigo took them, and what ends one. Pure.

A doubt is never resent blindly: it stands until a receipt settles it, the policy of its class (or of its account, for
a 500) resends it on record, or a person decides. A doubtful reply holds the person's later replies for a while.
"""

from __future__ import annotations

import msgspec

from egress.lines.attempts import again, conclude, in_lane, release, remaining
from egress.lines.book import RESEND_ORDERED, RESEND_REFUSED, Entry
from egress.lines.fetching import Fetch
from egress.lines.item import Item
from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.silence import Resend
from egress.lines.verdicts import POLICY_500, backoff_s, resent_by_policy
from egress.lines.work import Work, said_of_plan
from schemas.journal import CallOutcome, Plan


def after_doubt(line: Line, entry: Entry, items: list[Item] | None, now: Now) -> None:
    """A plan is in doubt: resent by policy after its time (`items` None: fetched for it), or left standing."""
    plan = entry.plan
    line.doubts[plan.plan_id] = entry
    since_s = now.at_ms(entry.outcome.at_ms) if entry.outcome else now.s
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
        line.fetches.append(Fetch(entry, remaining(line, entry), wake_s, why))
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


def decide(line: Line, plan_id: str, action: str, now: Now, work: Work) -> None:
    """A person's word on a doubt: resend it on record, or drop it."""
    entry = line.book.plan(plan_id)
    if entry is None or entry.result != "in_doubt":
        return
    if action == "resend":
        line.silence.forget(plan_id)
        note(line, entry, RESEND_ORDERED, "a person ordered that it is sent again", work)
        line.fetches.append(Fetch(entry, remaining(line, entry), now.s, "person"))
        return
    outcome = CallOutcome(
        plan_id=plan_id, did=line.did, result="settled", at_ms=now.wall_ms, code="dropped", reason="dropped by a person"
    )
    line.book.apply(outcome)
    work.journal(line.number, entry.plan.tenant, outcome)
    for message in entry.plan.messages:
        work.say(said_of_plan(line.number, entry.plan, "dead", "dropped", outcome.reason), message.id, message.contact)
    release(line, plan_id)


def note(line: Line, entry: Entry, code: str, reason: str, work: Work) -> None:
    """A doubt stays one; what was decided about it goes on record."""
    if entry.outcome is not None:
        entry.outcome = msgspec.structs.replace(entry.outcome, code=code, reason=reason)
        work.journal(line.number, entry.plan.tenant, entry.outcome)


def in_doubt(line: Line) -> dict[str, int]:
    """Messages in doubt by class; one that a later plan took up counts there."""
    counts: dict[str, int] = {}
    for entry in line.doubts.values():
        counts[entry.plan.send_class] = counts.get(entry.plan.send_class, 0) + len(remaining(line, entry))
    return counts
