"""Bot and humans share conversations on both kinds of account, while each service is killed at another moment: what is
handed over is what both sides said, nothing is lost, nothing twice, and the bot goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from relevo.demo.play import quiet
from relevo.demo.stage import Stage
from runtime.hooks import new_secret
from runtime.kafka.offsets import end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from schemas import inbound, topics
from tests.builders.hybrid import (
    AGENTS,
    CLOUD,
    FLAT,
    SECRET_ENV,
    SLOW,
    TENANTS,
    WORDS,
    Desk,
    Hook,
    Line,
    Person,
    Room,
    tenant_file,
)  # fmt: skip

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
APART_S = 1.5
KILLS = {
    ("1", "human say"): "webhooks",
    ("2", "humano"): "conversations",
    ("3", "hola otra vez"): "agents-guide",
    ("11", "humano"): "agents-handoff",
    ("12", "gracias"): "egress",
    ("13", "hola"): "lease",
}
DESK_DIES = ("14", "handoff.started")
# A call of egress that a kill leaves in doubt is asked about soon, so that the script goes on.
QUICK = {
    "RELEVO_EGRESS_PLAN_DEADLINE_S": "2",
    "RELEVO_EGRESS_POST_TIMEOUT_REPLY_S": "3",
    "RELEVO_EGRESS_POST_TIMEOUT_BATCH_S": "3",
    "RELEVO_EGRESS_SESSION_TIMEOUT_S": "10",
    "RELEVO_EGRESS_REBALANCE_TIMEOUT_S": "10",
    "RELEVO_EGRESS_DOUBT_SHORTEST_S": "11",
    "PYTHONPATH": str(ROOT),
}


async def test_bot_and_humans_take_turns_on_both_accounts_while_each_service_is_killed_once(tmp_path: Path) -> None:
    secret = new_secret()
    async with Desk(secret) as desk:
        stage = Stage(
            tmp_path,
            TENANTS,
            seed=5,
            env=QUICK | {SECRET_ENV: secret},
            agents=AGENTS,
            tenant_file=tenant_file(desk.url),
        )
        async with stage:
            assert stage.supervisor is not None
            await stage.call("PATCH", "knobs", {"webhooks": {"retry_s": [0.5] * 200}})
            killed: list[str] = []

            def kill(service: str) -> None:
                if service not in killed:
                    killed.append(service)
                    stage.supervisor.kill(service)  # type: ignore[union-attr]

            async def called(hook: Hook) -> None:
                """The desk has heard and answers somebody who is gone."""
                if (hook.data["contact"], hook.kind) == (persons[-2].contact, DESK_DIES[1]):
                    kill("agents-desk")

            def at(person: str, step: str) -> None:
                if (person, step) in KILLS:
                    kill(KILLS[person, step])

            desk.on_call = called
            room = Room(stage, desk, at)
            persons = [Person(room, FLAT, number) for number in (1, 2, 3)]
            persons += [Person(room, CLOUD, number) for number in (11, 12, 13, 14)]
            persons += [Person(room, SLOW, 21)]
            following = asyncio.create_task(room.follow())
            async with asyncio.TaskGroup() as group:
                for number, person in enumerate(persons):
                    group.create_task(_later(number * APART_S, person))
            ending = await quiet(stage, within_s=60)
            following.cancel()
            await room.read()
            orders = await asyncio.to_thread(_hand_offs, stage)
            exits = {exit.name for exit in stage.supervisor.exits}
    assert exits == set(killed) == {*KILLS.values(), "agents-desk"}
    assert ending.result.violations == []
    assert ending.result.quiet, (ending.result.events.pending[:5], ending.result.messages.pending[:5])
    assert ending.result.events.dead == 0
    assert desk.repeats > 0, "no call of the desk met the kill"
    for person in persons:
        said = room.said(person.contact)
        started = desk.of(person.contact, "handoff.started")
        assert len(started) == (1 if person.did == SLOW else 2)
        for number, hook in enumerate(started, 1):
            transcript = [(line["who"], line["text"]) for line in hook.data["transcript"]]
            assert transcript == _until_words(said, number), person.number
        asked = [line[1] for line in said if line[0] == "customer"]
        heard = [hook.data["text"] for hook in desk.of(person.contact, "message")]
        assert heard == ([] if person.did == SLOW else asked[2:4])
        if person.did == FLAT:  # the bot that hands off itself knows as much, but for its last words
            assert [(line.who, line.text) for line in orders[person.contact][-1].transcript] == _until_words(said, 2)[
                :-1
            ]


async def _later(seconds: float, person: Person) -> None:
    await asyncio.sleep(seconds)
    await (person.waits_in_vain() if person.did == SLOW else person.plays())


def _until_words(said: list[Line], number: int) -> list[Line]:
    """What was said up to the words of the so-manieth hand-off."""
    at = [index for index, line in enumerate(said) if line == ("bot", WORDS)]
    return said[: at[number - 1] + 1]


def _hand_offs(stage: Stage) -> dict[str, list[inbound.HandOff]]:
    """The orders to hand off, by person."""
    topic = topics.INBOUND_CONVERSATIONS
    places = [(topic.name, number) for number in range(topic.count(topics.PROFILES["laptop"]))]
    found: dict[str, list[inbound.HandOff]] = {}
    for place, end in end_offsets(stage.kafka, places, committed=True).items():
        for message in read_partition(stage.kafka, *place, BEGINNING, end):
            if dict(message.headers() or []).get("type") == b"command":
                order = topic.decoder().decode(message.value())  # type: ignore[arg-type]
                if isinstance(order, inbound.HandOff):
                    found.setdefault(order.contact, []).append(order)
    return found
