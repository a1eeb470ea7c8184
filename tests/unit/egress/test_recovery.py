"""What a new owner can no longer read is told: how many offsets of which input."""

from __future__ import annotations

from egress.lines.process.recovery import unread

REPLIES, RECEIPTS = ("outbound.replies", 3), ("inbound.receipts", 3)


def test_offsets_between_what_is_committed_and_what_is_kept_were_never_read() -> None:
    assert unread({REPLIES: 5, RECEIPTS: 7}, {REPLIES: 12, RECEIPTS: 0}) == {REPLIES: 7}


def test_nothing_is_missing_at_the_first_record_that_is_kept_or_before_anything_was_committed() -> None:
    assert unread({REPLIES: 12, RECEIPTS: None}, {REPLIES: 12, RECEIPTS: 4}) == {}
