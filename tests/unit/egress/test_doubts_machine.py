"""Doubts, whatever happens: answers, time-outs, crashes at each point, receipts and a person's orders, in any order.

Nothing is resent off the record, what is settled never is a doubt again, each doubt ends or stands where a person
sees it, and each person's replies keep their order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.journal import Plan
from schemas.outcome import Outcome
from schemas.record import decode
from tests.builders.doubt_model import INPUTS, MOVED, MOVED_TAKEN, DoubtModel
from tests.builders.line_model import ANSWERS
from tests.builders.lines import DID, message, promo, rules, tenant

PEOPLE = ("5691", "5692", "5693")
FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after", MOVED, MOVED_TAKEN]
SETTLED = frozenset({"accepted", "refused", "settled"})
POLICY = {"resend_after_s": 60, "times": 1}
POLICIES: list[dict[str, Any]] = [{}, {"reply": POLICY}, {"marketing": POLICY}, {"reply": POLICY, "marketing": POLICY}]
PAUSES = st.sampled_from([0.0, 0.5, 4.0, 20.0, 70.0])


class Doubts(RuleBasedStateMachine):
    """A line between a Kafka and a Chattigo of lists; what a test sees is what stands on the topics."""

    @initialize(policies=st.sampled_from(POLICIES), batch=st.sampled_from([1, 3]))
    def begin(self, policies: dict[str, Any], batch: int) -> None:
        self.policies = policies
        only = tenant(policies=policies, batch_max=batch)
        self.model = DoubtModel(rules(only, line_parallel=4, group_max=10))
        self.settled: set[str] = set()
        self.ordered: set[tuple[str, str]] = set()
        self.count = 0

    # -- what happens

    @rule(person=st.sampled_from(PEOPLE), count=st.integers(1, 3))
    def replies(self, person: str, count: int) -> None:
        said = [message(f"r{self.count + n:03}", person) for n in range(count)]
        self.count += count
        self.model.put("outbound.replies", *said)

    @rule(count=st.integers(1, 3))
    def singles(self, count: int) -> None:
        said = [promo(f"t{self.count + n:03}", f"5695{self.count + n}") for n in range(count)]
        self.count += count
        self.model.put("outbound.templates", *said)

    @rule(person=st.sampled_from(PEOPLE), fate=st.sampled_from(FATES))
    def exchange(self, person: str, fate: str) -> None:
        """A reply that meets its fate at once, unless the one before it is held."""
        self.replies(person, 1)
        self.model.step(fate)

    @rule(fate=st.sampled_from(FATES), pause=PAUSES)
    def step(self, fate: str, pause: float) -> None:
        self.model.step(fate, pause)

    @rule(
        person=st.sampled_from(PEOPLE),
        taken=st.tuples(st.booleans(), st.booleans()),
        apart=st.booleans(),
        told=st.booleans(),
    )
    def two_doubts(self, person: str, taken: tuple[bool, bool], apart: bool, told: bool) -> None:
        """Two calls to one person of which nobody knows; most often the second when the first holds it no longer."""
        for one in taken:
            self.exchange(person, "time_out_taken" if one else "time_out")
            self.model.step("time_out", 61.0 if apart else 1.0)
        if told:
            for plan in [plan for plan in self.model.taken if plan.messages[0].contact == person][-1:]:
                self._heard(plan, "wamid")

    @rule(person=st.sampled_from(PEOPLE), taken=st.booleans(), form=st.sampled_from(["own_id", "wamid"]))
    def ended_before_its_answer(self, person: str, taken: bool, form: Literal["own_id", "wamid"]) -> None:
        """A call of an earlier owner that a receipt settles or a person drops; its owner's word may still come."""
        before = len(self.model.elsewhere)
        self.exchange(person, MOVED_TAKEN if taken else MOVED)
        if len(self.model.elsewhere) == before:
            return  # the one before it is held
        plan = self.model.elsewhere[-1].plan
        self.model.step("time_out", 61.0)
        if taken:
            self._heard(plan, form)
        else:
            self._order(plan, "drop")
            self.model.step("time_out")

    @precondition(lambda self: self.model.elsewhere)
    @rule(data=st.data(), fate=st.sampled_from(list(ANSWERS)), soon=st.booleans())
    def late_answer(self, data: st.DataObject, fate: str, soon: bool) -> None:
        """A call that an earlier owner made ends, perhaps long after its lines moved."""
        if soon:
            self.model.step("accept", 2.0)
        self.model.late_answer(data.draw(st.sampled_from(self.model.elsewhere)), fate)

    @rule()
    def crash(self) -> None:
        self.model.crash()

    @precondition(lambda self: self.model.taken)
    @rule(
        data=st.data(),
        form=st.sampled_from(["own_id", "wamid"]),
        state=st.sampled_from(["sent", "read"]),
        person=st.integers(0, 2),
    )
    def receipt(self, data: st.DataObject, form: Literal["own_id", "wamid"], state: str, person: int) -> None:
        """Early, late or once more; lost are those that never come."""
        self.model.receipt(data.draw(st.sampled_from(self.model.taken)), form, state, person)

    @precondition(lambda self: self.model.taken)
    @rule(data=st.data(), form=st.sampled_from(["own_id", "wamid"]), crashes=st.booleans())
    def receipt_that_is_heard(self, data: st.DataObject, form: Literal["own_id", "wamid"], crashes: bool) -> None:
        """A receipt, and the time after which it may be bound to a send."""
        self._heard(data.draw(st.sampled_from(self.model.taken)), form)
        if crashes:
            self.model.crash()

    def _heard(self, plan: Plan, form: Literal["own_id", "wamid"]) -> None:
        self.model.receipt(plan, form, "sent")
        self.model.step("time_out")
        self.model.step("time_out", 4.0)

    @precondition(lambda self: self.model.plans())
    @rule(data=st.data(), action=st.sampled_from(["resend", "drop"]), times=st.integers(1, 2))
    def order(self, data: st.DataObject, action: Literal["resend", "drop"], times: int) -> None:
        """A person's word, most often on a doubt."""
        plans = self.model.plans()
        doubtful = [plan for plan in plans if self._result(plan.plan_id) == "in_doubt"]
        plan = data.draw(st.sampled_from(doubtful or plans))
        for _ in range(times):
            self._order(plan, action)

    def _order(self, plan: Plan, action: Literal["resend", "drop"]) -> None:
        self.ordered.add((plan.plan_id, action))
        self.model.order(plan, action)

    # -- what must hold

    def _result(self, plan_id: str) -> str:
        entry = self.model.journal().plan(plan_id)
        return entry.result if entry is not None else ""

    @invariant()
    def nothing_is_resent_off_the_record(self) -> None:
        plans = {plan.plan_id: plan for plan in self.model.plans()}
        resends = Counter(m.id for plan in plans.values() if plan.resend_of for m in plan.messages)
        reached = Counter(m.id for plan in self.model.taken for m in plan.messages)
        assert {m: n for m, n in reached.items() if n > 1 + resends[m]} == {}

    @invariant()
    def each_resend_has_its_reason(self) -> None:
        plans = {plan.plan_id: plan for plan in self.model.plans()}
        answered_500 = {outcome.plan_id for outcome in self.model.outcomes() if outcome.status == 500}
        for plan in (plan for plan in plans.values() if plan.resend_of):
            before = plans[plan.resend_of]
            if plan.resend_why == "person":
                assert (before.plan_id, "resend") in self.ordered
            elif plan.resend_why == "policy_500":
                assert before.plan_id in answered_500
            else:
                assert plan.resend_why == f"policy_{plan.send_class}"
                assert before.tries <= self.policies[plan.send_class]["times"]

    @invariant()
    def what_is_settled_never_is_a_doubt_again(self) -> None:
        now = {entry.plan.plan_id for entry in self.model.journal().entries() if entry.result in SETTLED}
        assert self.settled <= now
        self.settled = now
        line = self.model.partition.lines.get(DID)
        assert line is None or not line.doubts.keys() & now

    @invariant()
    def a_receipt_settles_only_what_chattigo_took(self) -> None:
        reached = {m.id for plan in self.model.taken for m in plan.messages}
        by_receipt = {o.plan_id for o in self.model.outcomes() if o.result == "settled" and o.code == "receipt"}
        claimed = [plan for plan in self.model.plans() if plan.plan_id in by_receipt]
        assert {m.id for plan in claimed for m in plan.messages} <= reached

    @invariant()
    def no_offset_passes_a_message_that_is_neither_planned_nor_ended(self) -> None:
        known = {m.id for plan in self.model.plans() for m in plan.messages} | set(self.model.states())
        for topic in INPUTS:
            done = self.model.inputs(topic)[: self.model.offsets[topic]]
            assert {m.id for m in done} <= known

    @invariant()
    def each_persons_replies_keep_their_order(self) -> None:
        """A doubtful reply holds later ones for its time only: what is tried again after that comes when it comes."""
        doubtful = {outcome.plan_id for outcome in self.model.outcomes() if outcome.result == "in_doubt"}
        first: dict[str, int] = {}
        for plan in self.model.plans():
            if plan.plan_id in doubtful:
                name = plan.messages[0].id
                first[name] = min(plan.attempt, first.get(name, plan.attempt))
        told: dict[str, list[str]] = defaultdict(list)
        for plan in self.model.taken:
            message = plan.messages[0]
            if message.source == INPUTS[0] and plan.attempt <= first.get(message.id, plan.attempt):
                told[message.contact].append(message.id)
        for person, ids in told.items():
            assert ids == sorted(ids), person

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        self.model.settle(100)
        self._receipts_flow()
        self._each_message_has_its_end()
        self.model.crash()
        self.model.settle(20)
        self._receipts_flow()
        self._each_message_has_its_end()
        self.nothing_is_resent_off_the_record()
        self.each_resend_has_its_reason()
        self.what_is_settled_never_is_a_doubt_again()
        self.a_receipt_settles_only_what_chattigo_took()
        self.no_offset_passes_a_message_that_is_neither_planned_nor_ended()
        self.each_persons_replies_keep_their_order()

    def _receipts_flow(self) -> None:
        """Somebody else is sent to by each account, and heard of: from now on silence means something."""
        self.replies("5690", 1)
        self.singles(1)
        before = len(self.model.taken)
        self.model.settle(4)
        for plan in self.model.taken[before:]:
            self.model.receipt(plan, "own_id", "sent")
        self.model.settle(40)

    def _each_message_has_its_end(self) -> None:
        """Nobody is lost; a doubt that stands can be seen, and no policy has anything left to do about it."""
        states = self.model.states()
        asked = {m.id for topic in INPUTS for m in self.model.inputs(topic)}
        assert set(states) == asked
        line = self.model.partition.lines.get(DID)
        standing = {m.id for entry in line.doubts.values() for m in entry.plan.messages} if line else set()
        for message_id, state in states.items():
            assert state in ("accepted", "sent", "read", "in_doubt", "refused", "dead")
            if state == "in_doubt":
                assert message_id in standing, self._story(message_id)
                plans = [plan for plan in self.model.plans() if message_id in {m.id for m in plan.messages}]
                assert plans[-1].tries > self.policies.get(plans[-1].send_class, {}).get("times", 0)

    def _story(self, message_id: str) -> list[str]:
        """What is on record of one message, in its order."""
        mine = {plan.plan_id for plan in self.model.plans() if message_id in {m.id for m in plan.messages}}
        told = [f"plan {p.plan_id} {p.attempt} {p.resend_why}" for p in self.model.plans() if p.plan_id in mine]
        told += [
            f"outcome {o.plan_id} {o.result} {o.status} {o.code}" for o in self.model.outcomes() if o.plan_id in mine
        ]
        public = (decode(record.value, Outcome) for record in self.model.topics.get("outcomes", []))
        return told + [f"public {o.state} {o.plan_id} {o.code}" for o in public if message_id in o.message_ids]


TestDoubts = Doubts.TestCase
TestDoubts.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
