"""What the answer to a batch says of each recipient, where it says anything.

Nobody documents such an answer, and none was seen (Chattigo's facts, 3.4, Q6 and Q7): so it is read whatever its
shape. An answer has results if a list or an object of recipients in it says of at least one of them that it was taken,
or that it was not; a request that is sent back says neither. What contradicts itself is nobody's yes or no. Nothing
here raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.chattigo.values import flag, number, obj, objs, text
from schemas.record import Frozen

CODE_MAX = 64  # characters; a provider's codes have a few, and they travel in records
TITLE_MAX = 120
NAME_MAX = 256  # more than an id of ours, a wamid or a number ever has

_LISTS = ("results", "destinations", "recipients")
_INSIDE = ("data", "hsm", "body")
_OWN_IDS = ("destinationId", "destination_id", "customerMessageId", "customer_message_id", "id")
_PROVIDER_IDS = ("wamid", "messageId", "message_id", "id")
_PEOPLE = ("destination", "msisdn", "to", "recipient", "phone", "number", "wa_id", "waId", "input", "contact")
_FLAGS = ("success", "ok", "accepted", "sent")
_WORDS = ("status", "state", "type", "result", "message_status", "messageStatus")
_YES = frozenset({"accepted", "ok", "success", "successful", "sent", "queued", "enqueued", "delivery", "delivered"})
_NO = frozenset({"failed", "fail", "failure", "error", "invalid", "rejected", "refused", "undeliverable"})


class RecipientResult(Frozen):
    """`id` is ours, `to` the number as it is written there; either may be missing. `taken` is None where the answer
    says both. `code` and `title` say why not; `provider_id` is a wamid."""

    id: str = ""
    to: str = ""
    taken: bool | None = None
    code: str = ""
    title: str = ""
    provider_id: str = ""


def read_results(said: Any) -> list[RecipientResult]:
    """The results in the JSON of an answer, in order; none where it has none."""
    for rows in _candidates(said):
        verdicts = [(row, _verdicts(row)) for row in rows]
        if any(found for _, found in verdicts):
            return [_result(row, found) for row, found in verdicts if found]
    return []


def _candidates(said: Any) -> Iterator[list[dict[str, Any]]]:
    yield objs(said)
    for holder in (obj(said), *(obj(obj(said).get(name)) for name in _INSIDE)):
        for name in _LISTS:
            yield _rows(holder.get(name))
    yield objs(obj(said).get("data"))


def _rows(value: Any) -> list[dict[str, Any]]:
    """A list of objects; or an object that says something of each number. One whose keys are words is a summary."""
    if not isinstance(value, dict):
        return objs(value)
    people = [(to, one) for to, one in value.items() if any(map(str.isdigit, to))]
    return [{"to": to, **(one if isinstance(one, dict) else {"status": one})} for to, one in people]


def _verdicts(row: dict[str, Any]) -> set[bool]:
    """What it says: yes, no, both or nothing."""
    found = {_flag(row[name]) for name in _FLAGS if name in row}
    found |= {_word(row[name]) for name in _WORDS if name in row}
    if row.get("error") or row.get("errors"):
        found.add(False)
    return {verdict for verdict in found if verdict is not None}


def _flag(value: Any) -> bool | None:
    if flag(value):
        return True
    return False if value == 0 or (isinstance(value, str) and value.strip().lower() == "false") else None


def _word(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    status = number(value)
    if status is not None:
        return True if 200 <= status < 300 else False if 400 <= status < 600 else None
    word = text(value).strip().lower()
    return True if word in _YES or word == "true" else False if word in _NO or word == "false" else None


def _result(row: dict[str, Any], verdicts: set[bool]) -> RecipientResult:
    error = obj(row.get("error")) or (objs(row.get("errors")) or [{}])[0]
    told = (error.get("title"), error.get("message"), row.get("title"), row.get("message"), row.get("error"))
    provider = [name for name in (_clean(row.get(key)) for key in _PROVIDER_IDS) if _is_wamid(name)]
    provider += [_clean(one.get("id")) for one in objs(row.get("messages"))]
    own = (name for name in (_clean(row.get(key)) for key in _OWN_IDS) if name and not _is_wamid(name))
    codes = (error.get("code"), row.get("code"), row.get("errorCode"))
    return RecipientResult(
        id=next(own, "")[:NAME_MAX],
        to=next(filter(None, (_clean(row.get(key)) for key in _PEOPLE)), "")[:NAME_MAX],
        taken=verdicts.copy().pop() if len(verdicts) == 1 else None,
        code=next(filter(None, map(_clean, codes)), "")[:CODE_MAX],
        title=next(filter(None, map(_clean, told)), "")[:TITLE_MAX],
        provider_id=provider[0][:NAME_MAX] if provider else "",
    )


def _is_wamid(name: str) -> bool:
    return name.lower().startswith("wamid")


def _clean(value: Any) -> str:
    """As text that can be written as UTF-8."""
    return text(value).encode("utf-8", "replace").decode()
