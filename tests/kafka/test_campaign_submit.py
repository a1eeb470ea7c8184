"""Campaigns by command, on a genuine Kafka with a real egress worker: submitted once and whole, watched, ordered."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from relevo.campaigns.fold import Counts
from relevo.campaigns.order import order
from relevo.campaigns.passage import Found
from relevo.campaigns.progress import Progress
from relevo.campaigns.refused import SubmitError
from relevo.campaigns.submit import Submission
from relevo.cli.program import app
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.kafka.record import Record
from schemas import ids, keys
from schemas.campaign import Chunk, Contents, Definition
from schemas.line_command import ControlLine
from schemas.line_state import LineState, Stop
from schemas.optout import Optout
from schemas.record import encode
from schemas.tenant import Line, Prices, Tenant
from tests.builders.egress import ROOT, SmallChattigo, World, flat_notice, until
from tests.builders.recipients import csv_file, mobile


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def environ(world: World, points: str = "") -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    return inherited | {"RELEVO_KAFKA_BOOTSTRAP": world.kafka.bootstrap, "RELEVO_TEST_POINTS": points}


async def process(world: World, *arguments: object, points: str = "") -> Ran:
    """The command as a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relevo", *map(str, arguments), cwd=ROOT, env=environ(world, points),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await child.communicate()
    return Ran(child.returncode or 0, out.decode(), err.decode())


async def relevo(*arguments: object, given: bytes = b"") -> Ran:
    """The command in a thread of this process."""
    ran = await asyncio.to_thread(CliRunner().invoke, app, [*map(str, arguments)], input=given)
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        return Ran(1, ran.stdout, str(ran.exception))
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


