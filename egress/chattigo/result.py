"""What became of a call to Chattigo, in the words that the journal uses."""

from __future__ import annotations

from typing import Literal

from schemas.chattigo.results import RecipientResult
from schemas.record import Frozen

Kind = Literal["accepted", "refused", "not_sent", "throttled", "unauthorized", "in_doubt"]


class CallResult(Frozen):
    """`accepted`: Chattigo has it. `refused`: it said no, and why. `not_sent`: no byte of the request left.
    `throttled`: it said not now, before taking it. `unauthorized`: it did not take it from this login.
    `in_doubt`: it may or may not have it.

    `status` is 0 when no answer came. `code` is the provider's, else one of ours (`docs/tokens.md` lists them).
    `provider_ids` are wamids in the order of the messages; a batch has none. `recipients` is what a 2xx says of single
    recipients of a batch, mostly nothing. `retry_after_s` is what the answer asked for, None when it did not.
    """

    kind: Kind
    status: int = 0
    code: str = ""
    reason: str = ""
    provider_ids: list[str] = []
    recipients: list[RecipientResult] = []
    retry_after_s: float | None = None
