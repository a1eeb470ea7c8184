"""`relevo chat`: what is typed is said by the person, and what the agent does is shown; a failure ends nothing."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from relevo import (
    Actions,
    Conversation,
    HandOff,
    InboundEvent,
    Remember,
    Reply,
    Schedule,
    SendTemplate,
    Template,
    UpdateCrm,
    choice_of,
    text_of,
)
from relevo.chatting import HELP, Chatting
from relevo.cli.program import main
from relevo.testing import Chat


async def shop(conversation: Conversation, event: InboundEvent) -> Actions:
    if event.kind == "timer":
        yield Reply.text("¿Sigues ahí?")
    elif text_of(event) == "raise":
        raise ValueError
    elif text_of(event) == "humano":
        yield HandOff(text="Ya viene", note="quiere pan")
    elif choice_of(event):
        yield UpdateCrm({"wants": choice_of(event)})
        yield Remember({"wants": choice_of(event)})
    elif event.kind == "message":
        yield Reply.buttons("¿Qué?", "Pan", "Té")
        yield SendTemplate(Template(name="aviso", language="es"))
        yield Schedule("idle", 60)
    elif event.kind == "resumed":
        yield Reply.text("Aquí estoy")


def typed(*lines: str) -> list[list[str]]:
    chatting = Chatting(Chat(shop))
    return [list(chatting.types(line)) for line in lines]


def test_everything_typed_has_its_answer() -> None:
    answers = typed(
        "hola", "/press Pan", "/wait 60", "/memory", "humano", "¿hola?", "/human soy Luz", "/resume", "/close"
    )
    assert answers == [
        ["« ¿Qué? [Pan] [Té]", "« [template aviso]"],
        ["(update_crm fields={'wants': 'Pan'})"],
        ["« ¿Sigues ahí?"],
        ["remembers {'wants': 'Pan'}, timers {}"],
        ["« Ya viene", "(hand_off note='quiere pan')"],
        ["(a human owns the conversation; /resume gives it back)"],
        [],
        ["« Aquí estoy"],
        [],
    ]


def test_a_failure_shows_the_agents_own_line_and_the_chat_goes_on() -> None:
    failed, after = typed("raise", "hola")
    assert failed[0].startswith("failed, and would be a dead letter: raised: ValueError in shop")
    assert "raise ValueError" in failed[1]
    assert len(after) == 2


def test_what_cannot_be_done_is_said() -> None:
    assert typed("/press Leche", "/wait soon", "/dance") == [
        ["nothing to press is called 'Leche'; the latest actions offer nothing"],
        ["could not convert string to float: 'soon'"],
        [HELP],
    ]


def run(monkeypatch: pytest.MonkeyPatch, said: str, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["relevo", "chat", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_finds_an_agent_in_the_current_folder_and_reads_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "parrot_here.py").write_text(
        "from relevo import Reply, text_of\n\n\nasync def parrot(conversation, event):\n"
        "    yield Reply.text(f\"{conversation.name}{conversation.config['sign']} {text_of(event)}\")\n",
        "utf-8",
    )
    (tmp_path / "parrot.yaml").write_text('sign: "!"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    arguments = ("parrot_here:parrot", "--name", "Luz", "--config", "parrot.yaml")
    assert run(monkeypatch, "hola\n\n/quit\nnunca\n", *arguments) == 0
    assert capsys.readouterr().out == "« Luz! hola\n"
    assert run(monkeypatch, "", "no.such:agent") == 1
    assert "cannot be loaded" in capsys.readouterr().err
