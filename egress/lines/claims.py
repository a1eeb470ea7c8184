"""Claims: what a receipt does to the send that it belongs to. Pure.

It may settle the whole call, moves one message's state on, and tells of the provider's ids, which go on record.
"""

from __future__ import annotations

from typing import cast

import msgspec

from egress.lines.attempts import PROOF, conclude, release
from egress.lines.book import Place
from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.work import Said, Work, said_of_plan
from runtime import metrics
from schemas.chattigo.inbound import Receipt
from schemas.journal import Plan
from schemas.outcome import State, merge

# What a receipt proves wrong; a "not now" too, whose next attempt is then not made.
_UNPROVEN = frozenset({"in_doubt", "not_sent", "throttled"})


def claim(line: Line, receipt: Receipt, place: Place, now: Now, work: Work) -> None:
    """A receipt of this send: it may settle the whole call, and moves one message's state on."""
    entry, index = place
    plan = entry.plan
    metrics.counter(metrics.EGRESS_RECEIPTS).labels(tenant=plan.tenant, state=receipt.state).inc()
    if receipt.state not in PROOF:
        return
    inherited = plan.plan_id in line.inherited
    if entry.result in _UNPROVEN or inherited:
        line.inherited.pop(plan.plan_id, None)
        line.open_plans.pop(plan.plan_id, None)
        conclude(line, entry, "settled", "receipt", "a receipt proves that the call was accepted", now, work)
        release(line, plan.plan_id)
        settled_by = metrics.counter(metrics.EGRESS_SETTLED).labels(message_class=plan.send_class, by="receipt")
        settled_by.inc(len(plan.messages))
    state = merge(entry.states[index], receipt.state)
    if state == entry.states[index]:
        return
    entry.states[index] = state
    work.say(_said_of_receipt(line, plan, receipt), plan.messages[index].id, plan.messages[index].contact)


def _said_of_receipt(line: Line, plan: Plan, receipt: Receipt) -> Said:
    error = receipt.errors[0] if receipt.errors else None
    code, title = (error.code, error.title) if error else ("", "")
    said = said_of_plan(line.number, plan, cast(State, receipt.state), code, title)
    return said._replace(billable=receipt.billable, category=receipt.category)


def record_bindings(line: Line, work: Work) -> None:
    """What receipts told of the provider's ids goes on record: a new owner must not bind the next ones elsewhere."""
    for entry in line.book.newly_guessed():
        if entry.outcome is not None and entry.outcome.provider_ids != entry.ids:
            entry.outcome = msgspec.structs.replace(entry.outcome, provider_ids=list(entry.ids))
            work.journal(line.number, entry.plan.tenant, entry.outcome)