async def shown(campaign: str) -> dict[str, Any]:
    """What `show --json` says; each recipient is in one count, whenever it is looked."""
    ran = await relevo("campaign", "show", campaign, "--json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    for counts in (found["counts"], *(line["counts"] for line in found["lines"].values())):
        numbers = [count for name, count in counts.items() if name not in ("total", "codes")]
        assert sum(numbers) == counts["total"]
    assert found["counts"]["total"] == found["total"]
    return found


def beside(world: World) -> str:
    """The number of another line of the tenant."""
    return str(int(world.did) + 1)


@pytest.fixture
async def world(broker: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RELEVO_KAFKA_BOOTSTRAP", broker)
    monkeypatch.setenv("COLUMNS", "200")
    did = f"5690000{8800 + 10 * len(request.node.name) % 90:04d}"
    async with SmallChattigo() as chattigo, World(broker, chattigo, did, rate=1000.0) as made:
        yield made


async def with_lines(world: World, *dids: str, **fields: Any) -> None:
    """The world's tenant with more lines, and whatever else a tenant has."""
    tenant: Tenant = (await asyncio.to_thread(_tenants, world))[world.tenant]
    lines = [*tenant.lines, *(Line(did=did, sends="isv", templates="hsm", rate=500.0) for did in dids)]
    await world.put(
        Record("tenants", encode(replace(tenant, lines=lines, **fields)), world.tenant.encode(), partition=0)
    )


def _tenants(world: World) -> dict[str, Tenant]:
    return read_tenants(world.kafka)


async def submitted(world: World, file: Path, name: str) -> Found | SubmitError:
    """The campaign on all lines of the tenant, submitted by nothing but the command's own loop."""
    tenant = (await asyncio.to_thread(_tenants, world))[world.tenant]
    wanted = order(file, tenant, template="promo", language="es", all_lines=True, campaign=name)
    try:
        return await Submission(world.kafka, replace(wanted, rejected=file.with_name(f"{name}.csv")), now_ms()).run()
    except SubmitError as refused:
        return refused


def people(folder: Path, count: int, *more: tuple[str, str]) -> Path:
    rows = [("telefono", "nombre"), *((mobile(n), f"N{n}") for n in range(count)), *more]
    return csv_file(folder / "people.csv", rows)


async def test_a_campaign_is_submitted_once_and_whole_though_the_command_is_killed_or_given_twice(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = beside(world)
    await with_lines(world, second, prices=Prices(marketing={"56": 0.01}), limits={"backlog": 3000})
    key = keys.conversation(world.did, mobile(7)).encode()
    optout = Optout(tenant=world.tenant, since_ms=1, why="word")
    await world.put(Record("optouts", encode(optout), key, partition=world.partition))
    file = people(tmp_path, 2500, (mobile(1), "again"), ("12", "short"), (mobile(2600), ""))
    command = ("campaign", "submit", file, "--tenant", world.tenant, "--template", "promo", "--all-lines")

    dry = await relevo(*command, "--dry-run", "--json")
    assert dry.code == 0, dry.err
    found = json.loads(dry.out)
    assert (found["total"], found["cost"], found["countries"]) == (2499, 24.99, {"CL (+56)": 2499})
    assert found["left_out"] == {"duplicate": 1, "number": 1, "missing": 1, "opted_out": 1}
    assert found["lines"] == {world.did: 2000, second: 499}
    assert found["calls"] == {world.did: 2, second: 1}
    assert not await world.read("campaigns.chunks", Chunk)
    far = await relevo(*command, "--dry-run", "--at", "89d", "--expires", "90d")
    assert far.code == 1
    assert "it would be refused: it would be through in 89 days, and Kafka keeps recipients for 90" in far.err

    killed = await process(world, *command, points="transaction_open=kill")
    assert killed.code == -9
    assert await world.read("campaigns.chunks", Chunk), "it died when its chunks were there"
    assert (await relevo("campaign", "ls", "--tenant", world.tenant)).out == "no campaigns\n"

    done = await relevo(*command)
    assert done.code == 0, done.err
    assert done.out.startswith(f"campaign {found['campaign']} on line {world.did} (2000), {second} (499): 2499 ")
    again = await relevo(*command)
    assert again.code == 1
    assert "exists already" in again.err
    definitions = await world.read("campaigns", Definition)
    assert [(one.campaign, sorted(one.dids)) for one in definitions] == [
        (found["campaign"], sorted([world.did, second]))
    ]
    [contents] = await world.read("campaigns", Contents)
    chunks = [c for c in await world.read("campaigns.chunks", Chunk) if c.campaign == found["campaign"]]
    whole = chunks[-len(contents.chunks) :]
    assert [chunk.digest for chunk in whole] != []
    assert [len(chunk.recipients) for chunk in whole] == [ref.count for ref in contents.chunks]
    assert {row for chunk in whole for row in chunk.rows}.isdisjoint({9, 2502, 2503, 2504})

    out = tmp_path / "results.csv"
    assert (await relevo("campaign", "results", found["campaign"], "--out", out)).code == 0
    with out.open(newline="") as stream:
        told = list(csv.DictReader(stream))
    assert Counter((row["line"], row["state"]) for row in told) == {
        (world.did, "not_started"): 2000, (second, "not_started"): 499,
    }  # fmt: skip
    assert {int(row["row"]) for row in told} == set(range(2, 2505)) - {9, 2502, 2503, 2504}

    twins = await asyncio.gather(*(submitted(world, file, "twin") for _ in range(2)))
    assert sorted(isinstance(one, Found) for one in twins) == [False, True], twins
    async with asyncio.timeout(20):  # a commit is made before its markers stand in each partition
        while len(made := [one.campaign for one in await world.read("campaigns", Contents)]) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert made == [found["campaign"], "twin"]

    full = LineState(did=world.did, tenant=world.tenant, at_ms=now_ms(), waiting={"bulk": 2000}, recipients=2499)
    await world.put(Record("lines.state", encode(full), world.did.encode(), partition=world.partition))
    refused = await relevo(*command, "--id", "third")
    assert refused.code == 1
    assert f"on line {world.did} wait 4499" in refused.err
    assert "there is room in about" in refused.err
    assert (await relevo(*command, "--id", "third", "--force", "--draft")).code == 0
    listed = json.loads((await relevo("campaign", "ls", "--tenant", world.tenant, "--json")).out)
    assert {one["campaign"]: one["state"] for one in listed} == {
        found["campaign"]: "scheduled", "twin": "scheduled", "third": "draft",
    }  # fmt: skip
    monkeypatch.chdir(tmp_path)
    piped = ("campaign", "submit", "-", *command[3:], "--id", "fourth", "--force", "--max-bad", "0.01%")
    bad = await relevo(*piped, given=file.read_bytes())
    assert bad.code == 1
    assert "2 rows of " in bad.err
    assert len((tmp_path / "stdin.rejected.csv").read_text().splitlines()) == 5
    assert len(json.loads((await relevo("campaign", "ls", "--tenant", world.tenant, "--json")).out)) == 3


async def test_what_became_of_everybody_adds_up_while_it_goes_on_and_stands_in_the_results(
    world: World, tmp_path: Path
) -> None:
    spring = f"spring-{world.did}"
    world.line |= {"batch_max": 100, "rate": 20.0}
    await world.configure()
    file = people(tmp_path, 950, ("bad", "row"))
    command = ("campaign", "submit", file, "--tenant", world.tenant, "--template", "promo", "--id", spring)
    assert (await relevo(*command)).code == 0
    before = await shown(spring)
    assert (before["state"], before["counts"]["not_started"]) == ("scheduled", 950)
    silent = await relevo("campaign", "pause", spring, "--wait", "1")
    assert silent.code == 1
    assert f"not within 1 s: {world.did}. The order stands" in silent.err
    await world.worker()

    progress = await asyncio.to_thread(Progress, world.kafka, spring)

    async def look() -> Counts:
        counts = (await asyncio.to_thread(progress.read)).counts()[world.did]
        assert counts.total == 950
        return counts

    async def paused() -> bool:
        await look()
        return progress.standing.state == "paused"

    await until(paused, "the order that stands is carried out")
    world.line["rate"] = 5000.0
    await world.configure()
    resumed = await relevo("campaign", "resume", spring, "--json")
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out) == {
        "campaign": spring, "action": "resume", "lines": {world.did: "running"}, "silent": [],
    }  # fmt: skip

    async def finished() -> bool:
        await look()
        return progress.standing.state == "finished"

    await until(finished, "the campaign is finished")
    roots = {call.recipients[0]: call.body["id"] for call in world.chattigo.accepted}
    for kind in ("SENT", "DELIVERY"):
        await world.receipt(flat_notice(world.did, roots[mobile(0)], mobile(3), kind))
    failed = flat_notice(world.did, roots[mobile(100)], mobile(101), "INVALID") | {
        "errors": [{"code": 131026, "title": "undeliverable"}]
    }
    await world.receipt(failed)

    async def told() -> bool:
        counts = await look()
        return counts.states["delivered"] == 1 and counts.codes["failed", "131026"] == 1

    await until(told, "the receipts are counted")
    assert (await shown(spring))["counts"]["accepted"] == 948
    told_to_people = (await relevo("campaign", "show", spring, "--follow")).out
    assert "finished, 950 recipients\n  accepted 948\n  delivered 1\n  failed 1 (131026: 1)\n" in told_to_people

    out = tmp_path / "results.csv"
    ran = await relevo("campaign", "results", spring, "--out", out)
    assert (ran.code, ran.out) == (0, f"950 recipients in {out}\n"), ran.err
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["row"], row["number"]) for row in rows] == [(str(n + 2), mobile(n)) for n in range(950)]
    assert Counter(row["state"] for row in rows) == {"accepted": 948, "delivered": 1, "failed": 1}
    assert (rows[101]["code"], rows[101]["reason"]) == ("131026", "undeliverable")
    assert rows[3]["message_id"] == ids.message_id_of_recipient(world.did, spring, 3)
    over = await relevo("campaign", "cancel", spring)
    assert over.code == 1
    assert f"campaign {spring} is finished; nothing was ordered" in over.err

    late = flat_notice(world.did, roots[mobile(200)], mobile(202), "INVALID")
    await world.receipt(late | {"errors": [{"code": 131049, "title": "withheld"}]})

    async def withheld() -> bool:
        await look()
        return (progress.standing.state, progress.standing.withheld) == ("running", 1)

    await until(withheld, "whom WhatsApp withholds keeps it open")
    await world.workers[0].kill()
    await world.worker("1")
    listed = json.loads((await relevo("campaign", "ls", "--tenant", world.tenant, "--json")).out)
    assert [(one["state"], one["withheld"]) for one in listed] == [("running", 1)]
    asked = await relevo("campaign", "cancel", spring)
    assert asked.code == 1
    assert "0 of 950 recipients and 1 who are withheld would not be sent to, which cannot be undone" in asked.err
    assert (await relevo("campaign", "cancel", spring, "--yes", "--wait", "60")).out == (
        f"campaign {spring} on line {world.did}: cancelled\n"
    )

    async def refused() -> bool:
        told_to_people = (await relevo("campaign", "show", spring)).out
        assert "1 whom WhatsApp withheld are not sent to again\n" in told_to_people
        return "  failed 2 (131026: 1, 131049: 1)\n" in told_to_people

    await until(refused, "whom WhatsApp withheld has failed for good")
    assert "no campaign 'autumn'" in (await relevo("campaign", "show", "autumn")).err


