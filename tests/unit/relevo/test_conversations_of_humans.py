"""Who waits for a human is listed first, whoever has waited longest; numbers of people are hidden."""

from __future__ import annotations

from relevo.conversations.humans import OfHuman, in_order

NOW = 1_700_000_000_000


def one(contact: str, since: int, wrote: int = 0, said: int = 0) -> OfHuman:
    return OfHuman(
        tenant="acme", line="56911111111", contact=contact, since_ms=NOW - since, wrote_ms=wrote and NOW - wrote,
        last_inbound_ms=said and NOW - said,
    )  # fmt: skip


def test_who_waits_longest_comes_first_and_who_waits_for_nothing_last() -> None:
    answered = one("a", since=9000, wrote=1000, said=2000)
    never = one("b", since=5000, said=6000)
    asked_again = one("c", since=9000, wrote=8000, said=7000)
    assert [found.contact for found in in_order([answered, never, asked_again])] == ["c", "b", "a"]


def test_a_line_says_what_a_person_at_the_desk_wants_to_know() -> None:
    never = one("…22", since=300_000, said=400_000)
    assert never.told(NOW) == (
        "line 56911111111, contact …22, tenant acme: waits for 5 min; a human has it for 5 min and has not written yet"
    )
    answered = one("…22", since=300_000, wrote=120_000, said=200_000)
    assert "waits for nothing; a human has it for 5 min and wrote 2 min ago" in answered.told(NOW)
