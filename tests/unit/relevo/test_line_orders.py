"""What the orders that pause and resume say is what an owner obeys."""

from __future__ import annotations

import pytest

from relevo.lines import orders
from runtime.kafka.record import Record
from runtime.pauses import Standing
from schemas import keys, topics
from schemas.line_command import ControlLine, ResumeTemplate
from tests.builders.lines import DID
from tests.unit.runtime.test_pauses import Message

DECODER = topics.LINES_COMMANDS.decoder()


def read(*records: Record) -> Standing:
    standing = Standing()
    standing.apply([Message(record.key, record.value) for record in records])
    return standing


@pytest.mark.parametrize("tenant", ["", "acme"])
def test_a_standing_pause_ends_by_its_own_resume_alone(tenant: str) -> None:
    other = "" if tenant else "acme"
    begun = orders.pause(by="ana", now_ms=1, tenant=tenant, why="the bill")
    assert (begun.topic, begun.partition) == ("pauses", 0)
    assert len(read(begun).holding("acme")) == 1
    assert len(read(begun, orders.resume(now_ms=2, tenant=other)).holding("acme")) == 1
    assert read(begun, orders.resume(now_ms=2, tenant=tenant)).holding("acme") == []


def test_an_order_to_a_line_stands_where_its_owner_reads() -> None:
    record = orders.control_line(DID, "pause", partitions=64, by="ana", now_ms=5, why="the bill")
    assert (record.topic, record.partition) == ("lines.commands", keys.partition(DID, 64))
    order = DECODER.decode(record.value)
    assert isinstance(order, ControlLine)
    assert (order.did, order.action, order.by, order.at_ms, order.why) == (DID, "pause", "ana", 5, "the bill")
    lifted = DECODER.decode(orders.resume_template(DID, "promo", "es", partitions=4, by="ana", now_ms=6).value)
    assert isinstance(lifted, ResumeTemplate)
    assert (lifted.did, lifted.name, lifted.language) == (DID, "promo", "es")
