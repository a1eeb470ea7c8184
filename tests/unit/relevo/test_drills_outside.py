"""A fault from outside counts only where somebody felt it, and what was turned for it is turned back."""

from __future__ import annotations

from dataclasses import replace as copied
from pathlib import Path
from typing import Any

import msgspec
import pytest

from relevo.demo.network import KAFKA, Network
from relevo.demo.stage import Stage
from relevo.drills.drill import Drill, NotReached, Seen
from relevo.drills.outside import clocks, flood
from relevo.drills.outside.broker import DiskFull
from relevo.drills.outside.chattigo import few_logins
from relevo.drills.outside.disorder import duplicates
from relevo.drills.outside.flood import TenantFloods, Wait
from relevo.drills.outside.network import felt
from relevo.drills.outside.poison import BODIES, RECORDS
from relevo.drills.outside.steps import Turned, broker_of, for_a_while, link_of
from relevo.drills.scene import Scene
from relevo.drills.unheard import waiting
from runtime import clock
from sandbox.kafka.properties import server_properties
from sandbox.proxy.weather import Counts, Weather
from tests.builders.audit import AGENT
from tests.unit.relevo.test_drills import audited

DRILL = Drill("d", "", ())


class Chattigo(Stage):
    """A stage of which there are only the sandbox's knobs and counts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, (), agents=(AGENT,))
        self.knobs: dict[str, Any] = {"webhooks": {"retry_s": [1.0], "duplicate": 0.1}}
        self.events = 0
        self.steps = 0

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        if method == "PATCH":
            for group, turned in body.items():
                self.knobs[group] |= turned
        self.events += self.steps
        return self.knobs if path == "knobs" else {"counts": {"event": self.events}}


@pytest.mark.parametrize(
    ("weather", "changes", "expected"),
    [
        (Weather(latency_s=1), {"late": 1}, True),
        (Weather(latency_s=1), {"accepted": 5, "bytes_up": 9}, False),
        (Weather(swallow="down"), {"swallowed_down": 1}, True),
        (Weather(swallow="down"), {"swallowed_up": 1}, False),
        (Weather(swallow="both"), {"swallowed_up": 1}, True),
        (Weather(refuse=True), {"cut": 1}, True),
        (Weather(refuse=True), {"cut": 1, "accepted": 1}, False),
        (Weather(refuse=True), {}, False),
    ],
)
def test_weather_counts_only_where_somebody_felt_it(weather: Weather, changes: Any, expected: bool) -> None:
    assert felt(weather, Counts(), msgspec.structs.replace(Counts(), **changes)) is expected


async def test_knobs_are_turned_for_the_whole_load_and_turned_back_behind_it(tmp_path: Path) -> None:
    stage, turned = Chattigo(tmp_path), Turned((("webhooks", (("retry_s", (0.5, 0.5)),)),))
    scene = Scene(stage, 1)
    await turned.arm(scene)
    await turned.strike(scene)
    await turned.heal(scene)
    assert stage.knobs["webhooks"]["retry_s"] == (0.5, 0.5), "the load still runs"
    scene.over = True
    await turned.heal(scene)
    await turned.heal(scene)
    assert stage.knobs["webhooks"] == {"retry_s": [1.0], "duplicate": 0.1}


async def test_a_fault_that_nobody_met_has_shown_nothing(tmp_path: Path) -> None:
    stage = Chattigo(tmp_path)
    with pytest.raises(NotReached, match="no event came while it broke"):
        await for_a_while(Scene(stage, 1), 0.0, "while it broke")
    stage.steps = 1
    await for_a_while(Scene(stage, 1), 0.0, "while it broke")


def test_faults_say_what_they_need(tmp_path: Path) -> None:
    scene = Scene(Chattigo(tmp_path), 1)
    with pytest.raises(NotReached, match="no network"):
        link_of(scene, KAFKA)
    assert broker_of(scene).disk is None
    mock = Scene(Stage(tmp_path, (), mock=True), 1)
    with pytest.raises(NotReached, match="no genuine Kafka"):
        broker_of(mock)
    assert DiskFull().must


def test_clients_that_come_through_the_network_are_sent_back_through_it() -> None:
    network = Network()
    direct, controller = network.broker_ports
    text = server_properties(Path("/data"), direct, controller, network.properties)
    assert f"advertised.listeners=PLAINTEXT://127.0.0.1:{direct},THROUGH://{network.address(KAFKA)}\n" in text
    assert f"THROUGH://127.0.0.1:{network.links[KAFKA].to.port}" in text
    assert f"CONTROLLER://127.0.0.1:{controller}" in text
    assert network.lead("webhooks", "http://127.0.0.1:8080/v1/x") == f"http://{network.address('webhooks')}/v1/x"
    assert network.links["webhooks"].to.port == 8080


def test_more_logins_than_allowed_and_fewer_duplicates_than_wanted_are_named() -> None:
    seen = Seen(audited(), {"login": 3}, frozenset(), DRILL)
    assert list(few_logins(3)(seen)) == []
    assert list(few_logins(2)(seen)) == ["3 logins: more than 2, which is a storm"]
    assert len(list(duplicates(1)(seen))) == 1
    assert list(duplicates(0)(seen)) == []


@pytest.mark.parametrize(
    ("during", "theirs", "passes"),
    [(2.9, 0.1, True), (3.9, 0.1, True), (4.1, 8.1, False), (4.1, 8.3, True), (4.1, 0.0, False)],
)
def test_a_flood_may_delay_others_so_many_times_and_no_more_or_half_as_long_as_its_own(
    tmp_path: Path, during: float, theirs: float, passes: bool
) -> None:
    fault, scene = TenantFloods(times=8.0, least_s=3.0, share=0.5), Scene(Chattigo(tmp_path), 1)
    others = [Wait(number, 0.5) for number in range(20)] + [Wait(100 + number, during) for number in range(20)]
    own = [Wait(100 + number, theirs) for number in range(20)] if theirs else []
    if passes:
        fault._judge(scene, others, own, 50, 200)
        assert set(fault.must) <= set(scene.marks)
    else:
        with pytest.raises(NotReached, match=r"waited 4\.10 s"):
            fault._judge(scene, others, own, 50, 200)
    with pytest.raises(NotReached, match="too few"):
        copied(fault)._judge(scene, others[:20], own, 50, 200)


def test_what_no_agent_has_come_to_is_on_its_way() -> None:
    quiet = audited()
    assert quiet.quiet
    held = waiting(quiet, ["agents.menu-0-7"])
    assert not held.quiet
    assert (held.events.pending, held.events.pending_count) == (["agents.menu-0-7"], 1)
    assert waiting(quiet, []).quiet


def test_the_clock_is_read_where_a_stage_keeps_it() -> None:
    from relevo.drills.series import CLOCK

    assert clocks.FILE == CLOCK
    assert clock.VARIABLE == "RELEVO_TEST_CLOCK_FILE"
    assert flood._most([1.0] * 9 + [7.0]) == 7.0


def test_no_poison_is_what_anybody_can_use() -> None:
    assert len(set(RECORDS)) == len(RECORDS)
    assert len(set(BODIES)) == len(BODIES)
    for body in BODIES:
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            continue
        assert not (isinstance(value, dict) and isinstance(value.get("id"), str)), "no event is named"
