"""Settling: what a line does when it learns what became of a call: from its answer, from time, or from receipts. Pure.

A doubt is never resent blindly: it stands until a receipt settles it, the policy of its class (or of its account, for
a 500) resends it on record, or a person decides. A doubtful reply holds the person's later replies for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from egress.lines.book import NEVER_PLANNED, RESEND_ORDERED, RESEND_REFUSED, Entry, Place
from egress.lines.fetching import Fetch
from egress.lines.item import Item
from egress.lines.line import REPLIES, Line
from egress.lines.now import Now
from egress.lines.verdicts import POLICY_500, Verdict, attempts_max, backoff_s, resent_by_policy
from egress.lines.work import Said, Work, outcome_record, public_record, said_of_item, said_of_plan
from runtime import metrics
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.chattigo.inbound import Receipt
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.journal import CallOutcome, Plan, PlannedMessage, Result
from schemas.outcome import State, merge
from schemas.record import encode

_PUBLIC: dict[str, State] = {
    "accepted": "accepted",
    "settled": "accepted",
    "refused": "refused",
    "in_doubt": "in_doubt",
}
_PROOF = frozenset({"sent", "delivered", "read", "failed"})
# What a receipt proves wrong; a "not now" too, whose next attempt is then not made.
_UNPROVEN = frozenset({"in_doubt", "not_sent", "throttled"})


def proven(line: Line, verdict: Verdict) -> Verdict:
    """The verdict on a call whose receipts came before its answer: a doubt is none."""
    entry = line.book.plan(verdict.outcome.plan_id)
    if entry is None or verdict.outcome.result != "in_doubt" or not _PROOF.intersection(entry.states):
        return verdict
    return Verdict(msgspec.structs.replace(verdict.outcome, result="settled"))


def announcement(partition: int, plan: Plan, outcome: CallOutcome, cause_ms: int = 0) -> list[Record]:
    """The records that tell of a call: on the journal, and on `outcomes` once it is more than an attempt."""
    records = [outcome_record(partition, plan.tenant, outcome)]
    state = _PUBLIC.get(outcome.result)
    if state is not None:
        said = said_of_plan(partition, plan, state, outcome.code, outcome.reason)._replace(cause_ms=cause_ms)
        ids, contacts = [m.id for m in plan.messages], [m.contact for m in plan.messages]
        records.append(public_record(said, ids, contacts, outcome.at_ms))
    return records


def settled(line: Line, items: list[Item], verdict: Verdict, now: Now) -> None:
    """The line's own call has its outcome, and that is on record."""
    plan_id = verdict.outcome.plan_id
    line.calls -= 1
    line.open_plans.pop(plan_id, None)
    entry = line.book.apply(verdict.outcome)
    if verdict.hold_s:
        line.pacer.hold(now.s + verdict.hold_s, replies=bool(items) and items[0].reply)
    if entry is None:
        release(line, plan_id)
        return
    _mark(entry, verdict.outcome)
    if verdict.again_s is not None:
        _again(line, items, plan_id, now.s + verdict.again_s, verdict.resend_why, now)
    elif verdict.dead:
        line.dying += [(item, plan_id) for item in items]
    elif entry.result == "in_doubt":
        after_doubt(line, entry, items, now)
    else:
        release(line, plan_id)


def _again(line: Line, items: list[Item], plan_id: str, wake_s: float, why: str, now: Now) -> None:
    for item in items:
        line.enqueue(item.again(plan=plan_id, wake_s=wake_s, resend_why=why), now, first=True)
    release(line, plan_id)


def release(line: Line, plan_id: str) -> None:
    """The lane that waited for a plan goes on."""
    entry = line.book.plan(plan_id)
    if entry is None or not entry.open:
        line.doubts.pop(plan_id, None)
    if entry is not None and in_lane(entry.plan):
        line.lanes.release(entry.plan.messages[0].contact, plan_id)


def in_lane(plan: Plan) -> bool:
    """Whether the plan is a reply, which the person's next reply waits for."""
    return plan.lane or plan.messages[0].source == REPLIES


