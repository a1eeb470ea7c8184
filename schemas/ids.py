"""Ids that are derived, never drawn: whatever replays an event derives the same ids again.

An id is a digest of the parts that make its message unique, so a message that was already planned is recognised
however often, and from wherever, its cause is read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

_DIGEST_BYTES = 15  # 24 characters of base32, 120 bits
_UNIT = "\x1f"
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # of base32
_TWO = [one + other for one in _LETTERS for other in _LETTERS]

# What `_spread` picks out of each eight bytes: five, ten, twenty bits of each ten, twenty, forty.
_MASKS = ("fffff00000", "fffff", "ffc00000ffc00", "3ff000003ff", "3e003e003e003e0", "1f001f001f001f")
_LETTER_OF = _LETTERS.encode() + bytes(256 - len(_LETTERS))

HSM_ID_FORMS = ("int31", "int53", "text")


def digest(*parts: str) -> str:
    """24 lower-case characters that stand for the parts, in this order."""
    raw = hashlib.blake2b(_UNIT.join(parts).encode(), digest_size=_DIGEST_BYTES).digest()
    return _base32(int.from_bytes(raw, "big"))


def _base32(number: int) -> str:
    """120 bits in lower-case base32: Python's own is written in Python, and takes twice as long."""
    two = _TWO
    first, second, third, fourth = (
        number >> 90,
        number >> 60 & 0x3FFFFFFF,
        number >> 30 & 0x3FFFFFFF,
        number & 0x3FFFFFFF,
    )
    return (
        f"{two[first >> 20]}{two[first >> 10 & 1023]}{two[first & 1023]}"
        f"{two[second >> 20]}{two[second >> 10 & 1023]}{two[second & 1023]}"
        f"{two[third >> 20]}{two[third >> 10 & 1023]}{two[third & 1023]}"
        f"{two[fourth >> 20]}{two[fourth >> 10 & 1023]}{two[fourth & 1023]}"
    )


def _all_base32(digests: bytes) -> list[str]:
    """Digests that stand one behind the other, each in lower-case base32: each five bytes are spread over eight, of all
    at once."""
    fives = len(digests) // 5
    wide = bytearray(8 * fives)
    for place in range(5):
        wide[3 + place :: 8] = digests[place::5]
    upper20, lower20, upper10, lower10, upper5, lower5 = _masks(fives)
    number = int.from_bytes(wide, "big")
    number = (number & upper20) << 12 | (number & lower20)
    number = (number & upper10) << 6 | (number & lower10)
    number = (number & upper5) << 3 | (number & lower5)
    text = number.to_bytes(8 * fives, "big").translate(_LETTER_OF).decode()
    return [text[start : start + 24] for start in range(0, len(text), 24)]


@lru_cache(maxsize=8)
def _masks(fives: int) -> list[int]:
    return [int.from_bytes(bytes.fromhex(mask.rjust(16, "0")) * fives, "big") for mask in _MASKS]


def event_id(provider_id: str | None, topic: str, partition: int, offset: int) -> str:
    """The provider's id of an event, else where the event stands in Kafka; never its content."""
    return provider_id or f"{topic}-{partition}-{offset}"


def message_id(did: str, event: str, agent: str, ordinal: int) -> str:
    """The id of the `ordinal`-th message that `agent` sends because of `event` on line `did`."""
    return digest("event", did, event, agent, str(ordinal))


def message_id_of_request(tenant: str, idempotency_key: str) -> str:
    """The id of a message that a system of the ISV asked for under its own Idempotency-Key."""
    return digest("request", tenant, idempotency_key)


def message_id_of_recipient(did: str, campaign: str, position: int) -> str:
    """The id of the message for the recipient at `position` (from 0) of a line's campaign.

    Two tenants may well give a campaign the same name.
    """
    return digest("campaign", did, campaign, str(position))


def message_ids_of_recipients(did: str, campaign: str, first: int, count: int) -> list[str]:
    """Of so many in a row, from `first` on: each as `message_id_of_recipient` says."""
    begun = hashlib.blake2b(_UNIT.join(("campaign", did, campaign, "")).encode(), digest_size=_DIGEST_BYTES)
    found = []
    for position in range(first, first + count):
        one = begun.copy()
        one.update(b"%d" % position)
        found.append(one.digest())
    return _all_base32(b"".join(found))


def plan_id(message_ids: Iterable[str], attempt: int, replay: str = "") -> str:
    """The id of one call: which messages, for the how-manieth time (from 1), and in which run they were put back."""
    return digest("plan", f"{attempt}@{replay}" if replay else str(attempt), *message_ids)


def hsm_root_id(plan: str, form: str) -> int | str:
    """The root `id` of a batch call, in the form that the account's `hsm_id` setting names.

    Chattigo documents an Integer of unknown width and also "max 450 characters" (Chattigo's facts, 3.3), hence
    31-bit, 53-bit (exact in a double) or text.
    """
    if form == "text":
        return plan
    number = int.from_bytes(hashlib.blake2b(plan.encode(), digest_size=8).digest(), "big")
    if form == "int31":
        return number & 0x7FFFFFFF
    if form == "int53":
        return number & 0x1FFFFFFFFFFFFF
    raise ValueError(f"hsm_id must be one of {', '.join(HSM_ID_FORMS)}, not {form!r}")
