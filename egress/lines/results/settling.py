"""Settling: what a line does when it learns what became of a call, from its answer or from the journal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from egress.lines.gate.gate import Refusal
from egress.lines.item import Item
from egress.lines.line import Line
from egress.lines.memory.entry import Entry
from egress.lines.now import Now
from egress.lines.pace import signals
from egress.lines.pace.stops import SCOPES
from egress.lines.process.fetching import Fetch
from egress.lines.receipts import claims
from egress.lines.receipts.failures import WINDOW_CLOSED, WITHHELD, failed_with
from egress.lines.results import doubts
from egress.lines.results.attempts import PROOF, PROVEN, PUBLIC, again, held_back, in_lane, mark, release
from egress.lines.results.doubts import after_doubt, send_again
from egress.lines.results.verdicts import Verdict, attempts_max, backoff_s
from egress.lines.work import Work, outcome_record, public_record, said_of_plan
from runtime import metrics
from runtime.kafka.record import Record
from schemas.journal import CallOutcome, Plan, PlannedMessage
from schemas.session import Template

_VANISHED = Refusal("vanished", "its record is no longer kept in Kafka", "dead")


def proven(line: Line, verdict: Verdict) -> Verdict:
    """The verdict by what the line knows beside the answer: a doubt or a no whose receipts came first is none, and a
    batch that was refused may be searched for the bad recipient."""
    outcome = verdict.outcome
    entry = line.book.plan(outcome.plan_id)
    if entry is None:
        return verdict
    if outcome.code in SCOPES:
        return verdict  # it is not one recipient's fault
    if outcome.tells_apart:
        return verdict  # a receipt of one says nothing of another
    if outcome.result != "accepted" and _is_proven(line, entry):
        proof = msgspec.structs.replace(outcome, result="settled", code="receipt", reason=PROVEN)
        return Verdict(proof, hold_s=verdict.hold_s)
    judged = line.bisects.judge(entry.plan, outcome, line.rules.settings.bisect_calls)
    if entry.plan.part is not None or judged.bisected:
        result = "halved" if judged.bisected else judged.result
        metrics.counter(metrics.EGRESS_BISECTS).labels(tenant=entry.plan.tenant, result=result).inc()
    return verdict._replace(outcome=judged)


def _is_proven(line: Line, entry: Entry) -> bool:
    """Whether a receipt says that the call was taken, whatever its answer says."""
    return bool(PROOF.intersection(entry.states)) or line.receipts.proves(line.book, entry)


def announcement(partition: int, plan: Plan, outcome: CallOutcome, cause_ms: int = 0) -> list[Record]:
    """The records that tell of a call, to be written one after the other: on `outcomes` once it is more than an
    attempt, then on the journal. What the journal says was said in public, whenever the process dies."""
    records = []
    for result, messages in _by_result(plan, outcome).items():
        state = PUBLIC.get(result)
        if state is not None and messages:
            code, reason = (outcome.code, outcome.reason) if result == outcome.result else ("", "")
            said = said_of_plan(partition, plan, state, code, reason)._replace(cause_ms=cause_ms)
            ids, contacts = [m.id for m in messages], [m.contact for m in messages]
            records.append(public_record(said, ids, contacts, outcome.at_ms))
    records.append(outcome_record(partition, plan.tenant, outcome))
    return records


def _by_result(plan: Plan, outcome: CallOutcome) -> dict[str, list[PlannedMessage]]:
    """The messages by what is to be said of them now: of those that were left out nothing, until it is known what
    follows."""
    if not outcome.tells_apart:
        return {outcome.result: plan.messages}
    others = set(range(len(plan.messages))).difference(outcome.unnamed, (one.at for one in outcome.left_out))
    taken = [plan.messages[at] for at in sorted(others)]
    return {"accepted": taken, "in_doubt": [plan.messages[at] for at in outcome.unnamed]}


def settled(line: Line, items: Sequence[Item], verdict: Verdict, now: Now) -> None:
    """The line's own call has its outcome, and that is on record."""
    plan_id = verdict.outcome.plan_id
    line.calls -= 1
    line.open_plans.pop(plan_id, None)
    line.receipts.answered()
    entry = line.book.apply(verdict.outcome)
    if entry is not None:
        signals.answered(line, entry.plan, verdict.outcome, now)
    if verdict.hold_s and not (entry is not None and signals.of_one(entry.plan, verdict.outcome.code)):
        line.pacer.hold(now.s + verdict.hold_s, replies=bool(items) and items[0].reply)
    if entry is None:
        release(line, plan_id)
        return
    _take_in(line, entry, verdict.outcome)
    _go_on(line, entry, items, verdict, now)


def _take_in(line: Line, entry: Entry, outcome: CallOutcome) -> None:
    """What became of a call counts from now on; what follows for those whom it left out is the next transaction's."""
    mark(entry, outcome)
    line.learn(entry.plan, outcome)
    if entry.outcome is not None and entry.outcome.left_out and not entry.outcome.acted:
        line.left_out[entry.plan.plan_id] = entry


def _go_on(line: Line, entry: Entry, items: Sequence[Item], verdict: Verdict, now: Now) -> None:
    """What becomes of the messages after their call."""
    plan_id = entry.plan.plan_id
    if verdict.outcome.bisected:
        _halve(line, entry, list(items), now)
    elif verdict.again_s is not None:
        again(line, list(items), plan_id, now.s + verdict.again_s, verdict.resend_why, now)
    elif verdict.dead:
        line.dying += [(item, plan_id) for item in items]
    elif entry.result == "in_doubt":
        left = {message.id for message in line.book.remaining(entry)}
        after_doubt(line, entry, [item for item in items if item.id in left], now)
    else:
        release(line, plan_id)


