"""Claims: what a receipt does to the send that it belongs to. Pure.

It may settle the whole call, moves one message's state on, tells of the provider's ids, and where the message failed
for a reason that passes it orders another attempt. `failed` is said in public only when there will be none.
"""

from __future__ import annotations

from typing import cast

import msgspec

from egress.lines.campaigns.heard import NO_CODE
from egress.lines.line import Line
from egress.lines.memory.book import given_up
from egress.lines.memory.entry import Entry, Place
from egress.lines.now import Now
from egress.lines.pace import signals
from egress.lines.process.fetching import Fetch
from egress.lines.receipts.failures import (
    Order,
    certain,
    code_of,
    failed_with,
    next_attempt,
    of_earlier_attempt,
    pause_s,
)
from egress.lines.receipts.receipts import Waiting
from egress.lines.results.attempts import LEFT_OUT, PROOF, PROVEN, conclude, release
from egress.lines.work import Said, Work, said_of_plan, word
from runtime import metrics
from schemas.chattigo.inbound import Receipt
from schemas.journal import CallOutcome, LeftOut, Plan
from schemas.outcome import State, merge

# What a receipt proves wrong; a "not now" too, whose next attempt is then not made. It is proof also of a call whose
# answer is not there yet: a new owner that finds no outcome must not take it for a doubt.
_UNPROVEN = frozenset({"", "in_doubt", "not_sent", "throttled"})


def claim(line: Line, waiting: Waiting, place: Place, now: Now, work: Work) -> None:
    """A receipt of this send: it may settle the whole call, and moves one message's state on."""
    receipt = waiting.receipt
    entry, index = place
    plan = entry.plan
    metrics.counter(metrics.EGRESS_RECEIPTS).labels(tenant=plan.tenant, state=receipt.state).inc()
    if receipt.state not in PROOF or of_earlier_attempt(receipt, place):
        return
    if receipt.state == "failed":
        signals.failed(line, plan, plan.messages[index], code_of(receipt), now)
    _settle(line, place, receipt, now, work)
    if place.fate in ("accepted", "settled"):
        line.silence.heard(plan, waiting.letter.at_ms or now.wall_ms)
    state = merge(entry.states[index], receipt.state)
    if state == entry.states[index]:
        return
    entry.states[index] = state
    message = plan.messages[index]
    if state != "failed":
        line.end_order(plan.plan_id, message.id, plan.tenant, work)
    elif _is_followed(line, place, code_of(receipt), certain(line.book, receipt, place), now, work):
        return
    if plan.campaign and state != "sent":
        code = (code_of(receipt) or NO_CODE) if state == "failed" else ""
        line.campaigns.hear(plan.campaign, message.source, message.position, code)
    work.say(_said_of_receipt(line, plan, receipt), message.id, message.contact)


def awaits_answer(line: Line, entry: Entry) -> bool:
    """Whether it is a batch whose own call is under way: its answer may tell the recipients apart."""
    plan_id, several = entry.plan.plan_id, entry.plan.route == "batch" and len(entry.plan.messages) > 1
    return several and not entry.result and plan_id in line.open_plans and plan_id not in line.inherited


def _settle(line: Line, place: Place, receipt: Receipt, now: Now, work: Work) -> None:
    entry, plan = place.entry, place.entry.plan
    if entry.outcome is not None and entry.outcome.tells_apart:
        if place.at in entry.outcome.unnamed and entry.result == "in_doubt":
            _settle_one(line, entry, place.at)
        elif place.fate == LEFT_OUT:
            _take_back(line, entry, place.at, failed=receipt.state == "failed")
    elif entry.result in _UNPROVEN or given_up(entry):
        line.inherited.pop(plan.plan_id, None)
        line.open_plans.pop(plan.plan_id, None)
        conclude(line, entry, "settled", "receipt", PROVEN, now, work)
        release(line, plan.plan_id)
        settled_by = metrics.counter(metrics.EGRESS_SETTLED).labels(message_class=plan.send_class, by="receipt")
        settled_by.inc(len(plan.messages))


def _settle_one(line: Line, entry: Entry, at: int) -> None:
    """A receipt of one that the answer did not name proves nothing of the others whom it did not name."""
    plan, outcome = entry.plan, cast(CallOutcome, entry.outcome)
    outcome = msgspec.structs.replace(outcome, unnamed=[other for other in outcome.unnamed if other != at])
    if not outcome.unnamed:
        outcome = msgspec.structs.replace(outcome, result="settled", code="receipt", reason=PROVEN)
    line.book.apply(outcome)
    line.learn(plan, outcome)
    line.book.tell(entry)
    entry.states[at] = merge(entry.states[at], "accepted")
    metrics.counter(metrics.EGRESS_SETTLED).labels(message_class=plan.send_class, by="receipt").inc()
    if not outcome.unnamed:
        release(line, plan.plan_id)


