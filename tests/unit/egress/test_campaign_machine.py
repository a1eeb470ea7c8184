"""Campaigns against a model, over explicit time: whatever happens, in whatever order, and however often the owner dies.

At any moment: nobody is planned twice but on record; nothing is planned between a pause and its resume, or after a
cancellation; canary, ramp and stop rule are kept; the counts add up to the total; whom WhatsApp withholds is counted,
and keeps the campaign open. At the end everybody has an outcome.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from egress.lines.campaigns import deferred
from egress.lines.campaigns.campaign import Campaign
from egress.lines.item import Item
from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.work import Work
from schemas import ids, topics
from schemas.campaign import Canary, Chunk, ChunkRef, Contents, Definition, Progress, Ramp, Recipient, StopRule
from schemas.journal import Plan
from schemas.line_command import ControlCampaign
from schemas.outcome import Outcome, merge
from schemas.session import Template
from schemas.tenant import Line as LineConfig
from tests.builders.line_model import ANSWERS, Model
from tests.builders.lines import DID, WALL, rules, tenant
from tests.unit.egress.test_failures import notice

FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after", "handed_over"]
RATE, BATCH = 20.0, 4
NAMES = ("one", "two")
FINAL, WITHHELD = "131026", "131049"
_judged = Line.judged


def _with_quiet_people(quiet: dict[str, int]) -> Any:
    """The gate says of these people that they are to be told later."""

    def judged(line: Line, item: Item, now: Now, work: Work, ahead: int = 0) -> Any:
        until_ms = quiet.get(item.contact, 0)
        cancelled = line.campaigns.cancelled(item.campaign)
        if item.campaign and until_ms > now.wall_ms and not cancelled and not _expired(item, now):
            deferred.defer(line, item, until_ms, now, work)
            return None, None
        return _judged(line, item, now, work, ahead)

    return judged


def _expired(item: Item, now: Now) -> bool:
    return 0 < item.message.expires_ms <= now.wall_ms


@st.composite
def definitions(draw: st.DrawFn, name: str) -> Definition:
    canary = st.builds(Canary, count=st.integers(1, 6), wait_s=st.sampled_from([5.0, 30.0]), settled=st.just(0.5))
    ramp = st.builds(Ramp, shares=st.sampled_from([[0.25], [0.25, 0.5]]), step_s=st.sampled_from([2.0, 10.0]))
    shares, codes = st.sampled_from([0.0, 0.3]), st.sampled_from([[], [FINAL]])
    stop = st.builds(StopRule, failed_share=shares, least=st.integers(1, 5), codes=codes)
    return Definition(
        campaign=name,
        tenant="acme",
        did=DID,
        template=Template(name="promo", language="es"),
        created_ms=1,
        start_ms=draw(st.sampled_from([0, 0, WALL + 5000])),
        expires_ms=draw(st.sampled_from([0, 0, WALL + 60_000])),
        draft=draw(st.sampled_from([False, False, True])),
        canary=draw(st.none() | canary),
        ramp=draw(st.none() | ramp),
        stop=draw(stop),
    )


class Watched:
    """What a test knows of one campaign beside what the owner says."""

    def __init__(self, definition: Definition, sizes: list[int]) -> None:
        self.definition, self.sizes, self.total = definition, sizes, sum(sizes)
        self.name = definition.campaign
        self.ids = [ids.message_id_of_recipient(DID, self.name, n) for n in range(self.total)]
        base = 1000 * (1 + NAMES.index(self.name))
        self.chunks: list[Chunk] = []
        for index, size in enumerate(sizes):
            first = sum(sizes[:index])
            rows = [Recipient(f"5698{base + first + n}", ["x"]) for n in range(size)]
            chunk = Chunk(campaign=self.name, did=DID, index=index, first=first, recipients=rows, digest="")
            self.chunks.append(chunk)
        self.progress: Progress | None = None
        self.plans: list[Plan] = []
        self.on_ramp: list[Plan] = []
        self.heard: dict[str, str] = {}
        self.judged: list[str] = []
        self.withheld: set[str] = set()
        self.reopened = False

    def told(self, progress: Progress) -> None:
        """What is heard while it is finished is judged by nobody."""
        if self.progress is not None and (self.progress.state, progress.state) == ("finished", "running"):
            self.reopened = True
            self.judged.clear()
        self.progress = progress

    def hear(self, outcome: Outcome) -> None:
        if (outcome.state, outcome.code) == ("parked", "withheld"):
            self.withheld.update(outcome.message_ids)
        if outcome.state in ("refused", "dead") and outcome.code not in ("campaign_cancelled", "expired"):
            code = outcome.code or "400"
        elif outcome.state in ("delivered", "read", "failed"):
            code = outcome.code if outcome.state == "failed" else ""
        else:
            return
        fresh = [message_id for message_id in outcome.message_ids if message_id not in self.heard]
        self.heard.update(dict.fromkeys(fresh, code))
        self.judged += [code] * len(fresh)

    @property
    def stops(self) -> bool:
        rule = self.definition.stop
        failed = sum(bool(code) and (not rule.codes or code in rule.codes) for code in self.judged)
        enough = len(self.judged) >= max(1, rule.least)
        return bool(rule.failed_share) and enough and failed > rule.failed_share * len(self.judged)

    @property
    def spares(self) -> bool:
        """Whether a stop spares anybody: not who is taken up, and waits for another attempt alone."""
        said = self.progress
        return said is None or said.chunk < len(self.sizes) or bool(said.waiting or said.withheld)

    @property
    def stands(self) -> bool:
        return self.progress is not None and self.progress.state in ("paused", "cancelled", "draft", "finished")


class Campaigning(RuleBasedStateMachine):
    made: Model

    @initialize(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        line = LineConfig(did=DID, sends="isv", templates="hsm", rate=RATE, batch_max=BATCH)
        limits: dict[str, Any] = {"line_parallel": 4, "group_max": 10, "reserve_per_s": 0, "circuit_failures": 0}
        limits["withheld_wait_s"] = 90
        self.made = Model(rules(tenant(lines=[line]), **limits))
        self.quiet: dict[str, int] = {}
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(Line, "judged", _with_quiet_people(self.quiet))
        self.watched: dict[str, Watched] = {}
        self.read: Counter[str] = Counter()
        self.states: dict[str, str] = {}
        self.first: Counter[str] = Counter()
        self.resends: Counter[str] = Counter()
        for name in NAMES[: data.draw(st.integers(1, 2))]:
            sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
            one = self.watched[name] = Watched(data.draw(definitions(name)), sizes)
            self.made.chunks += one.chunks
            refs = [ChunkRef(n, size) for n, size in enumerate(sizes)]
            contents = Contents(campaign=name, did=DID, total=one.total, chunks=refs, digest="", committed_ms=WALL)
            self.made.put("campaigns", one.definition, contents)
        self.step("accept", 0.0)

    # -- what happens

    @rule(fate=st.sampled_from(FATES), seconds=st.sampled_from([0.0, 0.1, 1.0, 3.0, 11.0]))
    def step(self, fate: str, seconds: float) -> None:
        stops = {name for name, one in self.watched.items() if one.stands or (one.stops and one.spares)}
        stand = {name: len(self.watched[name].plans) for name in stops}
        self.made.step(fate, seconds)
        self._look()
        for name, plans in stand.items():
            assert len(self.watched[name].plans) == plans, "only a resume lets it go"
        self._check()

    @rule(
        data=st.data(),
        kind=st.sampled_from(["DELIVERY", "READ", "INVALID", "INVALID", "SENT"]),
        code=st.sampled_from([FINAL, WITHHELD]),
        fate=st.sampled_from(["accept", "accept", "crash_uncommitted", "crash_before"]),
    )
    def receipt(self, data: st.DataObject, kind: str, code: str, fate: str) -> None:
        taken = [(plan, m) for plan in self.made.taken for m in plan.messages]
        if not taken:
            return
        plan, message = data.draw(st.sampled_from(taken))
        codes = (code,) if kind == "INVALID" else ()
        self.made.put("inbound.receipts", notice(plan.root_id, message.contact, kind, *codes))
        self.step(fate, 0.0)

    @rule(fate=st.sampled_from(FATES))
    def time_passes(self, fate: str) -> None:
        self.step(fate, 91.0)

    @rule(
        name=st.sampled_from(NAMES),
        action=st.sampled_from(["pause", "resume", "pause", "resume", "cancel"]),
        fate=st.sampled_from(["accept", "crash_uncommitted", "crash_before"]),
    )
    def order(self, name: str, action: Any, fate: str) -> None:
        order = ControlCampaign(id="o", did=DID, at_ms=WALL, by="ana", campaign=name, action=action)
        self.made.put("lines.commands", order)
        one = self.watched.get(name)
        plans = len(one.plans) if one else 0
        if one is not None and action == "resume" and self._owned(name).state in ("paused", "draft"):
            one.judged.clear()
        self.made.step(fate, 0.0)
        self._look()
        if fate == "crash_uncommitted":
            self.made.step("crash_before", 0.0)
            self._look()
        assert one is None or action == "resume" or len(one.plans) == plans, "nothing is planned once it was taken up"
        self._check()

    @rule(every=st.sampled_from([1, 2, 2, 3]), seconds=st.sampled_from([1.0, 30.0, 100.0]))
    def some_are_told_later(self, every: int, seconds: float) -> None:
        people = [row.to for one in self.watched.values() for chunk in one.chunks for row in chunk.recipients]
        self.quiet.update(dict.fromkeys(people[::every], self.made.now.wall_ms + round(seconds * 1000)))

    @rule(seconds=st.sampled_from([-5, 5]))
    def clock_is_set(self, seconds: int) -> None:
        self.made.shift_ms += seconds * 1000

    @rule()
    def all_goes_on(self) -> None:
        """Everybody has an outcome in the end, but those of a campaign that was cancelled."""
        for _ in range(60):
            said = [one.progress for one in self.watched.values()]
            if all(one and one.state in ("finished", "cancelled") and not one.withheld for one in said):
                return
            for name, one in self.watched.items():
                if one.progress and one.progress.state in ("paused", "draft"):
                    self.order(name, "resume", "accept")
            self.step("accept", 61.0)
        raise AssertionError(f"it does not end: {[one.progress for one in self.watched.values()]}")

    def teardown(self) -> None:
        if hasattr(self, "_patch"):
            self._patch.undo()

    # -- what is looked at

    def _look(self) -> None:
        """Reads on in what is on record."""
        for outcome in self._news("outcomes", Outcome):
            for message_id in outcome.message_ids:
                self.states[message_id] = merge(self.states.get(message_id), outcome.state)
            if outcome.campaign in self.watched:
                self.watched[outcome.campaign].hear(outcome)
        for progress in self._news("campaigns", Progress):
            self.watched[progress.campaign].told(progress)
        for plan in self._news("egress.journal", Plan):
            if plan.campaign in self.watched:
                one = self.watched[plan.campaign]
                one.plans.append(plan)
                one.withheld.difference_update(m.id for m in plan.messages)
                if plan.attempt == 1 and one.progress and one.progress.stage == "ramp":
                    one.on_ramp.append(plan)
            (self.resends if plan.resend_of else Counter()).update(m.id for m in plan.messages)
            (self.first if plan.attempt == 1 else Counter()).update(m.id for m in plan.messages)

    def _news(self, topic: str, kind: type[Any]) -> list[Any]:
        records = self.made.topics.get(topic, [])
        fresh, self.read[topic] = records[self.read[topic] :], len(records)
        decoder = topics.catalogue()[topic].decoder()
        found = [decoder.decode(record.value) for record in fresh if record.value is not None]
        return [record for record in found if isinstance(record, kind)]

    def _owned(self, name: str) -> Campaign:
        campaign = self.made.partition.lines[DID].campaigns.get(name)
        assert campaign is not None
        return campaign

    def _check(self) -> None:
        assert not self.first or max(self.first.values()) == 1, "planned twice"
        accepted = Counter(message_id for _, message_id in self.made.accepted)
        assert {m: n for m, n in accepted.items() if n > 1 + self.resends[m]} == {}
        for one in self.watched.values():
            if one.progress is None:
                assert not one.plans
                continue
            self._counts(one, one.progress)
            self._stages(one, one.progress)
            self._withheld(one, one.progress)
            ended = one.progress.state in ("finished", "cancelled")
            if one.definition.stop.failed_share and not ended and not one.reopened:
                assert len(self._owned(one.name).hearing) == len(one.heard)

    def _counts(self, one: Watched, progress: Progress) -> None:
        before = sum(one.sizes[: progress.chunk]) + progress.position
        assert progress.planned + progress.refused + progress.waiting == before
        planned = {m.id for plan in one.plans for m in plan.messages}
        assert not [i for i in one.ids[before:] if i in self.states or i in planned], "not started"
        assert all(i in self.states or i in planned for i in one.ids[:before]), "sending, or decided"
        assert len(planned) == progress.planned
        parked = [i for i in one.ids[:before] if self.states.get(i) == "parked" and i not in planned]
        assert len(parked) == progress.waiting
        if progress.state == "finished":
            assert before == one.total
            assert all(self.states.get(i) not in (None, "parked") for i in one.ids)

    def _withheld(self, one: Watched, progress: Progress) -> None:
        # Of whom something else is heard meanwhile, it is known when his copy comes back.
        surely = {i for i in one.withheld if self.states.get(i) not in ("delivered", "read", "failed")}
        assert len(surely) <= progress.withheld <= len(one.withheld)
        assert len(self._owned(one.name).withheld) == progress.withheld
        assert progress.state != "finished" or not progress.withheld

    def _stages(self, one: Watched, progress: Progress) -> None:
        canary, ramp = one.definition.canary, one.definition.ramp
        if canary is not None and progress.stage in ("canary", "judging"):
            assert progress.planned <= canary.count
        if ramp is None or progress.stage != "ramp" or self.made.shift_ms:
            return
        here = [plan for plan in one.on_ramp if plan.at_ms >= progress.stage_ms]
        paid = sum(len(plan.messages) for plan in here[:-1])
        if here:
            passed_s = (here[-1].at_ms - progress.stage_ms) / 1000
            share = ramp.shares[progress.step]
            assert paid <= share * RATE * passed_s + 1e-6, "a call goes only when those before it are paid for"


Campaigning.TestCase.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCampaigning = Campaigning.TestCase
