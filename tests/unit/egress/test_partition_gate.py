"""What the gate makes wait comes back by itself, once; a campaign goes on with others meanwhile, or waits whole."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.gate import asking
from egress.lines.gate.paid import Ledger
from egress.lines.queues.admission import PARKED
from schemas import ids
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient
from schemas.line_command import ControlCampaign
from schemas.outcome import Outcome
from schemas.parked import Parked
from schemas.record import decode
from schemas.session import Template
from schemas.tenant import Line, Quiet, Tenant
from tests.builders.gate import NIGHT
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, promo, rules, tenant

# At the start it is 19:13 in Santiago and 23:13 in Madrid; on the Canary Islands 9:00 comes 38,800 s later.
CHILE, SPAIN = "5691111{:04}", "3460011{:04}"
MORNING_S = 10 * 3600 + 46 * 60 + 40
HOUR_S = 3600.0


def world(quiet: Quiet | None = NIGHT, **fields: object) -> Model:
    line = Line(did=DID, sends="isv", templates="hsm", rate=10_000, batch_max=4)
    only: Tenant = tenant(lines=[line], quiet=quiet, **fields)
    return Model(rules(only, line_memory=20, worker_memory=100, park_after_s=3600, check_numbers=True))


def submit(made: Model, numbers: list[str], **fields: object) -> None:
    """A campaign `c` with chunks of five."""
    for first in range(0, len(numbers), 5):
        rows = [Recipient(to, ["x"]) for to in numbers[first : first + 5]]
        made.chunks.append(Chunk(campaign="c", did=DID, index=first // 5, first=first, recipients=rows, digest=""))
    template = Template(name="promo", language="es", body=["x"])
    made.put("campaigns", Definition(campaign="c", tenant="acme", did=DID, template=template, created_ms=1, **fields))  # type: ignore[arg-type]
    refs = [ChunkRef(n, len(chunk.recipients)) for n, chunk in enumerate(made.chunks)]
    made.put("campaigns", Contents(campaign="c", did=DID, total=len(numbers), chunks=refs, digest="", committed_ms=1))


def mixed(count: int) -> list[str]:
    return [(SPAIN if n % 3 else CHILE).format(n) for n in range(count)]


def control(made: Model, action: str) -> None:
    order = ControlCampaign(id=action, did=DID, at_ms=WALL, by="ana", campaign="c", action=action)  # type: ignore[arg-type]
    made.put("lines.commands", order)


def run(made: Model, steps: int = 12, seconds: float = 1.0) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


def told(made: Model) -> list[str]:
    return sorted(contact for contact, _ in made.accepted)


def state(made: Model) -> Progress:
    records = [msgspec.json.decode(r.value or b"") for r in made.topics["campaigns"] if r.headers]
    return msgspec.convert(records[-1], Progress)


def parked_now(made: Model) -> list[Parked]:
    return [Parked.from_headers(record.headers) for record in made.topics.get(PARKED, []) if record.key]


def whys(made: Model) -> list[tuple[str, str]]:
    found = [decode(record.value, Outcome) for record in made.topics["outcomes"]]
    return [(one.state, one.code) for one in found if one.code]


def test_a_campaign_goes_on_with_those_for_whom_it_is_day() -> None:
    made = world()
    numbers = mixed(13)
    submit(made, numbers)
    run(made)
    assert told(made) == sorted(n for n in numbers if n.startswith("56"))
    waits = parked_now(made)
    assert {note.source.partition("-")[0].rpartition("/")[0] for note in waits} == {"campaign/c"}
    assert {(note.why, note.not_before_ms) for note in waits} == {("send_window", WALL + MORNING_S * 1000)}
    assert state(made).state == "running"
    assert ("parked", "send_window") in whys(made)
    made.step("accept", MORNING_S - 100)
    assert len(told(made)) < len(numbers)
    run(made, seconds=20)
    assert told(made) == sorted(numbers)
    assert state(made).state == "finished"
    outcomes = made.states()
    names = [ids.message_id_of_recipient(DID, "c", n) for n in range(len(numbers))]
    assert {outcomes[name] for name in names} == {"accepted"}


FATES = st.sampled_from(["accept", "accept", "unreachable", "crash_uncommitted", "crash_before", "crash_after"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FATES, st.sampled_from([0.0, 1.0, 1800.0, HOUR_S])), max_size=25), st.integers(1, 22))
def test_whatever_dies_on_the_way_everybody_is_told_once(script: list[tuple[str, float]], count: int) -> None:
    made = world()
    submit(made, mixed(count))
    for fate, seconds in script:
        made.step(fate, seconds)
    for _ in range(40):
        made.step("accept", HOUR_S)
    taken = [message_id for _, message_id in made.accepted]
    planned = [m.id for plan in made.plans() for m in plan.messages if not plan.retry_of]
    assert sorted(planned) == sorted(set(planned))
    assert len(taken) == len(set(taken))
    doubtful = {m.id for plan in made.plans() for m in plan.messages} - set(taken)
    assert len(set(taken) | doubtful) == count
    for plan in made.taken:
        hour = 22 + 13 / 60 + (plan.at_ms - WALL) / 3_600_000
        assert all(m.to.startswith("56") or 9 <= hour % 24 < 20 for m in plan.messages)


def test_a_paused_campaign_leaves_its_waiting_recipients_where_they_are() -> None:
    made = world()
    submit(made, [SPAIN.format(n) for n in range(15)])
    run(made)
    control(made, "pause")
    run(made, seconds=MORNING_S / 10)
    line = made.partition.lines[DID]
    assert line.waiting_bulk == 0
    assert made.accepted == []
    made.put("outbound.templates", promo("single", SPAIN.format(99)))
    run(made)
    assert [name for _, name in made.accepted] == ["single"]
    control(made, "resume")
    run(made, seconds=60)  # they look again every five minutes
    assert len(made.accepted) == 16
    assert state(made).state == "finished"


def test_a_cancelled_campaign_refuses_those_that_wait() -> None:
    made = world()
    submit(made, [SPAIN.format(n) for n in range(7)])
    run(made)
    control(made, "cancel")
    run(made, seconds=MORNING_S / 10)
    assert made.accepted == []
    assert list(made.states().values()) == ["refused"] * 7
    assert ("refused", "campaign_cancelled") in whys(made)


def test_single_templates_wait_outside_and_take_nobodys_place() -> None:
    made = world()
    made.put("outbound.templates", *(promo(f"s{n}", SPAIN.format(n)) for n in range(40)))
    made.put("outbound.templates", promo("day", CHILE.format(1)))
    run(made)
    assert [name for _, name in made.accepted] == ["day"]
    assert made.offsets["outbound.templates"] == 41
    assert made.partition.lines[DID].waiting_bulk == 0
    made.crash()
    run(made, seconds=MORNING_S / 10)
    run(made, 20)
    assert len(made.accepted) == len(set(made.accepted)) == 41


def test_what_comes_back_into_another_night_waits_once_more() -> None:
    made = world()
    made.put("outbound.templates", promo("s", SPAIN.format(1)))
    run(made)
    made.step("accept", 23 * HOUR_S)  # nobody looked during the day
    run(made)
    assert made.accepted == []
    assert [note.not_before_ms for note in parked_now(made)] == [
        WALL + MORNING_S * 1000,
        WALL + MORNING_S * 1000 + 86_400_000,
    ]
    made.step("accept", 12 * HOUR_S)
    run(made)
    assert [name for _, name in made.accepted] == ["s"]


def test_in_a_zone_that_is_the_same_for_all_the_campaign_waits_whole_and_says_why() -> None:
    made = world(Quiet(start="21:00", end="09:00", zone="Europe/Madrid"))
    submit(made, mixed(12))
    run(made)
    assert (made.accepted, parked_now(made)) == ([], [])
    assert state(made).why == f"until {WALL + (MORNING_S - 3600) * 1000}: send_window, it is a quiet hour"
    made.crash()
    made.step("accept", MORNING_S - 3600 - 20)
    assert made.accepted == []
    run(made, 20, 2)
    assert len(told(made)) == 12
    assert (state(made).state, state(made).why) == ("finished", "")


def test_a_campaign_ends_its_day_with_the_last_paid_message_and_goes_on_the_next_day() -> None:
    made = world(None, limits={"paid_per_day": 11})
    submit(made, mixed(24))
    run(made, 20)
    assert len(made.accepted) == 11
    assert state(made).position + 5 * state(made).chunk == 11
    assert state(made).why.startswith("until ")
    assert parked_now(made) == []
    made.put("outbound.templates", promo("single", CHILE.format(99)))
    made.put("outbound.templates", promo("later", CHILE.format(98), expires_ms=WALL + 10 * 86_400_000))
    run(made)
    assert made.states()["single"] == "refused"
    assert made.states()["later"] == "parked"
    made.step("accept", 2 * HOUR_S)  # the next day, by UTC
    run(made, 20)
    assert len(made.accepted) == 22
    made.step("accept", 24 * HOUR_S)
    run(made, 20)
    assert len(made.accepted) == 25
    assert state(made).state == "finished"


@given(st.integers(1, 30), st.integers(1, 40), st.sets(st.integers(0, 12)))
@settings(max_examples=40, deadline=None)
def test_a_line_never_plans_more_than_the_days_cap(cap: int, count: int, crashes: set[int]) -> None:
    made = world(None, limits={"paid_per_day": cap})
    submit(made, mixed(count))
    made.put("outbound.templates", *(promo(f"s{n}", CHILE.format(n)) for n in range(5)))
    for step in range(13):
        made.step("crash_before" if step in crashes else "accept", 1)
    planned = [m.id for plan in made.plans() for m in plan.messages if not plan.retry_of]
    assert len(planned) == len(set(planned)) <= cap


def test_the_other_lines_of_the_tenant_count_too() -> None:
    made = world(None, limits={"paid_per_day": 10})
    made.rules.ledger.heard("56922222222", "acme", "2023-11-14", 8)
    made.rules.ledger.heard("56933333333", "other", "2023-11-14", 80)
    submit(made, mixed(9))
    run(made, 20)
    assert len(made.accepted) == 2


def test_a_new_owner_counts_on_from_the_lines_record() -> None:
    made = world(None, limits={"paid_per_day": 10})
    made.rules = replace(made.rules, ledger=Ledger())
    made.crash()
    asking.learn_paid(made.partition.line(DID, made.now), "acme", "2023-11-14", 7)
    submit(made, mixed(9))
    run(made, 20)
    assert len(made.accepted) == 3
    assert made.partition.lines[DID].paid.count == 10
    told = made.partition.lines[DID].stance.told
    assert told is not None
    assert (told.day, told.paid) == ("2023-11-14", 10)


def test_an_attempt_that_was_surely_not_sent_is_paid_once() -> None:
    made = world(None, limits={"paid_per_day": 4})
    submit(made, mixed(4))
    for _ in range(4):
        made.step("unreachable", 5)
    run(made, 20, 5)
    assert len(made.accepted) == 4
    assert made.partition.lines[DID].paid.count == 4
