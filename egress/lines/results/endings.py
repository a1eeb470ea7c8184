"""Endings: messages that nobody will try again, and what of it must be on record. Pure."""

from __future__ import annotations

from collections.abc import Callable

from egress.lines.gate.gate import Refusal
from egress.lines.item import REPLIES, Item
from egress.lines.line import Line
from egress.lines.memory.book import ATTEMPTS, NEVER_PLANNED
from egress.lines.memory.entry import Entry
from egress.lines.memory.firmness import RESEND_REFUSED
from egress.lines.now import Now
from egress.lines.results import replays
from egress.lines.results.attempts import release
from egress.lines.results.doubts import note
from egress.lines.work import Work, said_of_item
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.dead_letter import Attempt, Cause
from schemas.headers import Headers
from schemas.journal import CallOutcome
from schemas.record import encode


def bury(line: Line, now: Now, work: Work) -> None:
    """Messages that were surely not sent and have no attempt left become dead letters."""
    plans = {}
    for item, plan_id in line.dying:
        entry = line.book.plan(plan_id)
        if entry is not None and entry.result in ("accepted", "settled"):
            continue  # a receipt came meanwhile
        code = entry.outcome.code if entry and entry.outcome else ""
        calls = replays.history(line.book, item)
        reason = f"not sent in {item.attempt} attempts; the last: {code}"
        if any(call.result == "in_doubt" for call in calls):
            reason = f"not sent again, and an earlier attempt may have arrived; the last: {code}"
        work.say(said_of_item(line.number, item, "dead", ATTEMPTS, reason, plan_id), item.id, item.contact)
        line.count(item, "dead")
        work.write(_letter(line, item, reason, calls, now))
        line.campaigns.hear(item.campaign, *item.place, ATTEMPTS)
        plans[plan_id] = entry, reason
    line.dying.clear()
    for plan_id, (entry, reason) in plans.items():
        if entry is not None:
            outcome = CallOutcome(
                plan_id=plan_id, did=line.did, result="refused", at_ms=now.wall_ms, code=ATTEMPTS, reason=reason
            )
            line.book.apply(outcome)
            work.journal(line.number, entry.plan.tenant, outcome)
        release(line, plan_id)


def _letter(line: Line, item: Item, reason: str, calls: list[Attempt], now: Now) -> Record:
    """A recipient of a campaign is kept as the template that it would have been."""
    topic = REPLIES if item.reply else topics.OUTBOUND_TEMPLATES.name
    key = keys.conversation(line.did, item.contact) if topic == REPLIES else item.id
    own = Headers(id=item.id, type="message", tenant=item.message.tenant, at_ms=item.cause_ms or now.wall_ms)
    cause = Cause(
        reason=ATTEMPTS,
        error=reason,
        source=f"{item.source}-{line.number}-{item.position}",
        at_ms=now.wall_ms,
        by="egress",
        attempts=calls,
    )
    return Record(
        topic + topics.DEAD_LETTERS, encode(item.message), key.encode(), cause.headers(own.to_kafka()), line.number
    )


def close_refused(line: Line, now: Now, work: Work) -> None:
    """Messages whose next attempt the gate refused: those that were not sent are over, a doubt stands; no later owner
    may take them up."""
    refused, line.refused_again = line.refused_again, {}
    for plan_id, refusal in refused.items():
        entry = line.book.plan(plan_id)
        if entry is None:
            continue
        ended = entry.ended or set()
        whole = {m.id for m in line.book.remaining(entry)} <= ended
        if entry.result == "in_doubt":
            if whole:
                note(line, entry, RESEND_REFUSED, refusal.code, work)
            else:
                line.refused_again[plan_id] = refusal  # until the others are planned or refused
        elif whole and not (entry.outcome and entry.outcome.bisected):
            _close(line, entry, refusal, now, work)
        else:
            for message in entry.plan.messages:
                if message.id in ended and not line.book.refused(message.id):
                    _refuse_one(line, message.id, entry.plan.tenant, refusal, now, work)


def _close(line: Line, entry: Entry, refusal: Refusal, now: Now, work: Work) -> None:
    outcome = CallOutcome(
        plan_id=entry.plan.plan_id,
        did=line.did,
        result="refused",
        at_ms=now.wall_ms,
        code=refusal.code,
        reason=refusal.reason,
    )
    if line.book.apply(outcome) is not None:
        work.journal(line.number, entry.plan.tenant, outcome)


def _refuse_one(line: Line, message_id: str, tenant: str, refusal: Refusal, now: Now, work: Work) -> None:
    outcome = _never_planned(line, message_id, refusal, now)
    line.book.apply(outcome)
    work.journal(line.number, tenant, outcome)


def _never_planned(
    line: Line, name: str, refusal: Refusal, now: Now, source: str = "", position: int = -1
) -> CallOutcome:
    return CallOutcome(
        plan_id=name,
        did=line.did,
        result="refused",
        at_ms=now.wall_ms,
        code=NEVER_PLANNED,
        reason=refusal.code,
        source=source,
        position=position,
    )


def remember_refused(line: Line, comes_back: Callable[[Item], bool], now: Now, work: Work) -> None:
    """Messages refused while an earlier input waits, or whose parked copy was not read back: a crash brings them back,
    and the answer must stay the same."""
    refused, line.refused_first = line.refused_first, []
    for item, refusal in refused:
        # A line or an id that could be no key is never sent by, and is refused again.
        name = replays.named(item)
        if comes_back(item) and all(p and keys.SEPARATOR not in p for p in (line.did, name)):
            outcome = _never_planned(line, name, refusal, now, item.source, item.position)
            line.book.apply(outcome)
            work.journal(line.number, item.message.tenant, outcome)
