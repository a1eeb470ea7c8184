"""Secrets among agents' settings: encrypted in the record, bound to their place, open to the agent alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from processors.agents import checks
from processors.agents.checks import Problem
from processors.agents.config import Configs
from processors.agents.limits import AgentFailed
from relevo.tenants.agents import with_secrets
from relevo.tenants.file import Applied, TenantFile
from relevo.tenants.outside import NotOutside, Outside
from relevo.tenants.yaml_source import FileError, YamlSource
from runtime.secrets import KeyRing, Secret, generate_key
from schemas.record import decode, encode
from schemas.tenant import Tenant

RING = KeyRing.parse(generate_key("k1"))
TEXT = """\
tenant: acme
secrets: {webhook: [auto]}
agents:
  bot:
    url: https://x.example
    key: {env: KEY}
    deep: [{headers: {X-Key: {file: key.txt}, "a/b": {env: KEY}}}, {env: KEY, file: x}]
"""


def apply(text: str, folder: Path) -> Applied:
    return TenantFile(YamlSource(str(folder / "acme.yaml"), text), RING, {"KEY": "hunter2"}).tenant(None, 1000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "key.txt").write_text("from a file\n")
    return tmp_path


def stored(text: str, folder: Path) -> Tenant:
    return decode(encode(apply(text, folder).tenant), Tenant)


def test_the_record_has_them_encrypted_and_the_agent_gets_them(folder: Path) -> None:
    tenant = stored(TEXT, folder)
    assert b"hunter2" not in encode(tenant)
    assert b"from a file" not in encode(tenant)
    config = Configs("bot", {"acme": tenant}.get, RING)("acme")
    assert config == {
        "url": "https://x.example",
        "key": "hunter2",
        "deep": [{"headers": {"X-Key": "from a file", "a/b": "hunter2"}}, {"env": "KEY", "file": "x"}],
    }
    assert "hunter2" not in repr(config)
    with pytest.raises(TypeError):
        msgspec.json.encode(config)  # no record takes one by accident


def test_settings_are_worked_out_once_for_each_record(folder: Path) -> None:
    tenants = {"acme": stored(TEXT, folder)}
    configs = Configs("bot", tenants.get, RING)
    first = configs("acme")
    assert configs("acme") is first
    tenants["acme"] = stored(TEXT.replace("x.example", "y.example"), folder)
    assert configs("acme")["url"] == "https://y.example"
    del tenants["acme"]
    assert configs("acme") == {}


@pytest.mark.parametrize("moved", ["key", "agent", "tenant"])
def test_one_that_was_copied_to_another_place_does_not_open(folder: Path, moved: str) -> None:
    tenant = stored(TEXT, folder)
    settings = tenant.agents["bot"]
    if moved == "key":
        other = msgspec.structs.replace(tenant, agents={"bot": {"url": settings["key"]}})
    elif moved == "agent":
        other = msgspec.structs.replace(tenant, agents={"spy": settings})
    else:
        other = msgspec.structs.replace(tenant, tenant="spy")
    with pytest.raises(AgentFailed, match="made for another place") as failed:
        Configs("spy" if moved == "agent" else "bot", lambda _: other, RING)("acme")
    assert failed.value.reason == "secrets"


def test_without_its_key_nothing_opens_and_the_cause_says_what_to_do(folder: Path) -> None:
    tenant = stored(TEXT, folder)
    with pytest.raises(AgentFailed, match=r"agents\.bot\.key: RELEVO_KEYS_FILE is not set"):
        Configs("bot", lambda _: tenant, None)("acme")
    with pytest.raises(AgentFailed, match="not on the key ring"):
        Configs("bot", lambda _: tenant, KeyRing.parse(generate_key("k2")))("acme")
    assert Configs("echo", lambda _: tenant, None)("acme") == {}, "who has no secrets needs no key"


def test_one_that_is_missing_is_named_with_its_line(folder: Path) -> None:
    text = TEXT.replace("{env: KEY}", "{env: NOPE}", 1).replace("key.txt", "nope.txt")
    with pytest.raises(FileError) as error:
        apply(text + "  menu: {x: {sealed: v1.k1.abc}}\n", folder)
    told = [line.removeprefix(f"{folder}/") for line in error.value.mistakes]
    assert told == [
        "acme.yaml:6: agents.bot.key: the environment has no NOPE",
        "acme.yaml:7: agents.bot.deep[0].headers.X-Key: nope.txt cannot be read: No such file or directory",
        "acme.yaml:8: agents.menu.x.sealed: a secret is named here and encrypted when the file is applied",
    ]


def test_what_a_built_in_agent_says_of_its_settings_is_told_with_the_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def problems(settings: Any) -> list[Problem]:
        seen.append(settings)
        return [Problem(("deep", 0), "too deep")]

    monkeypatch.setitem(checks.BUILT_IN, "bot", "processors.agents.builtin.echo:echo")
    monkeypatch.setattr("processors.agents.builtin.echo.problems", problems, raising=False)
    with pytest.raises(FileError, match=r"acme.yaml:7: agents.bot.deep\[0\]: too deep"):
        apply(TEXT, folder)
    assert isinstance(seen[0]["key"], Secret)


def test_a_chat_in_the_terminal_gets_them_from_outside_too(folder: Path) -> None:
    outside = Outside(folder, {"KEY": "hunter2"})
    assert with_secrets({"a": [{"b": {"env": "KEY"}}], "c": 1}, outside) == {"a": [{"b": "hunter2"}], "c": 1}
    with pytest.raises(NotOutside, match="no NOPE"):
        with_secrets({"a": {"env": "NOPE"}}, outside)