def _mark(entry: Entry, outcome: CallOutcome) -> None:
    state = _PUBLIC.get(outcome.result)
    if state is not None:
        entry.states = [merge(current, state) for current in entry.states]


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
    wake_s, why = since_s + policy.after_s, f"policy_{plan.send_class}"
    wanted = plan.attempt <= policy.times
    if entry.outcome and account and resent_by_policy(entry.outcome, account):
        wake_s, why = since_s + backoff_s(plan.attempt, line.rules.settings), POLICY_500
        wanted = plan.attempt < line.rules.settings.attempts_max
    decision = entry.outcome.code if entry.outcome else ""
    if decision == RESEND_ORDERED:
        wake_s, why, wanted = now.s, "person", True
    if not wanted or decision == RESEND_REFUSED:
        return
    if items is None:
        line.fetches.append(Fetch(entry, _latest(line, entry), wake_s, why))
    else:
        _again(line, items, plan.plan_id, wake_s, why, now)


def _latest(line: Line, entry: Entry) -> list[PlannedMessage]:
    """The plan's messages that no later plan took up."""
    places = [(m, line.book.latest(m.id)) for m in entry.plan.messages]
    return [m for m, place in places if place is not None and place.entry is entry]


def restore(line: Line, now: Now) -> None:
    """The journal is read: calls that may still run are waited for, attempts and doubts are taken up again."""
    for entry in list(line.book.entries()):
        plan, outcome = entry.plan, entry.outcome
        if outcome is None:
            line.open_plans[plan.plan_id] = entry
            line.inherited[plan.plan_id] = line.rules.doubt_at(plan, now)
            if in_lane(plan):
                line.lanes.block(plan.messages[0].contact, plan.plan_id)
            continue
        _mark(entry, outcome)
        left = _latest(line, entry)
        if left and outcome.result in ("not_sent", "throttled"):
            _retry_restored(line, entry, outcome, left, now)
        elif left and outcome.result == "in_doubt":
            after_doubt(line, entry, None, now)


def _retry_restored(line: Line, entry: Entry, outcome: CallOutcome, left: list[PlannedMessage], now: Now) -> None:
    settings = line.rules.settings
    wake_s = now.at_ms(outcome.at_ms) + backoff_s(entry.plan.attempt, settings)
    line.fetches.append(Fetch(entry, left, wake_s, dead=entry.plan.attempt >= attempts_max(outcome, settings)))
    if in_lane(entry.plan):
        line.lanes.block(entry.plan.messages[0].contact, entry.plan.plan_id)


def revive(line: Line, fetch: Fetch, items: list[Item], now: Now) -> None:
    """Messages that were read again take up their next attempt."""
    plan = fetch.entry.plan
    if fetch.dead:
        line.dying += [(item, plan.plan_id) for item in items]
        return
    for item in items:
        item.attempt, item.campaign = plan.attempt, plan.campaign
    _again(line, items, plan.plan_id, fetch.wake_s, fetch.resend_why, now)


def vanished(line: Line, fetch: Fetch, missing: list[PlannedMessage], work: Work) -> None:
    """Messages that Kafka keeps no longer cannot be tried again. A doubt then stands; the others are dead."""
    plan = fetch.entry.plan
    if missing and not fetch.resend_why:
        said = said_of_plan(line.number, plan, "dead", "vanished", "its record is no longer kept in Kafka")
        for message in missing:
            work.say(said, message.id, message.contact)
    release(line, plan.plan_id)


def overheard(line: Line, outcome: CallOutcome, now: Now) -> None:
    """The journal tells of a plan that another process made and whose call it still finished."""
    if outcome.plan_id in line.open_plans and outcome.plan_id not in line.inherited:
        return  # our own words
    entry = line.book.apply(outcome)
    if entry is None:
        return
    line.open_plans.pop(outcome.plan_id, None)
    line.inherited.pop(outcome.plan_id, None)
    _mark(entry, outcome)
    left = _latest(line, entry)
    if left and outcome.result in ("not_sent", "throttled"):
        _retry_restored(line, entry, outcome, left, now)
    elif left and outcome.result == "in_doubt":
        after_doubt(line, entry, None, now)
    else:
        release(line, outcome.plan_id)


