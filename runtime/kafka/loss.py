"""How a member lost what it owned, in a word for a label and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.kafka.transactions import TransactionFailed


def cause(failures: Sequence[BaseException]) -> str:
    """Kafka's name of the error of the transaction if one failed, else `consumer`. The names are Kafka's: few."""
    return next((one.code for one in failures if isinstance(one, TransactionFailed)), "consumer")


def why(failures: Sequence[BaseException]) -> str:
    """All that was said."""
    return "; ".join(str(one) for one in failures)
