"""A cancellation cannot be undone: it says what would be left out, and is ordered only when somebody agrees."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from relevo.campaigns.control import Obeyed, concerned
from relevo.campaigns.records import Directory
from relevo.cli import campaign_progress
from relevo.cli.program import app
from tests.unit.relevo.test_campaign_records import contents, definition, directory, progress


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The orders that are given, to a campaign of which nine are left and three are withheld."""
    given: list[str] = []
    found = directory(definition(), contents(), progress(chunk=1, planned=1491, withheld=3))

    def read(settings: object) -> Directory:
        return found

    def control(settings: object, standing: object, action: str, *rest: object) -> Obeyed:
        given.append(action)
        return Obeyed({"1": "cancelled"}, [])

    monkeypatch.setattr(campaign_progress, "read_campaigns", read)
    monkeypatch.setattr(campaign_progress, "control", control)
    return given


def cancel(*more: str, **how: Any) -> Any:
    return CliRunner().invoke(app, ["campaign", "cancel", "c", *more], **how)


def test_without_a_terminal_it_must_be_said(ordered: list[str]) -> None:
    ran = cancel()
    assert (ran.exit_code, ordered) == (1, [])
    assert "9 of 1500 recipients and 3 who are withheld would not be sent to, which cannot be undone" in ran.stderr
    assert (cancel("--yes").exit_code, ordered) == (0, ["cancel"])


def test_where_it_is_finished_it_is_cancelled_with_the_others_and_nothing_else() -> None:
    standing = directory(
        *[record for did in "123" for record in (definition(did), contents(did))],
        progress("1", state="finished"), progress("2"), progress("3", state="cancelled"),
    ).find("c")  # fmt: skip
    assert [line.did for line in concerned(standing, "cancel")] == ["1", "2"]
    assert [line.did for line in concerned(standing, "pause")] == ["2"]


def test_on_a_terminal_a_person_is_asked(ordered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(word: str) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr("relevo.cli.console.sys", _Terminal())
            return cancel(input=word)

    assert answers("n\n").exit_code == 1
    assert ordered == []
    ran = answers("y\n")
    assert (ran.exit_code, ordered) == (0, ["cancel"])
    assert "cancel campaign c: 9 of 1500 recipients and 3 who are withheld are not sent to? It cannot be" in ran.stderr


class _Terminal:
    """`sys` with a standard input that is a terminal."""

    class stdin:
        @staticmethod
        def isatty() -> bool:
            return True

    exit = staticmethod(sys.exit)
