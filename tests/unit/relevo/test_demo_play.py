"""The demo's play: what goes wrong in one part is told as that, and its people are a script that holds."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from relevo.demo import play, scenario
from relevo.demo.stage import StageError
from sandbox.people.schedule import schedule
from sandbox.people.script import load


async def test_what_goes_wrong_in_one_part_ends_the_others_and_is_raised_as_it_was() -> None:
    ended = []

    async def wrong() -> None:
        raise StageError("no replies reached Chattigo")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(StageError, match="no replies"):
        await play._beside(waits(), wrong())
    assert ended == [True]


def test_the_demos_people_do_all_but_call_for_a_human() -> None:
    script = load(play.PEOPLE)
    turns = list(schedule(script, [line.did for tenant in scenario.TENANTS for line in tenant.lines]))
    done = Counter(turn.step.deed for turn in turns)
    assert len(turns) == 1000
    assert set(done) == {"say", "choose", "react", "send", "answer", "burst", "optout", "optin", "move"}
    assert any(turn.shares for turn in turns)
    assert {turn.who.did for turn in turns} == {line.did for tenant in scenario.TENANTS for line in tenant.lines}
    assert scenario.HANDOFF[1] not in {turn.who.contact for turn in turns}
