"""A cancelled campaign leaves nobody behind, wherever its recipients wait: withheld, parked until their time, or in
memory, while its owner dies again and again."""

from __future__ import annotations

from random import Random

import pytest

from schemas import ids
from schemas.line_command import ControlCampaign
from tests.builders.campaigns import Action, first_calls, notices, progress, submit
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, promo, rules, tenant
from tests.unit.egress.test_campaign_deferred import Quiet, quiet
from tests.unit.egress.test_partition_model import assert_nobody_twice

__all__ = ["quiet"]

HOUR_S = 3600.0
DEATHS = ["crash_uncommitted", "crash_before", "crash_after", "handed_over"]
ORDERS: list[list[Action]] = [["cancel"], ["pause", "cancel"], ["pause", "resume", "cancel"], ["cancel", "resume"]]
FATES = ["accept"] * 6 + ["throttle", "too_fast", "refuse", "time_out_taken", "unreachable", *DEATHS]


def play(dice: Random, quiet: Quiet) -> tuple[Model, list[str]]:
    """A campaign that was cancelled in the middle of all that."""
    memory = dice.choice([6, 2000])
    small = {"line_memory": memory, "worker_memory": memory + 4, "withheld_wait_s": 7200}
    made = Model(rules(tenant(batch_max=5), circuit_failures=0, **small))
    made.put("outbound.templates", promo("far", "5691", not_before_ms=WALL + round(50 * HOUR_S * 1000)))
    people = submit(made, [dice.randint(3, 30) for _ in range(3)])
    quiet.update({one: WALL + 3_600_000 * dice.randint(1, 3) for one in people if dice.random() < 0.4})

    def steps(count: int) -> None:
        for _ in range(count):
            made.deaf, made.slow = dice.random() < 0.2, dice.random() < 0.2
            made.step(dice.choice(FATES), dice.choice([0, 0.1, 1, 3, 61]))

    steps(dice.randint(1, 12))
    for _ in range(dice.randint(1, 4)):
        called = sorted({m.contact for plan in made.taken for m in plan.messages})
        notices(made, "INVALID", [one for one in called if dice.random() < 0.5], "131049")
        steps(3)
    made.seconds = max(made.seconds, dice.choice([0, 1, 2, 3]) * HOUR_S)
    steps(dice.randint(0, 6))
    for action in dice.choice(ORDERS):
        made.put("lines.commands", ControlCampaign(id="o", did=DID, at_ms=WALL, by="ana", campaign="c", action=action))
        steps(dice.randint(1, 3))
    made.deaf = made.slow = False
    return made, people


@pytest.mark.parametrize("seed", range(8, 18))
def test_everybody_who_was_taken_up_has_an_outcome_and_nobody_else_is_called(seed: int, quiet: Quiet) -> None:
    dice = Random(seed)
    made, people = play(dice, quiet)
    made.step("accept", 1)
    calls = len(first_calls(made))
    fates = dice.choice([["accept"], ["accept", "crash_before", "crash_uncommitted"]])
    for _ in range(10):
        made.step(dice.choice(fates), 2)
    for _ in range(40):
        made.step("accept", 3)
    assert (progress(made).state, progress(made).withheld) == ("cancelled", 0), "at once, not when their day is over"
    for _ in range(60):
        made.step("accept", HOUR_S)
    said, states = progress(made), made.states()
    assert (said.waiting, said.withheld, len(first_calls(made))) == (0, 0, calls)
    of = [states.get(ids.message_id_of_recipient(DID, "c", n)) for n in range(len(people))]
    taken_up = said.planned + said.refused
    assert not {None, "parked"} & set(of[:taken_up])
    assert set(of[taken_up:]) <= {None}
    assert_nobody_twice(made)
    assert made.partition.waiting() == (0, 0)
    assert made.partition.lot.position == len(made.topics["outbound.parked"])
