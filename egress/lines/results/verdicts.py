"""Verdicts: what the result of a call means for its plan: what is recorded, and whether and when it is tried again.

| result | recorded | then |
|---|---|---|
| accepted | accepted | settled |
| refused | refused | settled |
| not sent, or its deadline passed | not_sent | a new attempt after a pause |
| not sent, because the line was paused or stopped | not_sent | a new attempt when it goes on, which costs none |
| throttled | throttled | a new attempt after Retry-After, and the line pauses |
| throttled, the pair of one recipient (131056) | throttled | a new attempt after 4, 16, 64 s; the line goes on |
| unauthorized, also after a new login | not_sent | a new attempt after a pause, and the line pauses |
| 500 where the account says `backoff` | in_doubt | a new attempt on record as `policy_500` |
| 500 where the account says `refuse` | refused | settled |
| accepted, with some left out or not named | accepted or in_doubt, and who | see `named` |
| anything else without a clear answer | in_doubt | never resent blindly |

Attempts are bounded; a message that was surely not sent in the last of them is dead. Where not even a request
could be made (Chattigo or the lease cannot be reached) the bound is ten times as high: with the longest pause it
outlasts an outage of most of an hour.
"""

from __future__ import annotations

from typing import NamedTuple

from egress.chattigo.result import CallResult
from egress.lines.pace.stance import HELD_BACK
from egress.lines.results.named import told_apart
from runtime.settings import EgressSettings
from schemas.journal import CallOutcome, Plan, Result
from schemas.tenant import Account

POLICY_500 = "policy_500"
PAIR = "131056"
UNREACHABLE_FACTOR = 10
HOLD_MAX_UNREACHABLE_S = 5.0
LATE = CallResult(kind="not_sent", code="late", reason="the plan's deadline had passed before the POST")


class Verdict(NamedTuple):
    """`again_s` is the pause before the next attempt, None for none; `hold_s` a pause of the whole line.

    `resend_why` is set where the next attempt may reach the person a second time. `dead` says that no attempt is left.
    """

    outcome: CallOutcome
    again_s: float | None = None
    hold_s: float = 0
    resend_why: str = ""
    dead: bool = False


def backoff_s(attempt: int, settings: EgressSettings) -> float:
    """The pause after a failed attempt (from 1): it doubles, up to a bound."""
    return min(settings.backoff_max_s, settings.backoff_s * 2.0 ** min(attempt - 1, 30))


def decide(plan: Plan, result: CallResult, account: Account, settings: EgressSettings, now_ms: int) -> Verdict:
    """The verdict on one call."""
    recorded = _recorded(result, account)
    outcome = CallOutcome(
        plan_id=plan.plan_id,
        did=plan.did,
        result=recorded,
        at_ms=now_ms,
        status=result.status,
        code=result.code,
        reason=result.reason,
        provider_ids=result.provider_ids,
    )
    outcome = told_apart(plan, outcome, result.recipients)
    if result.kind == "not_sent" and result.code in HELD_BACK:
        return Verdict(outcome, 0)
    pause = backoff_s(plan.tries, settings)
    if outcome.code == PAIR and len(plan.messages) == 1:
        pause = max(pause, pair_pause_s(plan.tries))
    last = plan.tries >= attempts_max(outcome, settings)
    if recorded in ("not_sent", "throttled"):
        pause = max(pause, result.retry_after_s or 0)
        hold = 0 if result is LATE else pause if result.status else min(pause, HOLD_MAX_UNREACHABLE_S)
        return Verdict(outcome, None if last else pause, hold, dead=last)
    if resent_by_policy(outcome, account) and not last:
        return Verdict(outcome, pause, resend_why=POLICY_500)
    return Verdict(outcome)


def pair_pause_s(attempt: int) -> float:
    """How long WhatsApp wants one person to be left alone after so many attempts (Chattigo's facts, section 9.1)."""
    return 4.0 ** min(attempt, 10)


def attempts_max(outcome: CallOutcome, settings: EgressSettings) -> int:
    """How many attempts there are after such an outcome."""
    unreachable = outcome.result == "not_sent" and not outcome.status
    return settings.attempts_max * (UNREACHABLE_FACTOR if unreachable else 1)


def resent_by_policy(outcome: CallOutcome, account: Account) -> bool:
    """Whether a doubt is one that the account's policy resends: it answered 500 and says `backoff`."""
    return outcome.result == "in_doubt" and outcome.status == 500 and account.retry_500 == "backoff"


def _recorded(result: CallResult, account: Account) -> Result:
    if result.kind == "unauthorized":
        return "not_sent"
    if result.kind == "in_doubt" and result.status == 500 and account.retry_500 == "refuse":
        return "refused"
    return result.kind
