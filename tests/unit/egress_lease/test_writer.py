"""Whose transactions cannot succeed any more gives up its membership before anybody hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError

from egress.lease.names import Names
from egress.lease.writer import Writer
from runtime.kafka.transactions import TransactionFailed


class Broken:
    """A producer that fails, for good or not."""

    def __init__(self, fatal: str | None) -> None:
        self.fatal = fatal

    async def commit(self, *_: Any) -> None:
        raise TransactionFailed(KafkaError(KafkaError.ILLEGAL_GENERATION), False)


@pytest.mark.parametrize(("fatal", "events"), [("fenced", ["gave up", "failed"]), (None, ["failed"])])
async def test_the_membership_is_given_up_only_where_no_transaction_can_succeed(
    fatal: str | None, events: list[str]
) -> None:
    seen: list[str] = []
    names = Names(1, "tokens", "requests", "tenants", "lease")
    writer = Writer(Broken(fatal), names, lambda: b"", lambda: seen.append("gave up"))  # type: ignore[arg-type]
    with pytest.raises(TransactionFailed):
        await writer.offsets({0: 7})
    assert [*seen, "failed"] == events
