"""`relevo all` starts one of each service; agents may be named by where they are."""

from __future__ import annotations

import pytest

from relevo.cli.run import _agents
from relevo.fleet import fleet


def test_agents_of_each_type_are_a_service_wherever_they_are_found() -> None:
    specs = {spec.name: spec.arguments for spec in fleet(["menu", "greeter=greeter:greeter"], 0)}
    assert specs["agents-menu"] == ("serve", "agents", "--agent", "menu")
    assert specs["agents-greeter"] == ("serve", "agents", "--agent", "greeter=greeter:greeter")
    assert set(specs) == {"lease", "egress", "agents-menu", "agents-greeter", "conversations", "webhooks"}


def test_a_given_agent_replaces_the_one_of_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEVO_PROCESSOR_AGENTS", "menu,greeter")
    assert _agents([]) == ["menu", "greeter"]
    assert _agents(["greeter=greeter:greeter"]) == ["menu", "greeter=greeter:greeter"]


def test_an_agent_without_topics_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELEVO_PROCESSOR_AGENTS", "menu")
    with pytest.raises(SystemExit) as ended:
        _agents(["greeter=greeter:greeter"])
    assert ended.value.code == 2
    assert "RELEVO_PROCESSOR_AGENTS (menu), so it has no topics" in capsys.readouterr().err
