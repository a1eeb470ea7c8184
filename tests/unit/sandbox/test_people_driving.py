"""People play a script against a running sandbox, over its control API."""

from typing import Any

import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.server import Chattigo
from sandbox.people.driving import Driver, DrivingFailed
from sandbox.people.script import Script, standard


async def test_a_script_is_driven_to_its_end(client: Any, chattigo: Chattigo) -> None:
    async with Driver(chattigo.base_url) as driver:
        found = await driver.run(standard(turns=300, rate=1000, people=40, patience_s=0.2))
    assert (found.done, found.said, found.turns, found.stopped) == (True, 300, 300, "")
    assert (found.answered, found.open, found.silent + found.uncalled) == (0, 0, 300)
    await chattigo.settled()
    events = [one for one in chattigo.ledger.of(ledger.Event) if one.origin == "customer"]
    assert len(events) == found.messages
    assert found.unheard == found.people >= 40


async def test_what_is_wrong_is_said(client: Any, chattigo: Chattigo) -> None:
    async with Driver(chattigo.base_url) as driver:
        with pytest.raises(DrivingFailed, match="no persona"):
            await driver.start(Script(personas={}))
        with pytest.raises(DrivingFailed, match="no line 1"):
            await driver.start(standard(lines=["1"]))
        with pytest.raises(DrivingFailed, match="no run 7"):
            await driver.summary(7)
    async with Driver("http://127.0.0.1:9") as driver:
        with pytest.raises(DrivingFailed, match="no sandbox answers"):
            await driver.summary(1)


async def test_people_who_are_stopped_say_nothing_more(client: Any, chattigo: Chattigo) -> None:
    async with Driver(chattigo.base_url) as driver:
        run = await driver.start(standard(turns=10_000, rate=50, people=10))
        found = await driver.stop(run)
        assert (found.done, found.stopped) == (True, "it was stopped")
        assert (await driver.summary(run)).said == found.said < 10_000
