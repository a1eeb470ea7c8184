"""What becomes of an accepted send: which receipts follow, when, and with which misfortunes (Q15, Q16). Pure.

Promises: the same send under the same seed and knobs has the same fate. States are `sent`, `delivered`, `read`,
`failed`.
"""

from typing import NamedTuple

from sandbox.chattigo import errors
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.knobs import Receipts
from sandbox.chattigo.messages import Json


class Step(NamedTuple):
    """One receipt, `after_s` the acceptance; `lost`: it is never sent; `code`: the error of a `failed`."""

    after_s: float
    state: str
    code: int | None = None
    lost: bool = False


def error(code: int) -> Json:
    """An element of `errors[]` as WhatsApp writes it."""
    title = errors.title(code)
    return {"code": code, "title": title, "message": title, "error_data": {"details": f"{title}."}}


def plan(word: str, knobs: Receipts, dice: Dice, code: int | None = None) -> list[Step]:
    """The receipts of the send that `word` names, by time; `code` makes it fail for that reason."""
    if code is None and dice.chance(knobs.failed, "failed", word):
        code = dice.pick(knobs.failed_codes, "code", word)
    names = _states(word, knobs, dice, failed=code is not None)
    delays = {"sent": knobs.sent_s, "delivered": knobs.delivered_s, "read": knobs.read_s, "failed": knobs.delivered_s}
    steps, after = [], 0.0
    for name in names:
        after += dice.between(delays[name], name, word)
        steps.append(Step(after, name, code if name == "failed" else None))
    return _misfortunes(word, steps, knobs, dice)


def _states(word: str, knobs: Receipts, dice: Dice, *, failed: bool) -> list[str]:
    if failed:
        return ["sent", "failed"] if dice.chance(0.5, "failed late", word) else ["failed"]
    if not dice.chance(knobs.read, "read", word):
        return ["sent", "delivered"]
    skipped = dice.chance(knobs.skip_delivered, "skip", word)
    return ["sent", "read"] if skipped else ["sent", "delivered", "read"]


def _misfortunes(word: str, steps: list[Step], knobs: Receipts, dice: Dice) -> list[Step]:
    if len(steps) > 1 and dice.chance(knobs.reorder, "reorder", word):
        last, late = steps[-1], steps[-2]
        steps[-2:] = [last._replace(after_s=late.after_s), late._replace(after_s=last.after_s)]
    out = []
    for step in steps:
        out.append(step._replace(lost=dice.chance(knobs.lost, "lost", step.state, word)))
        if dice.chance(knobs.duplicate, "again", step.state, word):
            out.append(step._replace(after_s=step.after_s + 0.05))
    return out