def declare_doubts(line: Line, now: Now, work: Work) -> None:
    """Inherited plans whose call must have ended by now, without a word: they are in doubt."""
    due = [plan_id for plan_id, at_s in line.inherited.items() if at_s <= now.s]
    for plan_id in due:
        del line.inherited[plan_id]
        entry = line.open_plans.pop(plan_id)
        why = "the worker that made the call ended before its outcome was recorded"
        _conclude(line, entry, "in_doubt", "no_outcome", why, now, work)
        after_doubt(line, entry, None, now)


def _conclude(line: Line, entry: Entry, result: Result, code: str, reason: str, now: Now, work: Work) -> None:
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
    work.journal(line.number, plan.tenant, outcome)
    said = said_of_plan(line.number, plan, _PUBLIC[result], code, reason)
    for index, message in enumerate(plan.messages):
        state = merge(entry.states[index], _PUBLIC[result])
        if state != entry.states[index]:
            entry.states[index] = state
            work.say(said, message.id, message.contact)


def bury(line: Line, now: Now, work: Work) -> None:
    """Messages that were surely not sent and have no attempt left become dead letters."""
    plans = {}
    for item, plan_id in line.dying:
        entry = line.book.plan(plan_id)
        if entry is not None and entry.result in ("accepted", "settled"):
            continue  # a receipt came meanwhile
        code = entry.outcome.code if entry and entry.outcome else ""
        reason = f"not sent in {item.attempt} attempts; the last: {code}"
        work.say(said_of_item(line.number, item, "dead", "attempts", reason, plan_id), item.id, item.contact)
        work.letter(_letter(line, item, reason, now))
        plans[plan_id] = entry, reason
    line.dying.clear()
    for plan_id, (entry, reason) in plans.items():
        if entry is not None:
            outcome = CallOutcome(
                plan_id=plan_id, did=line.did, result="refused", at_ms=now.wall_ms, code="attempts", reason=reason
            )
            line.book.apply(outcome)
            work.journal(line.number, entry.plan.tenant, outcome)
        release(line, plan_id)


def _letter(line: Line, item: Item, reason: str, now: Now) -> Record:
    """A recipient of a campaign is kept as the template that it would have been."""
    topic = REPLIES if item.reply else topics.OUTBOUND_TEMPLATES.name
    key = keys.conversation(line.did, item.contact) if topic == REPLIES else item.id
    own = Headers(id=item.id, type="message", tenant=item.message.tenant, at_ms=item.cause_ms or now.wall_ms)
    cause = Cause(
        reason="attempts",
        error=reason,
        source=f"{item.source}-{line.number}-{item.position}",
        at_ms=now.wall_ms,
        by="egress",
    )
    return Record(
        topic + topics.DEAD_LETTERS, encode(item.message), key.encode(), cause.headers(own.to_kafka()), line.number
    )


def close_refused(line: Line, now: Now, work: Work) -> None:
    """Plans whose next attempt the gate refused: those that were not sent are over, a doubt stands; no later owner may
    take them up."""
    refused, line.refused_again = line.refused_again, {}
    for plan_id, refusal in refused.items():
        entry = line.book.plan(plan_id)
        if entry is None or not {m.id for m in _latest(line, entry)} <= (entry.ended or set()):
            continue
        if entry.result == "in_doubt":
            _note(line, entry, RESEND_REFUSED, refusal.code, work)
            continue
        outcome = CallOutcome(
            plan_id=plan_id, did=line.did, result="refused", at_ms=now.wall_ms, code=refusal.code, reason=refusal.reason
        )
        if line.book.apply(outcome) is not None:
            work.journal(line.number, entry.plan.tenant, outcome)