async def test_a_pause_is_acknowledged_by_every_line_and_who_did_not_is_named(world: World) -> None:
    second = beside(world)
    await with_lines(world, second)
    scope = ("--tenant", world.tenant)

    async def says(did: str, **fields: Any) -> None:
        state = LineState(did=did, tenant=world.tenant, at_ms=now_ms(), **fields)
        await world.put(Record("lines.state", encode(state), did.encode(), partition=keys.partition(did, 4)))

    idle = await relevo("pause", *scope, "--why", "wrong prices")
    assert (idle.code, idle.out) == (0, "0 of 2 lines paused, 2 never had an owner and are idle\n"), idle.err
    key = keys.join("tenant", world.tenant)
    await says(world.did, pauses=[key])
    await says(second)
    late = await relevo("pause", *scope, "--why", "wrong prices", "--wait", "0.5")
    assert (late.code, late.out) == (1, "1 of 2 lines paused\n")
    assert f"not within 0.5 s: {second}. " in late.err
    waiting = asyncio.create_task(relevo("pause", *scope, "--why", "wrong prices"))
    await says(second, pauses=[key], stops=[Stop(what="template", code="132015", since_ms=1, name="promo/es")])
    assert (await waiting).out == "2 of 2 lines paused\n"
    listed = (await relevo("pause", "ls")).out
    assert f"tenant {world.tenant}: wrong prices, by " in listed
    assert f"template promo/es on {second}: WhatsApp's code 132015, by WhatsApp, since 1970" in listed

    await says(world.did)
    await says(second)
    resumed = await relevo("resume", *scope, "--json")
    assert (resumed.code, resumed.err) == (0, "")
    assert json.loads(resumed.out) == {"action": "resume", "done": [world.did, second], "idle": [], "silent": []}
    again = await relevo("resume", *scope)
    assert (again.code, again.out) == (0, "2 of 2 lines resumed\n")
    assert f"no pause of {key} stood" in again.err
    assert f"tenant {world.tenant}" not in (await relevo("pause", "ls")).out

    await says(world.did, paused=True, paused_by="me", paused_ms=1)
    assert (await relevo("pause", "--line", world.did, "--why", "x")).out == "1 of 1 lines paused\n"
    assert f"line {world.did}: by me, since 1970" in (await relevo("pause", "ls")).out
    [order] = await world.read("lines.commands", ControlLine)
    assert (order.action, order.why, order.did) == ("pause", "x", world.did)
    for wrong in ((), ("--all", *scope), ("--line", "1", "--tenant", "x")):
        assert (await relevo("pause", *wrong)).code == 2
    assert "no tenant has line '1'" in (await relevo("pause", "--line", "1")).err


