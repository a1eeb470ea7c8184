"""Binding of receipts, for any interleaving of sends, answers and receipts: nothing is bound twice, no doubt wrongly.

The rule is said once more here, over a plain list of sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from egress.lines.memory.book import Book
from egress.lines.memory.entry import Place
from egress.lines.receipts.receipts import BIND_AFTER_S, LOOK_EVERY_S, ORPHAN_AFTER_S, Letter, Waiting, WaitingRoom
from schemas.chattigo.inbound import Receipt
from schemas.journal import CallOutcome, Result
from tests.builders.lines import DID, WALL, plan

PEOPLE = ("5691", "5691", "5692")
MAY_HAVE_GONE = ("accepted", "settled", "in_doubt")
CLOCKS_MS = 5000


@dataclass
class Send:
    """One send as the test knows it: when, what is on record of it, and by which id."""

    plan_id: str
    contact: str
    at_ms: int
    result: str = ""
    wamid: str = ""


class Binding(RuleBasedStateMachine):
    """A book and a room on one side, a list of sends on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.room = Book(), WaitingRoom()
        self.sends: list[Send] = []
        self.ids: dict[str, str] = {}
        self.waiting: list[Waiting] = []
        self.seconds = 1000.0

    @property
    def now_ms(self) -> int:
        return WALL + round(self.seconds * 1000)

    # -- what happens

    @rule(contact=st.sampled_from(PEOPLE), result=st.sampled_from(["", "accepted", "in_doubt", "in_doubt", "refused"]))
    def send(self, contact: str, result: Any) -> None:
        """A send whose call is still under way, or is answered at once and without an id."""
        made = plan(f"p{len(self.sends)}", (contact,), at_ms=self.now_ms)
        self.book.add(made)
        self.sends.append(Send(made.plan_id, contact, self.now_ms))
        if result:
            self._record(self.sends[-1], result, [])

    @precondition(lambda self: any(not send.result for send in self.sends))
    @rule(
        data=st.data(),
        result=st.sampled_from(["accepted", "refused", "not_sent", "throttled", "in_doubt"]),
        named=st.booleans(),
    )
    def answer(self, data: st.DataObject, result: Result, named: bool) -> None:
        send = data.draw(st.sampled_from([send for send in self.sends if not send.result]))
        name = f"wamid.{send.plan_id}" if result == "accepted" and named else ""
        self._record(send, result, [name] if name else [])
        if name and not send.wamid:
            send.wamid, self.ids[name] = name, send.plan_id

    @precondition(lambda self: any(send.result == "in_doubt" for send in self.sends))
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        self._record(data.draw(st.sampled_from([s for s in self.sends if s.result == "in_doubt"])), "settled", [])

    def _record(self, send: Send, result: Result, names: list[str]) -> None:
        self.book.apply(
            CallOutcome(plan_id=send.plan_id, did=DID, result=result, at_ms=self.now_ms, provider_ids=names)
        )
        send.result = result

    @rule(
        contact=st.sampled_from(PEOPLE),
        number=st.integers(0, 7),
        form=st.sampled_from(["cloud", "cloud", "flat", "nameless"]),
        age_ms=st.sampled_from([0, 4000, 20_000, -1]),
    )
    def receipt(self, contact: str, number: int, form: str, age_ms: int) -> None:
        """Of a known send, unknown or nobody's; of now, of a while ago (not before its send), or without a time."""
        name = {"cloud": f"wamid.unknown{number}", "flat": f"{number}", "nameless": ""}[form]
        at_ms = self.now_ms - age_ms
        if form == "cloud" and number < len(self.sends):
            send = self.sends[number]
            name, contact, at_ms = f"wamid.{send.plan_id}", send.contact, max(at_ms, send.at_ms)
        at_ms = 0 if age_ms < 0 else at_ms
        came = Receipt(
            id=name,
            did=DID,
            contact=contact,
            state="sent",
            at_ms=at_ms,
            format="cloud" if form == "cloud" else "flat",
        )
        waiting = Waiting(came, Letter(len(self.waiting), DID, "acme", b"k", b"{}", [], 1), self.seconds)
        self.waiting.append(waiting)
        self.room.add(waiting)

    @rule(contact=st.sampled_from(PEOPLE), number=st.integers(0, 9))
    def unknown_wamid(self, contact: str, number: int) -> None:
        """A receipt with a wamid that no answer named, looked at when it may be bound."""
        self.receipt(contact, 1000 + number, "cloud", 0)
        self.look(BIND_AFTER_S)

    @rule(pause=st.sampled_from([0.1, LOOK_EVERY_S, BIND_AFTER_S, ORPHAN_AFTER_S]))
    def look(self, pause: float) -> None:
        self.seconds += pause
        decided = self.room.settle(self.book, self.seconds)
        for waiting, place in decided:
            self.waiting.remove(waiting)
            self._check(waiting, place)

    # -- what must hold

    def _check(self, waiting: Waiting, place: Place | None) -> None:
        receipt, age = waiting.receipt, self.seconds - waiting.since_s
        found = place.entry.plan.plan_id if place is not None else None
        wanted = self.ids.get(receipt.id) or (self._meant(receipt) if age >= BIND_AFTER_S else None)
        assert found == wanted
        if found is None:
            assert age >= ORPHAN_AFTER_S
        elif receipt.format == "cloud" and receipt.id not in self.ids:
            self.ids[receipt.id] = found
            send = next(send for send in self.sends if send.plan_id == found)
            assert not send.wamid, "bound twice"
            send.wamid = receipt.id

    def _meant(self, receipt: Receipt) -> str | None:
        """Which send a receipt with an unknown id means, if any."""
        if receipt.format == "flat" and receipt.id:
            return None
        known = [send for send in self.sends if send.contact == receipt.contact]
        known = [send for send in known if not receipt.at_ms or send.at_ms <= receipt.at_ms + CLOCKS_MS]
        if receipt.id:
            known = [send for send in known if not send.wamid]
        if any(not send.result for send in known):
            return None
        gone = [send for send in known if send.result in MAY_HAVE_GONE]
        sure = [send for send in gone if send.result != "in_doubt"]
        if sure:
            return sure[0].plan_id if receipt.id else sure[-1].plan_id
        return gone[0].plan_id if len(gone) == 1 else None

    @invariant()
    def what_is_bound_stays(self) -> None:
        for send in self.sends:
            entry = self.book.plan(send.plan_id)
            assert entry is not None
            assert entry.ids == [send.wamid]
            assert entry.result == send.result
        bound = [send.wamid for send in self.sends if send.wamid]
        assert len(bound) == len(set(bound))

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        assert len(self.room) == len(self.waiting)

    def teardown(self) -> None:
        self.look(ORPHAN_AFTER_S + LOOK_EVERY_S)
        assert len(self.room) == 0


TestBinding = Binding.TestCase
TestBinding.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
