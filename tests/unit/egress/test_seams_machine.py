"""All that holds a line back, together and in any order: quiet hours, the day's cap, pauses of a campaign, a line, a
tenant and everybody, stops, opt-outs and what WhatsApp withholds; and the owner may die at any moment.

At any moment: nobody is planned twice but on record; nothing is planned after a pause was acknowledged; the cap is
never exceeded; the counts add up. In the end everybody has an outcome, and nothing is left behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, cast
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from egress.lines.queues.admission import PARKED
from runtime.pauses import Standing
from schemas import ids, topics
from schemas.campaign import Canary, Chunk, ChunkRef, Contents, Definition, Progress, Ramp, Recipient, StopRule
from schemas.journal import Plan
from schemas.line_command import ControlCampaign, ControlLine, ResumeTemplate
from schemas.line_state import LineState
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome, merge
from schemas.pause import Pause
from schemas.session import Template
from schemas.tenant import Line as LineConfig
from schemas.tenant import Quiet
from tests.builders.gate import order as utility
from tests.builders.line_model import ANSWERS, Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant
from tests.unit.egress.test_failures import notice
from tests.unit.runtime.test_pauses import standing_record

FATES = [*ANSWERS, "crash_uncommitted", "crash_before", "crash_after", "handed_over"]
CODES = ["131026", "131049", "131049", "131050", "131048", "132015", "130429", "131056", "368"]
SECONDS = st.sampled_from([0.0, 0.1, 1.0, 3.0, 11.0, 61.0])
ZONE = "Europe/Madrid"  # where a test begins 47 minutes before midnight
CHILE, SPAIN = "5691111{:04}", "3460011{:04}"
RATE, BATCH = 20.0, 4
PAUSES = {
    "all": Pause(scope="all", since_ms=1, by="ana"),
    "tenant": Pause(scope="tenant", tenant="acme", since_ms=1, by="ana"),
}
ENDED = ("finished", "cancelled")
OTP = Template(name="code", language="es", body=["1"])
SINGLES: dict[str, Callable[..., OutboundMessage]] = {
    "promo": promo,
    "order": utility,
    "code": partial(message, content=OTP, send_class="otp"),
    "reply": message,
}


class Seams(RuleBasedStateMachine):
    made: Model

    @initialize(data=st.data(), quiet=st.booleans(), cap=st.sampled_from([None, None, 7, 20]))
    def submit(self, data: st.DataObject, quiet: bool, cap: int | None) -> None:
        line = LineConfig(did=DID, sends="isv", templates="hsm", rate=RATE, batch_max=BATCH)
        self.cap = cap
        fields: dict[str, Any] = {"lines": [line], "limits": {"zone": ZONE}}
        self.calm = tenant(**fields)
        if cap:
            fields["limits"] = {"zone": ZONE, "paid_per_day": cap}
        if quiet:  # it is quiet in Chile for some minutes soon, and in Spain later
            fields["quiet"] = data.draw(
                st.sampled_from([Quiet(start="19:14", end="19:20"), Quiet(start="23:20", end="19:30")])
            )
        limits: dict[str, Any] = {
            "line_parallel": 4,
            "group_max": 10,
            "reserve_per_s": 0,
            "circuit_failures": 0,
            "withheld_wait_s": 120,
            "line_memory": data.draw(st.sampled_from([6, 2000])),
            "check_numbers": True,
        }
        self.made = Model(rules(tenant(**fields), **limits))
        self.read: Counter[tuple[str, type[Any]]] = Counter()
        self.states: dict[str, str] = {}
        self.plans: list[Plan] = []
        self.progress: Progress | None = None
        self.state: LineState | None = None
        self.campaign_ids: list[str] = []
        self.count = 0
        sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
        self._campaign(data, sizes)
        self.step("accept", 0.0)

    def _campaign(self, data: st.DataObject, sizes: list[int]) -> None:
        self.sizes, self.total = sizes, sum(sizes)
        first = 0
        for index, size in enumerate(sizes):
            rows = [Recipient((SPAIN if n % 2 else CHILE).format(n), ["x"]) for n in range(first, first + size)]
            self.made.chunks.append(Chunk(campaign="c", did=DID, index=index, first=first, recipients=rows, digest=""))
            first += size
        self.campaign_ids = [ids.message_id_of_recipient(DID, "c", n) for n in range(self.total)]
        canary = st.builds(Canary, count=st.integers(1, 6), wait_s=st.sampled_from([5.0, 30.0]), settled=st.just(0.5))
        ramp = st.builds(Ramp, shares=st.sampled_from([[0.25], [0.25, 0.5]]), step_s=st.sampled_from([2.0, 10.0]))
        stop = st.builds(StopRule, failed_share=st.sampled_from([0.0, 0.3]), least=st.integers(1, 5))
        definition = Definition(
            campaign="c",
            tenant="acme",
            did=DID,
            template=Template(name="promo", language="es"),
            created_ms=1,
            expires_ms=data.draw(st.sampled_from([0, 0, 0, WALL + 300_000, WALL + 4_000_000])),
            canary=data.draw(st.none() | canary),
            ramp=data.draw(st.none() | ramp),
            stop=data.draw(stop),
        )
        refs = [ChunkRef(n, size) for n, size in enumerate(sizes)]
        contents = Contents(campaign="c", did=DID, total=self.total, chunks=refs, digest="", committed_ms=WALL)
        self.made.put("campaigns", definition, contents)

    # -- what happens

    @rule(fate=st.sampled_from(FATES), seconds=SECONDS)
    def step(self, fate: str, seconds: float) -> None:
        self._step(fate, seconds)

    @rule(minutes=st.sampled_from([5, 20, 60]))
    def time_passes(self, minutes: int) -> None:
        self._step("accept", minutes * 60.0)
        for _ in range(4):
            self._step("accept", 3.0)

    @rule(kind=st.sampled_from(sorted(SINGLES)), count=st.integers(1, 8), data=st.data())
    def singles(self, kind: str, count: int, data: st.DataObject) -> None:
        now_ms = self.made.now.wall_ms
        for _ in range(count):
            self.count += 1
            to = (SPAIN if self.count % 2 else CHILE).format(5000 + self.count)
            expires_ms = data.draw(st.sampled_from([0, 0, now_ms + 200_000, now_ms + 10**8]))
            single = SINGLES[kind](f"s{self.count:03}", to, expires_ms=expires_ms)
            self.made.put("outbound.replies" if kind == "reply" else "outbound.templates", single)
        self._step("accept", 0.0)

    @rule(data=st.data(), code=st.sampled_from(["", "", *CODES]), fate=st.sampled_from(FATES))
    def receipt(self, data: st.DataObject, code: str, fate: str) -> None:
        taken = [(plan, m) for plan in self.made.taken if plan.root_id for m in plan.messages]
        if not taken:
            return
        plan, one = data.draw(st.sampled_from(taken))
        self.made.put("inbound.receipts", notice(plan.root_id, one.contact, "INVALID" if code else "DELIVERY", code))
        self._step(fate, 0.0)

    @rule(person=st.integers(0, 12), on=st.booleans())
    def opt_out(self, person: int, on: bool) -> None:
        to = (SPAIN if person % 2 else CHILE).format(person)
        record = Optout(tenant="acme", since_ms=WALL, why="word") if on else None
        if record is not None:
            self.made.put("optouts", record, key=f"{DID}|{to}".encode())

    @rule(action=st.sampled_from(["pause", "resume", "pause", "resume", "cancel"]), fate=st.sampled_from(FATES))
    def order(self, action: Any, fate: str) -> None:
        self.made.put(
            "lines.commands", ControlCampaign(id="o", did=DID, at_ms=WALL, by="ana", campaign="c", action=action)
        )
        self._step(fate, 0.0, may=True)

    @rule(action=st.sampled_from(["pause", "resume", "resume"]), fate=st.sampled_from(FATES))
    def hold_line(self, action: Any, fate: str) -> None:
        self.made.put("lines.commands", ControlLine(id="l", did=DID, at_ms=WALL, by="ana", action=action))
        self._step(fate, 0.0, may=True)

    @rule(scope=st.sampled_from(sorted(PAUSES)), ends=st.booleans(), fate=st.sampled_from(FATES))
    def hold_all(self, scope: str, ends: bool, fate: str) -> None:
        cast("Standing", self.made.rules.pauses).apply([standing_record(PAUSES[scope], ends=ends)])
        self._step(fate, 0.0, may=True)

    @rule(fate=st.sampled_from(FATES))
    def resume_template(self, fate: str) -> None:
        self.made.put(
            "lines.commands", ResumeTemplate(id="t", did=DID, at_ms=WALL, by="ana", name="promo", language="es")
        )
        self._step(fate, 0.0, may=True)

    @rule()
    def crash(self) -> None:
        self.made.crash()

    # -- what is looked at

    def _step(self, fate: str, seconds: float, *, may: bool = False) -> None:
        before, held, stands = len(self.plans), self._held(), self._stands()
        self.made.step(fate, seconds)
        if may and fate == "crash_uncommitted":
            self.made.step("crash_before")  # now the order is carried out
        self._look()
        fresh = self.plans[before:]
        if not may:
            assert not (held and fresh), "nothing is planned after the pause was acknowledged"
            assert not (stands and [p for p in fresh if p.campaign and p.attempt == 1]), "only a resume lets it go"
        self._check()

    def _held(self) -> bool:
        return self.state is not None and (self.state.paused or bool(self.state.pauses))

    def _stands(self) -> bool:
        return self.progress is not None and self.progress.state in ("paused", *ENDED)

    def _look(self) -> None:
        for outcome in self._news("outcomes", Outcome):
            for message_id in outcome.message_ids:
                self.states[message_id] = merge(self.states.get(message_id), outcome.state)
        self.progress = (self._news("campaigns", Progress) or [self.progress])[-1]
        self.state = (self._news("lines.state", LineState) or [self.state])[-1]
        self.plans += self._news("egress.journal", Plan)

    def _news(self, topic: str, kind: type[Any]) -> list[Any]:
        records, start = self.made.topics.get(topic, []), self.read[topic, kind]
        self.read[topic, kind] = len(records)
        decoder = topics.catalogue()[topic].decoder()
        found = [decoder.decode(record.value) for record in records[start:] if record.value is not None]
        return [record for record in found if isinstance(record, kind)]

    def _check(self) -> None:
        first = Counter(m.id for plan in self.plans if plan.attempt == 1 for m in plan.messages)
        assert not first or max(first.values()) == 1, "planned twice"
        resends = Counter(m.id for plan in self.plans if plan.resend_of for m in plan.messages)
        accepted = Counter(message_id for _, message_id in self.made.accepted)
        assert {m: n for m, n in accepted.items() if n > 1 + resends[m]} == {}
        self._capped()
        if self.progress is not None:
            self._counts(self.progress)

    def _capped(self) -> None:
        days: Counter[str] = Counter()
        for plan in self.plans:
            if plan.template and (not plan.retry_of or plan.resend_of):
                days[datetime.fromtimestamp(plan.at_ms / 1000, ZoneInfo(ZONE)).date().isoformat()] += len(plan.messages)
        assert not self.cap or max(days.values(), default=0) <= self.cap, days
        if self.state is not None and self.cap and days:
            assert (self.state.day, self.state.paid) == max(days.items()), "what a new owner must know is on record"

    def _counts(self, said: Progress) -> None:
        before = sum(self.sizes[: said.chunk]) + said.position
        assert said.planned + said.refused + said.waiting == before
        planned = {m.id for plan in self.plans if plan.campaign for m in plan.messages}
        assert not [i for i in self.campaign_ids[before:] if i in self.states or i in planned], "not started"
        assert all(i in self.states or i in planned for i in self.campaign_ids[:before]), "sending, or decided"
        assert len(planned) == said.planned
        parked = [i for i in self.campaign_ids[:before] if self.states.get(i) == "parked" and i not in planned]
        assert len(parked) == said.waiting
        if said.state == "finished":
            assert before == self.total
            assert all(self.states.get(i) not in (None, "parked") for i in self.campaign_ids)

    def teardown(self) -> None:
        if not hasattr(self, "made") or not hasattr(self, "read"):
            return
        self.cap = None
        self.made.rules.tenants.only = self.calm  # type: ignore[attr-defined]
        cast("Standing", self.made.rules.pauses).apply([standing_record(one, ends=True) for one in PAUSES.values()])
        for n in range(150):
            if (self._stands() and self.progress is not None and self.progress.state == "paused") or n == 0:
                self.hold_line("resume", "accept")
                self.resume_template("accept")
                self.order("resume", "accept")
            self._step("accept", 3.0 if n % 3 else 7200.0)
            if n > 60 and self.progress and self.progress.state in ENDED and self.made.idle:
                break
        assert self.progress is not None
        assert self.progress.state in ENDED, self.progress
        self.nothing_is_left_behind()
        self.made.crash()
        for _ in range(10):
            self._step("accept", 30.0)
        self.nothing_is_left_behind()

    def nothing_is_left_behind(self) -> None:
        line = self.made.partition.lines[DID]
        campaign = line.campaigns.get("c")
        if campaign is not None:
            assert (campaign.admitted, campaign.waiting, campaign.deferring) == (0, 0, [])
            assert not campaign.withheld
        assert self.made.partition.waiting() == (0, 0)
        for parking in line.parkings.values():
            assert (parking.held, parking.open, parking.echoing, dict(parking.unseen)) == ({}, {}, 0, {})
            assert parking.outside == 0
        assert self.made.partition.lot.position == len(self.made.topics.get(PARKED, []))
        for topic in ("outbound.replies", "outbound.templates"):
            assert self.made.offsets[topic] == len(self.made.topics.get(topic, []))
        planned = {m.id for plan in self.plans for m in plan.messages}
        over = self.progress is not None and self.progress.state == "cancelled"
        for name in [f"s{n + 1:03}" for n in range(self.count)] + ([] if over else self.campaign_ids):
            assert self.states.get(name) not in (None, "parked"), (name, name in planned)


Seams.TestCase.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSeams = Seams.TestCase
