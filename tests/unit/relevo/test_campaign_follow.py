"""A campaign is followed until it is over: in place on a terminal, else view after view, for programs by the line."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from relevo.campaigns.fold import Counts
from relevo.campaigns.records import Name, OnLine, Standing
from relevo.cli import campaign_progress
from schemas.campaign import ChunkRef, Contents, Definition, Progress
from schemas.line_state import LineState
from schemas.session import Template


class Running:
    """A campaign of ten on one line, whose owner takes up five between two looks."""

    unreadable = 0
    name = Name("t", "c")
    states: dict[str, LineState] = {}

    def __init__(self, settings: object, campaign: str, tenant: str) -> None:
        self.line = OnLine("1")
        template = Template(name="promo", language="es")
        self.line.learn(Definition(campaign="c", tenant="t", did="1", template=template, created_ms=1))
        contents = Contents(campaign="c", did="1", total=10, chunks=[ChunkRef(0, 10)], digest="", committed_ms=1)
        self.line.learn(contents)
        self.standing = Standing(self.name, {"1": self.line})
        self.looks = 0

    @property
    def over(self) -> bool:
        return self.line.state == "finished"

    def read(self) -> Running:
        done = 5 * self.looks
        state: Any = "finished" if done == 10 else "running"
        place = (1, 0) if done == 10 else (0, done)
        self.line.learn(Progress(campaign="c", did="1", state=state, chunk=place[0], position=place[1], at_ms=1))
        self.looks += 1
        return self

    def counts(self) -> dict[str, Counts]:
        counts = Counts(not_started=10 - self.line.started)
        counts.states["accepted"] = self.line.started
        return {"1": counts}


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal was sent."""
    sent = io.StringIO()
    monkeypatch.setattr(campaign_progress, "Progress", Running)
    monkeypatch.setattr(campaign_progress, "out", Console(file=sent, force_terminal=True, width=120))
    return sent


def test_on_a_terminal_it_stays_in_place_until_it_is_over(screen: io.StringIO) -> None:
    campaign_progress.show("c", follow=True, every_s=0.001)
    text = screen.getvalue()
    assert "finished, 10 recipients" in text
    assert "accepted 5" in text
    assert "\x1b[1A" in text, "the cursor goes back over the last view"


def test_for_programs_each_look_is_a_line(screen: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    campaign_progress.show("c", follow=True, every_s=0.001, as_json=True)
    looks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [look["started"] for look in looks] == [0, 5, 10]
    assert [look["counts"]["not_started"] for look in looks] == [10, 5, 0]
    assert screen.getvalue() == ""


def test_elsewhere_one_view_comes_after_the_other(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign_progress, "out", Console(file=screen, force_terminal=False))
    campaign_progress.show("c", follow=True, every_s=0.001)
    assert capsys.readouterr().out.count("campaign c of t") == 3
