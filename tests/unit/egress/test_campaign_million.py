"""A million recipients, over explicit time: paused in the middle, resumed, cancelled, and everything adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from schemas import ids
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Recipient
from schemas.session import Template
from schemas.tenant import Line
from tests.builders.campaigns import order, progress, sizes_of
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, promo, rules, tenant

TOTAL = 1_000_000


class OnDemand(list[Chunk]):
    """A thousand chunks, each made when it is looked for."""

    def __iter__(self) -> Iterator[Chunk]:
        for index in range(TOTAL // 1000):
            yield self.made(index)

    @staticmethod
    def made(index: int) -> Chunk:
        rows = [Recipient(f"56{900_000_000 + index * 1000 + n}", ["x"]) for n in range(1000)]
        return Chunk(campaign="million", did=DID, index=index, first=index * 1000, recipients=rows, digest="")


class Millions(Model):
    def _chunk(self, campaign: str, index: int) -> Chunk:
        return OnDemand.made(index)


def test_pause_in_the_middle_of_a_million_then_resume_and_cancel() -> None:
    line = Line(did=DID, sends="isv", templates="hsm", rate=1000, batch_max=1000)
    made = Millions(rules(tenant(lines=[line]), sends_memory=1000))
    template = Template(name="promo", language="es")
    refs = [ChunkRef(n, 1000) for n in range(TOTAL // 1000)]
    made.put(
        "campaigns",
        Definition(campaign="million", tenant="acme", did=DID, template=template, created_ms=1),
        Contents(campaign="million", did=DID, total=TOTAL, chunks=refs, digest="", committed_ms=WALL),
    )
    while len(made.plans()) < 20:
        made.step("accept", 0.5)
    order(made, "pause", "million")
    paused = progress(made, "million")
    assert paused.planned == sum(sizes_of(made, "million")) == len(made.accepted)
    for n in range(20):
        made.put("outbound.templates", promo(f"t{n}", f"5691{n}"))
        made.step("accept", 3)
        if n == 10:
            made.crash()
    assert progress(made, "million").planned == paused.planned == sum(sizes_of(made, "million"))
    assert len(made.accepted) >= paused.planned + 19, "others go on"
    order(made, "resume", "million")
    while sum(sizes_of(made, "million")) < 2 * paused.planned:
        made.step("accept", 0.5)
    made.step("crash_after", 1.0)
    order(made, "cancel", "million")
    for _ in range(20):
        made.step("accept", 10)
    cancelled = progress(made, "million")
    assert cancelled.why == f"by ana: {TOTAL - cancelled.planned} of {TOTAL} recipients were not sent to"
    assert cancelled.planned == sum(sizes_of(made, "million"))
    states = made.states()
    counted = Counter(
        states.get(ids.message_id_of_recipient(DID, "million", n), "sending") for n in range(cancelled.planned)
    )
    assert counted["accepted"] + counted["in_doubt"] == cancelled.planned
    assert counted["in_doubt"] <= 1000, "the one call that a crash hit"
    assert len({message_id for _, message_id in made.accepted}) == len(made.accepted)
