"""Named: what the answer to a batch says of single recipients, as it goes on record. Pure.

Nobody knows whether Chattigo's answers ever do (Chattigo's facts, Q7), so what one says is read with care: who is named
as taken is accepted, by whatever id it gives; who is named as not taken is *left out*, and what follows is what would
follow if a receipt said that he failed; who is not named in an answer that names others is in doubt, and he alone. A
result that says both, or names two by one name each, proves nothing for anybody. Where nobody is named by a name that
we gave (the provider may have ids of its own) a yes for all is what the 2xx says already, and a no is a doubt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from schemas import phone
from schemas.chattigo.results import RecipientResult
from schemas.journal import CallOutcome, LeftOut, Plan

UNNAMED = "unnamed"
_WHY_UNNAMED = "the answer names others of its batch, and not this one"
_WHY_UNCLEAR = "the answer names recipients, but none of the batch"


def told_apart(plan: Plan, outcome: CallOutcome, results: Sequence[RecipientResult]) -> CallOutcome:
    """The outcome of a call that was answered with a 2xx, by what the answer says of each of its recipients."""
    if plan.route != "batch" or not results or not 200 <= outcome.status < 300:
        return outcome
    said = _by_place(plan, results)
    if not said and _says_no_more(results):
        return outcome
    left_out = [LeftOut(at, one.code, one.title) for at in sorted(said) if (one := said[at]) and one.taken is False]
    unnamed = [at for at in range(len(plan.messages)) if (one := said.get(at)) is None or one.taken is None]
    if len(unnamed) == len(plan.messages):
        return replace(outcome, result="in_doubt", code=UNNAMED, reason=_WHY_UNCLEAR)
    if not left_out and not unnamed:
        return replace(outcome, provider_ids=_ids(plan, said, outcome))
    return replace(
        outcome,
        result="in_doubt" if unnamed else "accepted",
        code=UNNAMED if unnamed else "",
        reason=_WHY_UNNAMED if unnamed else "",
        provider_ids=_ids(plan, said, outcome),
        left_out=left_out,
        unnamed=unnamed,
    )


def counts(plan: Plan, outcome: CallOutcome) -> dict[str, int]:
    """How many messages the answer says what of, where it tells them apart."""
    if not outcome.tells_apart:
        return {}
    left_out, unnamed = len(outcome.left_out), len(outcome.unnamed)
    return {"accepted": len(plan.messages) - left_out - unnamed, "left_out": left_out, "unnamed": unnamed}


def _by_place(plan: Plan, results: Sequence[RecipientResult]) -> dict[int, RecipientResult | None]:
    """The result of each message that is named; None where two of them do not agree. By its id, else by its number:
    where several go to one number, in their order. Results without any name of ours are in the order of the batch if
    they are as many, and none names anybody or all say yes."""
    by_id = {message.id: at for at, message in enumerate(plan.messages)}
    by_number = _by_number(plan)
    if len(results) == len(plan.messages) and not any(one.to or one.id in by_id for one in results):
        ordered = _says_no_more(results) or not any(one.id for one in results)
        return dict(enumerate(results)) if ordered else {}
    said: dict[int, RecipientResult | None] = {}
    for one in results:
        named, numbered = by_id.get(one.id), by_number.get(_number(one.to), []) if one.to else []
        if named is not None and numbered and named not in numbered:
            said.update(dict.fromkeys([named, *numbered]))  # of one or of the other
        elif named is not None or numbered:
            places = numbered if named is None else [named]
            at = next((place for place in places if place not in said), places[0])
            said[at] = one if at not in said or _agree(said[at], one) else None
    return said


def _by_number(plan: Plan) -> dict[str, list[int]]:
    places = defaultdict[str, list[int]](list)
    for at, message in enumerate(plan.messages):
        for number in {_number(message.to), message.contact}:
            places[number].append(at)
    return places


def _says_no_more(results: Sequence[RecipientResult]) -> bool:
    """Whether they say yes, and name nobody's number."""
    return all(one.taken and not one.to for one in results)


def _agree(first: RecipientResult | None, second: RecipientResult) -> bool:
    return first is not None and first.taken == second.taken


def _number(text: str) -> str:
    """Who a number is, however it was formatted; a user id stays as it is."""
    digits = phone.digits(text)
    return phone.identity(digits) if phone.is_number(digits) else text


def _ids(plan: Plan, said: dict[int, RecipientResult | None], outcome: CallOutcome) -> list[str]:
    """The provider's ids in the order of the plan; those of the answer as a whole if no result has one."""
    found = [(one.provider_id if (one := said.get(at)) and one.taken else "") for at in range(len(plan.messages))]
    return found if any(found) else outcome.provider_ids
