"""Firmness: which of two words on a plan counts, whenever and in whatever order they are read. Pure.

A doubt gives way to what is known, and that only to an end. Of two that are as firm the one counts that says more: of
what was decided about a doubt, or of single messages whom the answer told apart.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.journal import CallOutcome

_FIRMNESS: dict[str, int] = {
    "": 0,
    "in_doubt": 1,
    "not_sent": 2,
    "throttled": 2,
    "accepted": 3,
    "refused": 3,
    "settled": 3,
}
# What was decided about a doubt that still is one: a person ordered its resend; or the gate refused that.
RESEND_ORDERED, RESEND_REFUSED = "resend_ordered", "resend_refused"
DECISIONS = (RESEND_ORDERED, RESEND_REFUSED)
# The code of an outcome by which a person ended a doubt: nobody waits for it any more.
DROPPED = "dropped"


def firmer(known: str, result: str) -> bool:
    """Whether this result is firmer than the one that is known (empty: none)."""
    return _FIRMNESS[result] > _FIRMNESS[known]


def joined(known: CallOutcome | None, outcome: CallOutcome) -> CallOutcome:
    """The outcome with what is known already beside it: that a receipt settled the call before its answer told who was
    left out; or a decision about the doubt."""
    if known is None or not outcome.tells_apart:
        return outcome
    told = known.left_out or known.acted
    if known.result in ("accepted", "settled") and not told and known.code != DROPPED:
        return replace(known, left_out=outcome.left_out, acted=outcome.acted)
    undecided = known.code in DECISIONS and outcome.code not in DECISIONS
    if known.result == outcome.result == "in_doubt" and undecided:
        return replace(outcome, code=known.code, reason=known.reason)
    return outcome


def tells_more(known: CallOutcome | None, outcome: CallOutcome) -> bool:
    """Whether an outcome that is as firm as what is known says more of single messages: who was left out, that this was
    acted on, or that a receipt proved it wrong of one."""
    if known is None or _FIRMNESS[known.result] != _FIRMNESS[outcome.result]:
        return False
    acted = outcome.acted and (not known.acted or len(outcome.left_out) < len(known.left_out))
    if outcome.result == "in_doubt":
        fewer = not known.tells_apart or len(outcome.unnamed) < len(known.unnamed)
        return acted or (outcome.tells_apart and fewer)
    news = bool(outcome.left_out) and not known.left_out and not known.acted
    return (acted or news) and known.code != DROPPED


def decides(known: CallOutcome | None, outcome: CallOutcome) -> bool:
    """Whether it says what was decided about a doubt that stays one."""
    both = known is not None and known.result == outcome.result == "in_doubt"
    return both and outcome.code in DECISIONS and outcome != known


def says_less(outcome: CallOutcome, known: CallOutcome | None) -> bool:
    """Whether it says less than what is known, so that a reader of it alone would err."""
    if known is None:
        return False
    both = known.result == outcome.result == "in_doubt"
    undecided = both and known.code in DECISIONS and outcome.code not in DECISIONS
    return firmer(outcome.result, known.result) or undecided or tells_more(outcome, known)
