"""A campaign of one line: what is to be sent, and how far it is. Pure, over explicit wall time.

Chunks are fetched by offset when there is room. A slice is a run of recipients of one chunk, so a chunk of 1000 is one
call on a line that takes 1000. `touched` says that its progress must be written, which is done in the transaction of
what changed it; the owner alone writes it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import cast

from egress.lines.campaigns.heard import Hearing
from egress.lines.campaigns.places import Places
from egress.lines.item import Item
from schemas.campaign import CampaignState, Chunk, Contents, Definition, Heard, Progress, Stage
from schemas.parked import Why

ENDED = frozenset({"finished", "cancelled"})


@dataclass(slots=True, eq=False)
class Campaign:
    """One campaign; it exists when it has a definition and contents.

    `begun` says that its progress is on record or will be. Of those before `chunk` and `position`, `planned` were
    planned, `refused` refused, and `waiting` are parked until their turn comes. `next_ms` is when a ramp lets the next
    call go. Of the waiting ones `admitted` came back and are not decided yet; `deferring` are those of the slice that
    is being planned, until when and why, `deferred_in_a_row` how many had to wait since one could go. Before `hold_ms`
    it plans nothing: all of its next recipients must wait. `unreadable` says that a chunk could not be read. `at_ms` is
    when its progress was last written. `withheld` are those of the planned whom WhatsApp holds back: a copy of each
    waits on `outbound.parked`, or came back and is not decided yet; `copies` are places of theirs.
    """

    name: str
    definition: Definition | None = None
    contents: Contents | None = None
    state: CampaignState = "running"
    chunk: int = 0
    position: int = 0
    planned: int = 0
    refused: int = 0
    waiting: int = 0
    why: str = ""
    stage: Stage = "full"
    stage_ms: int = 0
    step: int = 0
    next_ms: int = 0
    at_ms: int = 0
    begun: bool = False
    touched: bool = False
    unreadable: bool = False
    admitted: int = 0
    hold_ms: int = 0
    deferring: list[tuple[Item, int, Why]] = field(default_factory=list)
    deferred_in_a_row: int = 0
    chunks: dict[int, Chunk] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    hearing: Hearing = field(default_factory=Hearing)
    withheld: Places = field(default_factory=Places)
    copies: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def exists(self) -> bool:
        return self.definition is not None and self.contents is not None

    @property
    def live(self) -> bool:
        """Whether anything may still come of it."""
        return self.exists and self.state not in ENDED

    @property
    def planned_all(self) -> bool:
        """Whether no recipient is left that was not looked at."""
        return self.contents is not None and self.chunk >= len(self.contents.chunks)

    @property
    def through(self) -> bool:
        """Whether nobody is left who waits for a turn: not at all, not parked, and not withheld."""
        return self.planned_all and not self.waiting and not self.withheld

    @property
    def left(self) -> int:
        """How many recipients are not planned and not refused; those that wait parked are."""
        total = self.contents.total if self.contents is not None else 0
        return max(0, total - self.planned - self.refused)

    def running(self, now_ms: int) -> bool:
        """Whether it may send now, were it at a stage to do so."""
        ready = self.exists and self.state in ("running", "scheduled")
        return ready and cast(Definition, self.definition).start_ms <= now_ms and not self.over(now_ms)

    def able(self, now_ms: int) -> bool:
        """Whether its next recipients are at hand and may be called now."""
        return self.chunk in self.chunks and self.hold_ms <= now_ms and self.running(now_ms) and self._goes(now_ms)

    def _goes(self, now_ms: int) -> bool:
        """Whether canary and ramp let something go."""
        if self.stage == "canary":
            canary = cast(Definition, self.definition).canary
            return canary is None or self.planned + self.admitted < canary.count
        return self.stage == "full" or (self.stage == "ramp" and self.next_ms <= now_ms)

    def lets_in(self, now_ms: int, ahead_ms: int) -> bool:
        """Whether one that waited may go now; on a ramp, so far ahead of its turn."""
        return self.running(now_ms) and self._goes(now_ms + ahead_ms if self.stage == "ramp" else now_ms)

    def over(self, now_ms: int) -> bool:
        """Whether its time has passed: nobody of it may be sent to any more."""
        return self.live and 0 < cast(Definition, self.definition).expires_ms <= now_ms

    def at_most(self, count: int) -> int:
        """How many recipients the next call may have, of so many that the line takes."""
        definition = cast(Definition, self.definition)
        if self.stage == "canary" and definition.canary is not None:
            return max(1, min(count, definition.canary.count - self.planned - self.admitted))
        if self.stage == "ramp" and definition.ramp is not None:
            return max(1, min(count, int(count * definition.ramp.shares[self.step])))
        return count

    def step_over(self, count: int, planned: int, refused: int) -> None:
        """So many recipients are looked at."""
        self.planned += planned
        self.refused += refused
        self.position += count
        self.touched = True
        if self.position >= len(self.chunks[self.chunk].recipients):
            self.chunks.pop(self.chunk)
            self.asked.discard(self.chunk)
            self.chunk, self.position = self.chunk + 1, 0

    def drop_chunks(self) -> None:
        """What was fetched ahead is not needed."""
        self.chunks.clear()
        self.asked.clear()

    def withhold(self, chunk: int, place: int) -> None:
        """WhatsApp holds a recipient back, who is sent to again later: one that was finished goes on."""
        self.touched |= self.withheld.add(chunk, place)
        if self.state == "finished":
            self.state, self.why, self.touched = "running", "", True
            self.hearing.begin_anew()

    def hand_out(self, chunk: int, place: int) -> None:
        """A recipient who was withheld is planned again, or will not be."""
        self.touched |= self.withheld.discard(chunk, place)

    # -- what is heard

    @property
    def judged(self) -> bool:
        """Whether it matters what is heard of its recipients."""
        definition = self.definition
        if definition is None or not self.live:
            return False
        return definition.stop.failed_share > 0 or (
            definition.canary is not None and self.stage in ("canary", "judging")
        )

    def hear(self, chunk: int, place: int, code: str) -> None:
        """A recipient was delivered (no code), or failed."""
        if self.judged and self.hearing.hear(chunk, place, code):
            self.touched = True

    # -- on record

    def define(self, definition: Definition) -> None:
        """What is to be sent. Where nothing is on record of it yet, this is how it begins."""
        self.definition = definition
        self.hearing.resize(definition.stop.window)
        if not self.begun:
            self.state = "draft" if definition.draft else "running"
            self.stage = (
                "canary" if definition.canary is not None else "ramp" if definition.ramp is not None else "full"
            )

    def progress(self, at_ms: int) -> Progress:
        """What is written of it."""
        definition = cast(Definition, self.definition)
        return Progress(
            campaign=self.name,
            did=definition.did,
            state=self.state,
            chunk=self.chunk,
            position=self.position,
            at_ms=at_ms,
            planned=self.planned,
            refused=self.refused,
            waiting=self.waiting,
            why=self.why,
            stage=self.stage,
            stage_ms=self.stage_ms,
            step=self.step,
            next_ms=self.next_ms,
            delivered=self.hearing.delivered,
            failed=dict(self.hearing.failed),
            recent=self.hearing.recent() if definition.stop.failed_share else [],
            withheld=len(self.withheld),
        )

    def heard(self) -> list[Heard]:
        """Who was heard of, as far as that is not on record."""
        did = cast(Definition, self.definition).did
        return [Heard(campaign=self.name, did=did, chunk=chunk, known=known) for chunk, known in self.hearing.news()]

    def restore(self, progress: Progress) -> None:
        """What the owner before had written of it."""
        self.state, self.why = progress.state, progress.why
        self.chunk, self.position = progress.chunk, progress.position
        self.planned, self.refused, self.waiting = progress.planned, progress.refused, progress.waiting
        self.stage, self.stage_ms, self.step = progress.stage, progress.stage_ms, progress.step
        self.next_ms, self.at_ms, self.begun = progress.next_ms, progress.at_ms, True
        self.hearing.restore(progress.delivered, progress.failed, progress.recent)
