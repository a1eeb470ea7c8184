"""One line of 51 has a million to send: while it does, no other line's message waits for more than 3 of its calls; and
replies on the line itself never wait for bulk's debt."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from schemas.campaign import ChunkRef, Contents, Definition
from schemas.outbound import OutboundMessage
from schemas.session import Template
from schemas.tenant import Line
from tests.builders.line_sim import Endless, Sim
from tests.builders.lines import DID, message, promo, rules, tenant

BIG = DID
SMALL = [f"569222222{n:02}" for n in range(50)]
MILLION = 1_000_000


def million(made: Sim, did: str = BIG) -> None:
    """A campaign of a million; its chunks are made when they are fetched."""
    made.chunks = Endless("c", did)  # type: ignore[assignment]
    template = Template(name="promo", language="es")
    refs = [ChunkRef(n, 1000) for n in range(MILLION // 1000)]
    made.put("campaigns", Definition(campaign="c", tenant="acme", did=did, template=template, created_ms=1))
    made.put("campaigns", Contents(campaign="c", did=did, total=MILLION, chunks=refs, digest="", committed_ms=1))


def of_line(said: OutboundMessage, did: str) -> OutboundMessage:
    return msgspec.structs.replace(said, did=did)


def crowd(batch_max: int, **settings: object) -> Sim:
    """51 lines of one account, each with a rate that never holds it: they share the worker's calls alone."""
    lines = [Line(did=did, sends="isv", templates="hsm", rate=10_000, batch_max=1) for did in SMALL]
    big = Line(did=BIG, sends="isv", templates="hsm", rate=10_000, batch_max=batch_max)
    return Sim(rules(tenant(lines=[*lines, big]), **settings))


def singles(seed: int, from_s: float, to_s: float) -> Iterator[tuple[float, str, OutboundMessage]]:
    """One message of each small line at some time, half of them replies; a full batch of one does not linger."""
    dice = random.Random(seed)
    for n, did in enumerate(SMALL):
        said = (promo if n % 2 else message)(f"small{n}", f"5697{n:04}")
        yield dice.uniform(from_s, to_s), "outbound.templates" if n % 2 else "outbound.replies", of_line(said, did)


@pytest.mark.parametrize("work", ["campaign", "singles"])
def test_nobody_waits_for_more_than_three_calls_of_the_line_with_a_million(work: str) -> None:
    made = crowd(1000 if work == "campaign" else 10, line_memory=500, worker_memory=2000)
    if work == "campaign":
        million(made)
    else:  # so many that memory holds a tenth of them: the others are parked
        made.put("outbound.templates", *(promo(f"b{n}", f"5696{n:06}") for n in range(5000)))
    made.run(2.5)
    assert len(made.begun) >= 16, "the big line fills all the calls that its account may have"
    asked = {}
    for at_s, topic, said in sorted(singles(7, 2.5, 4.0), key=lambda one: one[0]):
        made.run(at_s)
        asked[said.id] = len([call for call in made.begun if call.did == BIG])
        made.put(topic, said)
    made.run(5.5)
    if work == "singles":
        assert made.partition.lines[BIG].parkings["bulk"].parked, "there was more than memory holds all the time"
    assert len([call for call in made.begun if call.did == BIG]) > 40
    waited = {}
    for name, before in asked.items():
        own = made.grant_of(name)
        waited[name] = len([call for call in made.begun[:own] if call.did == BIG]) - before
    assert max(waited.values()) <= 3, waited


def test_when_all_lines_want_more_than_there_are_calls_each_gets_its_part() -> None:
    made = crowd(1000, calls_parallel=4, line_parallel=4, account_share=1)
    million(made)
    for n, did in enumerate(SMALL[:7]):
        for k in range(300):
            made.put("outbound.replies", of_line(message(f"s{n}-{k}", f"5697{n}{k:04}"), did))
    made.call_s = 0.1
    made.run(4)
    counts = [len([call for call in made.begun if call.did == did]) for did in [BIG, *SMALL[:7]]]
    assert sum(counts) > 100
    assert max(counts) - min(counts) <= 2, counts


@pytest.mark.parametrize("per_s", [4, 30])
def test_replies_during_a_full_stream_of_batches_wait_less_than_a_second(per_s: int) -> None:
    line = Line(did=BIG, sends="isv", templates="hsm", rate=80, batch_max=1000)
    made = Sim(rules(tenant(lines=[line])))
    million(made)
    dice, now, asked = random.Random(3), 2.0, {}
    made.run(now)
    for n in range(60 * per_s // 2):
        now += dice.expovariate(per_s)
        made.run(now)
        asked[f"r{n}"] = now
        made.put("outbound.replies", message(f"r{n}", f"5697{n:05}"))
    made.run(now + 5)
    batches = [call for call in made.begun if len(call.ids) > 1]
    assert len(batches) >= 2
    assert all(len(call.ids) == 1000 for call in batches)
    began = {call.ids[0]: call.at_s for call in made.begun if len(call.ids) == 1}
    waits = sorted(began[name] - at_s for name, at_s in asked.items())
    assert waits[len(waits) * 99 // 100] < 1, waits[-5:]
    assert waits[-1] < 2, "none waits for bulk's debt, which takes 12.5 s to pay back"


def test_a_one_time_password_does_not_wait_for_bulks_debt_nor_behind_a_backlog() -> None:
    line = Line(did=BIG, sends="bot", templates="hsm", rate=80, batch_max=1000)
    made = Sim(rules(tenant(lines=[line]), line_memory=100))
    made.put("outbound.templates", *(promo(f"b{n}", f"5696{n:06}") for n in range(3000)))
    made.run(4)
    assert made.partition.lines[BIG].parkings["bulk"].parked
    otp = Template(name="code", language="es", body=["1"])
    made.put("outbound.templates", message("otp", "5691", otp, send_class="otp"))
    made.run(4.1)
    assert made.begun[-1].ids == ["otp"]


def test_a_campaign_and_templates_of_two_classes_share_a_line_by_recipients() -> None:
    line = Line(did=BIG, sends="isv", templates="hsm", rate=500, batch_max=100)
    made = Sim(rules(tenant(lines=[line])))
    made.put("outbound.templates", *(promo(f"m{n}", f"5696{n:06}") for n in range(1500)))
    content = Template(name="promo", language="es", body=["x"])
    made.put(
        "outbound.templates",
        *(message(f"u{n}", f"5695{n:06}", content, send_class="utility") for n in range(500)),
    )
    million(made)
    made.run(7)
    had = {"c": 0, "marketing": 0, "utility": 0}
    for plan in made.plans():
        had[plan.campaign or plan.send_class] += len(plan.messages)
        if sum(had.values()) > 1000:  # all of them have waited since
            break
    assert max(had.values()) - min(had.values()) <= 200, had
    assert min(had.values()) >= 200, had