def _halve(line: Line, entry: Entry, items: list[Item], now: Now) -> None:
    """A refused batch is planned again as its two halves, or as what is left of them."""
    parts = line.bisects.halves(entry.plan, [item.id for item in items])
    for item in items:
        item.part = parts[item.id]
    again(line, items, entry.plan.plan_id, now.s, "", now)


def restore(line: Line, now: Now) -> None:
    """The journal is read: calls that may still run are waited for, attempts and doubts are taken up again."""
    for entry in list(line.book.entries()):
        plan, outcome = entry.plan, entry.outcome
        if outcome is None:
            line.learn(plan, outcome)
            line.open_plans[plan.plan_id] = entry
            line.inherited[plan.plan_id] = line.rules.doubt_at(plan, now)
            if in_lane(plan):
                line.lanes.block(plan.messages[0].contact, plan.plan_id)
            continue
        _take_in(line, entry, outcome)
        if outcome.code in SCOPES:
            signals.answered(line, plan, outcome, now)  # perhaps its owner died before it wrote the stop
        left = line.book.remaining(entry)
        if left and outcome.result in ("not_sent", "throttled"):
            _retry_restored(line, entry, outcome, left, now)
        elif left and outcome.result == "in_doubt":
            after_doubt(line, entry, None, now)
    for word in line.book.take_words():
        if word.order:
            doubts.restore_order(line, word)
        else:
            claims.restore_order(line, word, now)


def _retry_restored(line: Line, entry: Entry, outcome: CallOutcome, left: list[PlannedMessage], now: Now) -> None:
    settings = line.rules.settings
    spared = held_back(outcome)
    wake_s = now.s if spared else now.since_s(outcome.at_ms) + backoff_s(entry.plan.tries, settings)
    dead = not spared and not outcome.bisected and entry.plan.tries >= attempts_max(outcome, settings)
    line.fetches.append(Fetch(entry, left, wake_s, dead=dead))
    if in_lane(entry.plan):
        line.lanes.block(entry.plan.messages[0].contact, entry.plan.plan_id)


def revive(line: Line, fetch: Fetch, items: list[Item], now: Now) -> None:
    """Messages that were read again take up their next attempt."""
    plan = fetch.entry.plan
    for item in items:
        _as_planned(item, plan, failed_with(fetch.resend_why))
    if fetch.dead:
        line.dying += [(item, plan.plan_id) for item in items]
        return
    if fetch.entry.result == "not_sent" and fetch.entry.outcome and fetch.entry.outcome.bisected:
        _halve(line, fetch.entry, items, now)
        return
    if failed_with(fetch.resend_why) == WITHHELD:
        line.withheld += [item.again(plan=plan.plan_id, wake_s=0, resend_why=fetch.resend_why) for item in items]
        return
    send_again(line, fetch.entry, items, fetch.wake_s, fetch.resend_why, now)


def _as_planned(item: Item, plan: Plan, failed: str) -> None:
    """What was read again goes on where its last plan left it; as its fallback if that is what went, or is to go."""
    item.attempt, item.campaign, item.part, item.failed = plan.attempt, plan.campaign, plan.part, failed or plan.failed
    item.replay, item.first_attempt, item.spared = plan.replay, plan.first_attempt, plan.spared
    message = item.message
    if message.fallback and not isinstance(message.content, Template) and (plan.template or failed in WINDOW_CLOSED):
        item.message = msgspec.structs.replace(message, content=message.fallback, fallback=None)


def vanished(line: Line, fetch: Fetch, missing: list[PlannedMessage], work: Work) -> None:
    """Messages that Kafka keeps no longer cannot be tried again. A doubt then stands, for a person to drop; the others
    are dead. Either goes on record, so that no later owner looks for them."""
    entry, plan = fetch.entry, fetch.entry.plan
    if not missing:
        return
    if failed := failed_with(fetch.resend_why):
        reason = "it failed, and its record is no longer kept in Kafka"
        for message in missing:
            line.end_order(plan.plan_id, message.id, plan.tenant, work)
            line.campaigns.hear(plan.campaign, message.source, message.position, failed)
            work.say(said_of_plan(line.number, plan, "failed", failed, reason), message.id, message.contact)
        return
    entry.ended = (entry.ended or set()) | {message.id for message in missing}
    line.refused_again[plan.plan_id] = _VANISHED
    if entry.result != "in_doubt":
        for message in missing:
            said = said_of_plan(line.number, plan, "dead", _VANISHED.code, _VANISHED.reason)
            work.say(said, message.id, message.contact)
        release(line, plan.plan_id)


def overheard(line: Line, outcome: CallOutcome, now: Now) -> None:
    """The journal tells of a plan that another process made and whose call it still finished."""
    if outcome.message_id or outcome.order:
        return  # only an owner says such a word: ours, or one that was read while recovering
    if outcome.plan_id in line.open_plans and outcome.plan_id not in line.inherited:
        return  # our own words
    entry = line.book.apply(outcome)
    if entry is None:
        return
    line.open_plans.pop(outcome.plan_id, None)
    line.inherited.pop(outcome.plan_id, None)
    _take_in(line, entry, outcome)
    signals.answered(line, entry.plan, outcome, now)
    left = line.book.remaining(entry)
    if left and outcome.result in ("not_sent", "throttled"):
        _retry_restored(line, entry, outcome, left, now)
    elif left and outcome.result == "in_doubt":
        after_doubt(line, entry, None, now)
    else:
        release(line, outcome.plan_id)