def _take_back(line: Line, entry: Entry, at: int, *, failed: bool) -> None:
    """A receipt of one whom the answer names as not taken proves that he was; what it says of him counts now."""
    outcome = cast(CallOutcome, entry.outcome)
    entry.outcome = msgspec.structs.replace(outcome, left_out=[one for one in outcome.left_out if one.at != at])
    line.book.tell(entry)
    if not failed and entry.states[at] == "failed":
        entry.states[at] = "accepted"


def act_on_left_out(line: Line, now: Now, work: Work) -> None:
    """What follows for those whom the answer of their call names as not taken: what would if a receipt said so."""
    entries, line.left_out = list(line.left_out.values()), {}
    for entry in entries:
        outcome = entry.outcome
        if outcome is None or outcome.acted:
            continue
        proven = {one.at for one in outcome.left_out if entry.states[one.at] in PROOF}
        left_out = [one for one in outcome.left_out if one.at not in proven]
        entry.outcome = msgspec.structs.replace(outcome, acted=True, left_out=left_out)
        for one in left_out:
            _leave_out(line, Place(entry, one.at), one, now, work)
        line.book.tell(entry)


def _leave_out(line: Line, place: Place, one: LeftOut, now: Now, work: Work) -> None:
    entry, plan, message = place.entry, place.entry.plan, place.entry.plan.messages[place.at]
    entry.states[place.at] = "failed"
    signals.failed(line, plan, message, one.code, now)
    # Where receipts settled the call before its answer came, an owner before may have heard from this very person.
    sure = entry.outcome is not None and bool(entry.outcome.status)
    if _is_followed(line, place, one.code, sure, now, work):
        return
    if plan.campaign:
        line.campaigns.hear(plan.campaign, message.source, message.position, one.code or NO_CODE)
    work.say(said_of_plan(line.number, plan, "failed", one.code, one.reason), message.id, message.contact)


def _is_followed(line: Line, place: Place, code: str, sure: bool, now: Now, work: Work) -> bool:
    """Whether a message that failed has another attempt: one that goes on, or one that is ordered now, if it is `sure`
    that it is this one which failed."""
    entry, message = place.entry, place.entry.plan.messages[place.at]
    latest = line.book.latest(message.id)
    if latest is not None and latest.entry is not entry:
        return latest.entry.result != "refused" and latest.entry.states[latest.at] != "failed"
    if latest is None and any(ref.plan_id != entry.plan.plan_id for ref in line.book.index.named(message.id)):
        return True  # both have left memory
    left_out = place.fate == LEFT_OUT and entry.result != LEFT_OUT
    over = left_out or place.fate in ("accepted", "settled")
    why = next_attempt(entry.plan, code, line.rules.settings) if over and sure else ""
    then = "final" if not why else "again"
    metrics.counter(metrics.EGRESS_FAILURES).labels(tenant=entry.plan.tenant, then=then).inc()
    if not why:
        return False
    order = word(line.did, entry.plan.plan_id, message.id, why, now.wall_ms)
    work.journal(line.number, entry.plan.tenant, order)
    line.failures.add(Order(entry.plan, message, why, now.s + pause_s(entry.plan, code, line.rules.settings)))
    return True


def take_up_failed(line: Line, now: Now) -> None:
    """Messages that failed and have waited long enough are read again for their next attempt."""
    busy = line.coming | {fetch.entry.plan.plan_id for fetch in line.fetches}
    for orders in line.failures.due(now.s, busy):
        entry = line.book.plan(orders[0].plan.plan_id)
        fetched = Fetch(entry or Entry(orders[0].plan), [o.message for o in orders], now.s, orders[0].why)
        line.fetches.append(fetched)


def restore_order(line: Line, word: CallOutcome, now: Now) -> None:
    """An order for a message that failed is on the journal: it stands unless a later plan carried it out."""
    place = line.book.latest(word.message_id)
    if place is None or place.entry.plan.plan_id != word.plan_id:
        return
    place.entry.states[place.at] = "failed"
    plan, code = place.entry.plan, failed_with(word.code)
    wake_s = now.since_s(word.at_ms) + pause_s(plan, code, line.rules.settings)
    line.failures.add(Order(plan, plan.messages[place.at], word.code, wake_s))


def _said_of_receipt(line: Line, plan: Plan, receipt: Receipt) -> Said:
    error = receipt.errors[0] if receipt.errors else None
    code, title = (error.code, error.title) if error else ("", "")
    said = said_of_plan(line.number, plan, cast(State, receipt.state), code, title)
    return said._replace(billable=receipt.billable, category=receipt.category)


def record(line: Line, work: Work) -> None:
    """All that receipts and answers changed of plans goes on record, of each plan once: a batch's word is long."""
    _bindings(line)
    for entry in line.book.untold():
        if entry.outcome is not None:
            work.journal(line.number, entry.plan.tenant, entry.outcome)


def _bindings(line: Line) -> None:
    """What receipts told of the provider's ids goes on record: a new owner must not bind the next ones elsewhere."""
    for entry in line.book.newly_guessed():
        if entry.outcome is not None and entry.outcome.provider_ids != entry.ids:
            entry.outcome = msgspec.structs.replace(entry.outcome, provider_ids=list(entry.ids))
            line.book.tell(entry)
