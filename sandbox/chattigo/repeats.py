"""Ids that came before (Q12): with `dedupe_s` a repeat within that time is answered and not sent.

Promises: what the ledger accepted before a restart counts. Leaves to the services: which id a send has.
"""

from sandbox.chattigo.ledger import Ledger, Message, Recipient

Key = tuple[str, str, str]


class Repeats:
    """When each id of a line was last accepted, in milliseconds."""

    def __init__(self, ledger: Ledger) -> None:
        self._at_ms: dict[Key, int] = {}
        for one in ledger.of(Recipient):
            self.note(key(one.did, one.destination_id or one.root_id, one.contact), one.at_ms)
        for message in ledger.of(Message):
            self.note(key(message.did, message.client_id, message.contact), message.at_ms)

    def note(self, known: Key | None, now_ms: int) -> None:
        """It is accepted now."""
        if known is not None:
            self._at_ms[known] = now_ms

    def seen(self, known: Key | None, now_ms: int, within_s: float) -> bool:
        """Whether it was accepted within that time."""
        at_ms = self._at_ms.get(known) if known is not None else None
        return at_ms is not None and now_ms - at_ms < within_s * 1000


def key(did: str, client_id: object, contact: str) -> Key | None:
    """What a repeat is known by; None for a send without an id."""
    return None if client_id in (None, "") else (did, str(client_id), contact)
