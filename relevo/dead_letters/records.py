"""What is written when a dead letter is put back or dropped. Pure.

Promises: what is put back has the key, the value and the headers that it had, so also its ids, and goes to the
partition that it came from; only the cause is taken out, and `replay` names the run. A mark has no value, so that no
reader takes it for a letter.
"""

from __future__ import annotations

import re

from relevo.dead_letters.letter import (
    REJECTED,
    WHY,
    Action,
    Letter,
    LetterError,
    Message,
    pairs,
)
from runtime.kafka.record import Record
from schemas import topics
from schemas.dead_letter import HEADERS
from schemas.headers import Headers

REPLAY = "replay"
_MAY_HAVE_ARRIVED = frozenset({"in_doubt", "accepted", "settled"})
_SOURCE = re.compile(r".+-(\d+)-\d+")


def refusal(letter: Letter) -> str:
    """Why this letter cannot be put back and what to do instead; empty when it can."""
    if letter.topic == REJECTED:
        return (
            f"{letter.address}: a body that was rejected ({letter.reason}) never had a topic that it could go back to. "
            f"Mend the cause (the table in docs/webhooks.md), then post the bytes again: "
            f'relevo dlq show {letter.address} --raw | curl --data-binary @- "$WEBHOOK"'
        )
    if letter.by == "egress" and letter.reason == "parked_too_long":
        return (
            f"{letter.address}: its line may know this message by its id for as long as the letter is kept, and would "
            f"not send it. Submit what it says as a new message: relevo dlq show {letter.address} --raw"
        )
    if letter.by == "egress" and any(call.result in _MAY_HAVE_ARRIVED for call in letter.attempts):
        return (
            f"{letter.address}: an attempt at this message may have arrived, so its line would not send it again. If "
            f"it must go, submit what it says as a new message: relevo dlq show {letter.address} --raw"
        )
    return ""


def original(letter: Letter, key: bytes | None, message: Message, run: str) -> Record:
    """The record as it was before it was given up. Raises LetterError when its source cannot be read."""
    found = _SOURCE.fullmatch(letter.source)
    if found is None:
        raise LetterError(
            f"{letter.address}: its header dlq_source is {letter.source!r}, which names no partition; it stays. "
            f"Its bytes: relevo dlq show {letter.address} --raw"
        )
    kept = [(name, value) for name, value in pairs(message) if name not in HEADERS and name != REPLAY]
    topic = letter.topic.removesuffix(topics.DEAD_LETTERS)
    return Record(topic, message.value(), key, [*kept, (REPLAY, run.encode())], int(found[1]))


def mark(letter: Letter, action: Action, run: str, now_ms: int, why: str = "") -> Record:
    """That a letter is done with, beside the letter."""
    own = Headers(id=run, type=action, tenant=letter.tenant, at_ms=now_ms).to_kafka()
    more = [(action, str(letter.address).encode()), *([(WHY, why.encode())] if why else [])]
    return Record(letter.topic, None, None, [*own, *more], letter.address.partition)