async def test_the_commands_of_the_page_do_what_it_says(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "campaigns.md").read_text("utf-8")
    commands = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    for name in ("people.csv", "people.ndjson", "mapping.yaml"):
        target = tmp_path / "docs" / "examples" / "campaign" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / "docs" / "examples" / "campaign" / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    await world.worker()
    said, spring = {}, f"spring-{world.did}"  # other tests of this broker have a spring too
    for command in commands:
        words = shlex.split(command.replace("acme", world.tenant).replace("spring", spring))[1:]
        if words[0] in ("pause", "resume") and "--tenant" in words:
            words += ["--wait", "1"]  # the tenant's line may not answer here; its order stands
        ran = await relevo(*words)
        over = words[1] in ("pause", "resume", "cancel") and "is finished; nothing was ordered" in ran.err
        assert ran.code == 0 or over or words[-2:] == ["--wait", "1"], (command, ran)
        said[" ".join(words[:3])] = ran.out
        if spring in words and "--id" in words:
            await until(lambda: len(world.chattigo.accepted) == 1, "the campaign is sent")
    shown = said["campaign submit docs/examples/campaign/people.csv"]
    assert shown.startswith(f"campaign {spring} on line {world.did}: 3 recipients in 1 chunks, 2 rows left out\n")
    assert "left out: 1 duplicate, 1 number; see docs/examples/campaign/people.csv.rejected.csv" in shown
    call = world.chattigo.accepted[0]
    people = [(one["destination"], one["parameters"]) for one in call.body["hsm"]["destinations"]]
    assert people == [
        ("56987654321", ["Ana Pérez"]), ("56987654322", ["cliente"]), ("5491155551234", ['João "Jo"']),
    ]  # fmt: skip
    rows = list(csv.DictReader((tmp_path / f"{spring}.csv").read_text().splitlines()))
    assert [(row["row"], row["number"]) for row in rows] == [
        ("2", "56987654321"), ("3", "56987654322"), ("4", "5491155551234"),
    ]  # fmt: skip
