"""Where deferral, pauses, caps, stops and campaigns meet: nobody blocks others by waiting, and nobody is lost by it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from egress.lines.gate.verdict import CODES
from egress.lines.queues import admission
from egress.lines.queues.admission import PARKED
from egress.lines.receipts.wishes import TOLD_MAX, Wish, Wishes
from schemas.line_command import DecideDoubt
from schemas.line_state import LineState
from schemas.parked import Parked, Why
from schemas.record import decode
from schemas.tenant import Line, Quiet
from tests.builders.campaigns import notices, order, progress
from tests.builders.campaigns import submit as campaign
from tests.builders.doubt_model import MOVED, DoubtModel
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant
from tests.unit.egress.test_failures import notice
from tests.unit.egress.test_partition_gate import CHILE, HOUR_S, mixed, state, submit, world
from tests.unit.egress.test_partition_model import assert_nobody_twice
from tests.unit.egress.test_replays import letters, put_back

DAY_S = 24 * HOUR_S
# It is 19:13 in Santiago when a test begins, as it is where the numbers are that tell no zone.
EVENING = Quiet(start="19:00", end="20:00")


def run(made: Model, steps: int = 5, seconds: float = 1.0) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


def withhold(made: Model, contact: str) -> None:
    """WhatsApp says 131049 of the last send to somebody."""
    plan = next(p for p in reversed(made.plans()) if contact in {m.contact for m in p.messages})
    made.put("inbound.receipts", notice(plan.root_id, contact, "INVALID", "131049"))
    run(made, 4)


def copies(made: Model) -> list[Parked]:
    notes = [Parked.from_headers(record.headers) for record in made.topics.get(PARKED, []) if record.key]
    return [note for note in notes if note.after is not None]


@pytest.mark.parametrize("crash", [False, True])
def test_a_withheld_recipient_waits_for_the_morning_and_its_campaign_with_it(crash: bool) -> None:
    made = world()
    people = [CHILE.format(n) for n in range(3)]
    submit(made, people)
    run(made)
    assert state(made).state == "finished"
    withhold(made, people[0])
    made.seconds = DAY_S - HOUR_S
    run(made, 12, 600)
    assert len(made.plans()) == 2
    made.seconds = 26.5 * HOUR_S
    withhold(made, people[0])
    if crash:
        made.crash()
    made.seconds = 50.4 * HOUR_S  # at 50.5 it is a quarter to ten in the evening
    run(made, 6, 120)
    assert (state(made).state, state(made).withheld) == ("running", 1)
    assert len(made.plans()) == 2
    assert made.partition.waiting() == (0, 0), "it waits in Kafka"
    run(made, 36, 1200)
    assert len(made.plans()) == 3
    assert (state(made).state, state(made).withheld) == ("finished", 0)
    assert_nobody_twice(made)


def test_a_recipient_that_was_put_back_and_meets_quiet_hours_leaves_nothing_behind() -> None:
    made = Model(rules(tenant(batch_max=4), attempts_max=2, circuit_failures=0, park_after_s=30))
    [person] = campaign(made, [1])
    for _ in range(6):
        made.step("throttle", 2.5)
    [letter] = letters(made)
    assert progress(made).state == "finished"
    put_back(made, letter)
    run(made, 1)
    made.rules.tenants.only = tenant(quiet=EVENING)  # type: ignore[attr-defined]
    run(made, 120, 30)  # until eight in the evening, and then for a while
    assert [one for one, _ in made.accepted] == [person]
    parking = made.partition.lines[DID].parkings["bulk"]
    assert (parking.open, parking.held, parking.echoing) == ({}, {}, 0)
    assert made.partition.lot.position == len(made.topics[PARKED]), "it is done with"


def slow(**fields: Any) -> Model:
    """A line of ten a minute, and memory for twenty."""
    line = Line(did=DID, sends="isv", templates="hsm", rate=fields.pop("rate", 1 / 6), batch_max=10)
    limits = {"line_memory": 20, "circuit_failures": 0, "reserve_per_s": 0, "attempts_max": 10}
    return Model(rules(tenant(lines=[line], **fields), **limits))


def goes_meanwhile(made: Model) -> None:
    """Other templates of the line do while its campaign is paused; and what waits of it goes when it is resumed."""
    order(made, "pause")
    before = len(made.accepted)
    made.put("outbound.templates", *(promo(f"single{n}", f"5695{n}") for n in range(30)))
    run(made, 100, 10)
    assert {f"single{n}" for n in range(30)} == {name for _, name in made.accepted[before:]}
    order(made, "resume")
    run(made, 200, 10)
    assert progress(made).state == "finished"
    assert_nobody_twice(made)


def test_recipients_that_came_back_before_their_campaign_was_paused_take_no_room() -> None:
    made = slow(quiet=EVENING)
    people = campaign(made, [5] * 6)
    lines = made.rules.tenants.only.lines  # type: ignore[attr-defined]
    made.rules.tenants.only = tenant(lines=lines, quiet=EVENING, zone="America/Santiago")  # type: ignore[attr-defined]
    run(made, 10, 1)
    assert progress(made).waiting == 30
    made.seconds = HOUR_S
    run(made, 4, 0.1)
    assert made.partition.lines[DID].waiting("bulk") == 20
    goes_meanwhile(made)
    assert {to for to, name in made.accepted if not name.startswith("single")} == set(people)


def test_other_attempts_of_a_paused_campaign_take_no_room() -> None:
    made = slow(rate=10_000)
    people = campaign(made, [10, 10, 10])
    while len(made.plans()) < 2:
        made.step("throttle", 0.1)
    goes_meanwhile(made)
    assert {to for to, name in made.accepted if not name.startswith("single")} == set(people)


def test_withheld_ones_that_come_back_while_their_campaign_is_paused_take_no_room() -> None:
    made = slow(rate=10_000)
    people = campaign(made, [25, 1])
    while len(made.plans()) < 3:
        made.step("accept", 0.1)
    order(made, "pause")
    notices(made, "INVALID", people[:25], "131049")
    run(made)
    assert len(copies(made)) == 25
    made.seconds = DAY_S + 600
    run(made, 10)
    goes_meanwhile(made)
    run(made, 60, 10)
    assert len(made.accepted) == 30 + 26 + 25


def test_a_message_that_a_person_dropped_stays_dead_when_an_earlier_owner_tells_late_of_a_doubt() -> None:
    policies = {"reply": {"resend_after_s": 60, "times": 1}}
    made = DoubtModel(rules(tenant(policies=policies), circuit_failures=0))
    made.put("outbound.replies", message("r"))
    made.step(MOVED)
    while len(made.plans()) < 2:
        made.step("time_out", 20)
    second = made.plans()[-1]
    made.put(
        "lines.commands", DecideDoubt(id="1", did=DID, at_ms=WALL, by="ana", plan_id=second.plan_id, action="drop")
    )
    run(made)
    assert made.states() == {"r": "dead"}
    made.late_answer(made.elsewhere[0], "time_out")
    assert made.states() == {"r": "in_doubt"}, "as a reader has it for a moment"
    run(made, 10)
    assert made.states() == {"r": "dead"}


def test_copies_of_those_that_wait_for_a_paused_campaign_do_not_grow_in_number_with_each_crash() -> None:
    made = Model(rules(tenant(quiet=EVENING, zone="America/Santiago"), circuit_failures=0))
    made.put("outbound.templates", promo("far", "5690", not_before_ms=WALL + 10 * 86_400_000))
    people = campaign(made, [5])
    run(made)
    order(made, "pause")
    made.seconds = HOUR_S
    for _ in range(4):
        run(made, 20, 150)  # each is parked again every five minutes
        made.crash()
    assert made.offsets[PARKED] == 0, "the first one parked waits for days, and a crash brings all of them back"
    before = len(made.topics[PARKED])
    run(made, 20, 150)
    assert len(made.topics[PARKED]) - before <= 10 * len(people) + 2


def test_one_that_is_parked_again_does_not_keep_the_parked_topic_from_being_committed() -> None:
    made = Model(rules(tenant(quiet=EVENING, zone="America/Santiago"), circuit_failures=0))
    made.put("outbound.templates", promo("far", "5692", not_before_ms=WALL + 6_900_000), promo("t", "5691"))
    run(made)
    made.seconds = HOUR_S / 2
    made.rules.tenants.only = tenant(quiet=Quiet(start="19:30", end="21:00"), zone="America/Santiago")  # type: ignore[attr-defined]
    made.step("accept", 0)
    made.seconds = 0.9 * HOUR_S
    run(made, 5, 1)
    assert len(made.topics[PARKED]) == 3, "its quiet hours have become longer meanwhile"
    made.seconds = 2 * HOUR_S
    run(made, 5, 10)
    assert sorted(name for _, name in made.accepted) == ["far", "t"]
    assert made.offsets[PARKED] == len(made.topics[PARKED])


def test_a_lines_record_fits_into_kafka_however_many_opted_out_while_nobody_took_it_up() -> None:
    wishes = Wishes()
    for n in range(TOLD_MAX + 5):
        wishes.add(Wish("acme", f"569{n:08}", f"m{n}"), None)
    told = wishes.all()
    assert (len(told), told[-1]) == (TOLD_MAX, f"569{TOLD_MAX + 4:08}")
    assert wishes.joined("56900000000", None, "acme", 1) is not None, "who is not told of is kept to all the same"
    wishes.heard(told[-1], None)
    assert told[-1] not in wishes.all()


def test_whatever_makes_a_message_wait_has_a_word_on_its_parked_record() -> None:
    waits = {code for code, meaning in CODES.items() if "waits" in meaning}
    assert waits == {"paused", "send_window", "daily_cap"} == set(admission._WHYS)
    assert set(admission._REASONS) == set(get_args(Why))


def test_who_waits_parked_for_the_morning_counts_once_in_the_lines_backlog() -> None:
    made = Model(rules(tenant(batch_max=4), circuit_failures=0, check_numbers=True))
    made.rules.tenants.only = tenant(batch_max=4, quiet=EVENING)  # type: ignore[attr-defined]
    submit(made, mixed(20))  # it is evening in Chile alone
    run(made, 3, 2)
    order(made, "pause")
    run(made, 3, 2)
    told, said = decode(made.topics["lines.state"][-1].value, LineState), progress(made)
    assert said.waiting > 0
    assert told.waiting["bulk"] + told.recipients == 20 - said.planned
