"""Signals: what WhatsApp's codes tell a whole line, from the answers of calls and from receipts. Pure.

130429, and a 429 of any other code, slow the line down (`throttle`); 131056 one person (`pacing.PairLimit`); the codes
of `stops` stop; 131050 is a person's wish (`receipts.wishes`). Promises: what a code does is done once, however many
answers and receipts say it. Leaves to `verdicts` and `failures` what becomes of the message itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.campaigns import stages
from egress.lines.now import Now
from egress.lines.pace.stops import SCOPES, template_name
from egress.lines.receipts.wishes import OPTED_OUT, Wish
from runtime import logs, metrics
from schemas.journal import CallOutcome, Plan, PlannedMessage

if TYPE_CHECKING:
    from egress.lines.line import Line

TOO_FAST = frozenset({"130429", "4", "80007"})
PAIR = "131056"
COUNTRY = "130497"
_log = logs.get(__name__)


def answered(line: Line, plan: Plan, outcome: CallOutcome, now: Now) -> None:
    """The answer of a call, whoever made it."""
    if outcome.result not in ("throttled", "refused", "not_sent", "in_doubt") or not outcome.status:
        return
    if outcome.code in TOO_FAST or (outcome.status == 429 and outcome.code != PAIR):
        _slow_down(line, plan, now)
    alone = plan.messages[0] if len(plan.messages) == 1 else None
    _heard(line, plan, alone, outcome.code, now)


def failed(line: Line, plan: Plan, message: PlannedMessage, code: str, now: Now) -> None:
    """A receipt says that a message failed."""
    if code in TOO_FAST:
        _slow_down(line, plan, now)
    _heard(line, plan, message, code, now)


def of_one(plan: Plan, code: str) -> bool:
    """Whether the answer is about a pair, so that the rest of the line need not wait."""
    return code == PAIR and len(plan.messages) == 1


def _heard(line: Line, plan: Plan, message: PlannedMessage | None, code: str, now: Now) -> None:
    if code == PAIR and message is not None:
        line.pairs.too_fast(message.contact, now.s)
    elif code == OPTED_OUT and message is not None:
        line.wishes.add(Wish(plan.tenant, message.contact, message.id), line.optouts.get(message.contact))
    elif code == COUNTRY:
        metrics.counter(metrics.EGRESS_ALARMS).labels(tenant=plan.tenant, code=code).inc()
    elif code in SCOPES:
        _stop(line, plan, code, now)


def _slow_down(line: Line, plan: Plan, now: Now) -> None:
    if line.throttle.too_fast(now.at_ms(plan.at_ms), now.s):
        metrics.counter(metrics.EGRESS_THROTTLES).labels(tenant=plan.tenant).inc()
        _log.warning(
            "a line is slowed down: WhatsApp says that it sends too fast",
            did=line.did,
            tenant=plan.tenant,
            share=round(line.throttle.share(now.s), 3),
        )


def _stop(line: Line, plan: Plan, code: str, now: Now) -> None:
    name = template_name(plan.template, plan.language) if plan.template and plan.language else ""
    stop = line.stance.stops.add(code, name, plan.at_ms, now.wall_ms)
    if stop is not None:
        metrics.counter(metrics.EGRESS_STOPS).labels(tenant=plan.tenant, what=stop.what, code=code).inc()
        _log.error(_ALARM[stop.what], did=line.did, tenant=plan.tenant, template=stop.name, code=code)


_ALARM: dict[str, str] = {
    "line": "WhatsApp stopped a line: a person must resume it",
    "template": "WhatsApp stopped a template on a line: a person must resume it",
}


def pause_campaigns(line: Line) -> None:
    """Campaigns whose template is stopped are paused, and say why."""
    for campaign in line.campaigns.all() if len(line.stance.stops) else ():
        definition = campaign.definition
        if definition is None or campaign.state not in ("running", "scheduled"):
            continue
        stop = line.stance.stops.template(template_name(definition.template.name, definition.template.language))
        if stop is not None:
            stages.pause(campaign, f"its template is stopped ({stop.code})", "template_stopped")