def remember_refused(line: Line, comes_back: Callable[[Item], bool], now: Now, work: Work) -> None:
    """Messages refused while an earlier input waits, or whose parked copy was not read back: a crash brings them back,
    and the answer must stay the same."""
    refused, line.refused_first = line.refused_first, []
    for item, refusal in refused:
        # A line or an id that could be no key is never sent by, and is refused again.
        if comes_back(item) and all(p and keys.SEPARATOR not in p for p in (line.did, item.id)):
            outcome = CallOutcome(
                plan_id=item.id,
                did=line.did,
                result="refused",
                at_ms=now.wall_ms,
                code=NEVER_PLANNED,
                reason=refusal.code,
            )
            line.book.apply(outcome)
            work.journal(line.number, item.message.tenant, outcome)


def _note(line: Line, entry: Entry, code: str, reason: str, work: Work) -> None:
    """A doubt stays one; what was decided about it goes on record."""
    if entry.outcome is not None:
        entry.outcome = msgspec.structs.replace(entry.outcome, code=code, reason=reason)
        work.journal(line.number, entry.plan.tenant, entry.outcome)


def record_bindings(line: Line, work: Work) -> None:
    """What receipts told of the provider's ids goes on record: a new owner must not bind the next ones elsewhere."""
    for entry in line.book.newly_guessed():
        if entry.outcome is not None and entry.outcome.provider_ids != entry.ids:
            entry.outcome = msgspec.structs.replace(entry.outcome, provider_ids=list(entry.ids))
            work.journal(line.number, entry.plan.tenant, entry.outcome)


def claim(line: Line, receipt: Receipt, place: Place, now: Now, work: Work) -> None:
    """A receipt of this send: it may settle the whole call, and moves one message's state on."""
    entry, index = place
    plan = entry.plan
    metrics.counter(metrics.EGRESS_RECEIPTS).labels(tenant=plan.tenant, state=receipt.state).inc()
    if receipt.state not in _PROOF:
        return
    inherited = plan.plan_id in line.inherited
    if entry.result in _UNPROVEN or inherited:
        line.inherited.pop(plan.plan_id, None)
        line.open_plans.pop(plan.plan_id, None)
        _conclude(line, entry, "settled", "receipt", "a receipt proves that the call was accepted", now, work)
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


def decide(line: Line, plan_id: str, action: str, now: Now, work: Work) -> None:
    """A person's word on a doubt: resend it on record, or drop it."""
    entry = line.book.plan(plan_id)
    if entry is None or entry.result != "in_doubt":
        return
    if action == "resend":
        _note(line, entry, RESEND_ORDERED, "a person ordered that it is sent again", work)
        line.fetches.append(Fetch(entry, _latest(line, entry), now.s, "person"))
        return
    outcome = CallOutcome(
        plan_id=plan_id, did=line.did, result="settled", at_ms=now.wall_ms, code="dropped", reason="dropped by a person"
    )
    line.book.apply(outcome)
    work.journal(line.number, entry.plan.tenant, outcome)
    for message in entry.plan.messages:
        work.say(said_of_plan(line.number, entry.plan, "dead", "dropped", outcome.reason), message.id, message.contact)
    release(line, plan_id)


def finish_campaigns(line: Line, now: Now, work: Work) -> None:
    """Campaigns whose recipients are all planned or refused, and of which no call is open, are finished."""
    for campaign in line.campaigns.all():
        if campaign.running(now.wall_ms) and campaign.planned_all and not line.has_open(campaign.name):
            campaign.state = "finished"
            definition = campaign.definition
            work.progress(line.number, definition.tenant if definition else "", campaign.progress(now.wall_ms))


def in_doubt(line: Line) -> dict[str, int]:
    """Messages in doubt by class; one that a later plan took up counts there."""
    counts: dict[str, int] = {}
    for entry in line.doubts.values():
        counts[entry.plan.send_class] = counts.get(entry.plan.send_class, 0) + len(_latest(line, entry))
    return counts
