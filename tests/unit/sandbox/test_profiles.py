"""Profiles are whole sets of knobs: switched while it runs, nothing of the one before stays but what the file says."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from relevo.cli.program import app
from relevo.talk import Talk, nested
from sandbox.chattigo import ledger, profiles
from sandbox.chattigo.config import Account, Config, Line, load, standard, written
from sandbox.chattigo.knobs import Knobs, own
from sandbox.chattigo.ledger import Ledger
from sandbox.chattigo.server import Chattigo
from sandbox.chattigo.world import World
from sandbox.control import SandboxError

BARE = "accounts: []\nlines: [{did: '56912345678'}]\n"


def world(file: Path, text: str) -> World:
    file.write_text(text)
    return World(load(file), Ledger(file.with_suffix(".ndjson")))


def test_there_are_three() -> None:
    assert profiles.names() == ["gentle", "harsh", "typical"]


def test_a_file_says_more_than_its_profile(tmp_path: Path) -> None:
    here = world(tmp_path / "a.yaml", BARE + "profile: harsh\nknobs: {single_session: false, echo: false}\n")
    assert not here.knobs.single_session
    assert not here.knobs.echo
    assert here.knobs.hsm_id == "int31"


async def test_nothing_of_the_profile_before_stays(config: Config, client: Any, chattigo: Chattigo) -> None:
    timeout = chattigo.world.knobs.webhooks.timeout_s
    await client.control("PATCH", "knobs", {"expires_in": True})
    status, _ = await client.control("POST", "profile", {"name": "harsh"})
    assert status == 200
    knobs = chattigo.world.knobs
    assert (knobs.single_session, knobs.expires_in, knobs.webhooks.timeout_s) == (True, False, timeout)
    await client.control("POST", "profile", {"name": "mine", "knobs": {"send_answer": "empty"}})
    assert (knobs.single_session, knobs.send_answer) == (False, "empty")
    assert (await client.control("GET", "state"))[1]["profile"] == "mine"
    assert [one.profile for one in chattigo.ledger.of(ledger.KnobChange)] == ["", "harsh", "mine"]


@pytest.mark.parametrize("body", [{"name": "no such"}, {"name": "mine", "knobs": {"no_such": 1}}, {}])
async def test_a_wrong_profile_changes_nothing(client: Any, chattigo: Chattigo, body: Any) -> None:
    before = own(chattigo.world.knobs)
    assert (await client.control("POST", "profile", body))[0] == 400
    assert own(chattigo.world.knobs) == before
    assert chattigo.world.profile == ""


async def test_profiles_are_listed(client: Any) -> None:
    _, listed = await client.control("GET", "profiles")
    assert set(listed["profiles"]) == set(profiles.names())


def test_a_file_of_your_own_is_a_profile(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("echo: false\n")
    assert profiles.load(file) == {"echo": False}
    file.write_text("ecco: false\n")
    with pytest.raises(msgspec.ValidationError, match="ecco"):
        profiles.load(file)
    with pytest.raises(ValueError, match="gentle, harsh, typical"):
        profiles.load("no such")


def test_a_written_configuration_leaves_a_profile_room(tmp_path: Path) -> None:
    config = Config([Account("isv", "a", "p", [])], [Line("56912345678")], knobs=Knobs(echo=False), profile="harsh")
    file = tmp_path / "c.json"
    file.write_bytes(written(config))
    here = World(load(file), Ledger(tmp_path / "l"))
    assert (here.knobs.echo, here.knobs.single_session) == (False, True)


def test_the_standard_configuration_has_every_service_and_kind_of_line() -> None:
    config = standard()
    assert {account.service for account in config.accounts} == {"isv", "hsm", "bot", "channel"}
    assert {line.kind for line in config.lines} == {"cloud", "flat", "channel"}


async def test_a_terminal_switches_and_turns(chattigo: Chattigo, client: Any) -> None:
    async with Talk(chattigo.base_url) as talk:
        assert "single_session=True" in await talk.profile("harsh", profiles.load("harsh"))
        said = await talk.turn(nested(["single_session=false", "webhooks.duplicate=0.5"]))
        assert "single_session" not in said
        assert "webhooks.duplicate=0.5" in said
        with pytest.raises(SandboxError, match=r"webhooks\.duplicate"):
            await talk.turn(nested(["webhooks.duplicate=5"]))


@pytest.mark.parametrize("setting", ["echo", "=1", "echo=[1"])
def test_a_setting_that_is_none_is_named(setting: str) -> None:
    with pytest.raises(ValueError, match=re.escape(setting)):
        nested([setting])


def test_the_command_runs_without_a_file(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "relevo",
        "sandbox",
        "chattigo",
        "--profile",
        "harsh",
        "--seed",
        "7",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        url = running.stdout.readline().strip()
        said = running.stderr.readline()
        try:
            switched = CliRunner().invoke(app, ["sandbox", "profile", "gentle", "--url", url])
            turned = CliRunner().invoke(app, ["sandbox", "turn", "echo=false", "--url", url])
            refused = CliRunner().invoke(app, ["sandbox", "turn", "echo=maybe", "--url", url])
        finally:
            running.terminate()
    assert said == f"open {url}/_sandbox/ in a browser to play customers\n"
    assert (switched.exit_code, turned.exit_code, refused.exit_code) == (0, 0, 1)
    assert "allow_http=True" in switched.stdout
    assert "single_session" not in switched.stdout
    assert "echo=False" in turned.stdout
