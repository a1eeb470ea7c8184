"""What an agent's author writes tests with: everything that can happen in a conversation can be played."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import relevo
from relevo import (
    Actions,
    Choice,
    Close,
    Conversation,
    GiveBack,
    HandOff,
    HumanSays,
    InboundEvent,
    Remember,
    Reply,
    Schedule,
    UpdateCrm,
    choice_of,
    content,
    session,
    text_of,
)
from relevo.testing import AgentFailed, Chat, Limits

ROOT = Path(relevo.__file__).parent.parent


async def shop(conversation: Conversation, event: InboundEvent) -> Actions:
    """Sells bread, in words and by buttons."""
    match event.kind, event.content:
        case "timer", _:
            yield Reply.text("¿Sigues ahí?")
        case "session", content.SessionControl(action=action):
            yield Remember({"ended": action})
        case "resumed", _:
            yield Reply.text("Aquí estoy de nuevo")
        case "system", content.NumberChanged(wa_id=number):
            yield UpdateCrm({"phone": number})
        case "message", content.Image(caption=caption):
            yield Reply.text(f"Qué foto: {caption}")
        case "message", content.Reaction(emoji=emoji):
            yield UpdateCrm({"likes": emoji})
        case "message", content.Location():
            yield Reply.choices("¿Qué?", "Ver", Choice("t", "Té"), "Pan")
        case "message", _ if choice_of(event):
            yield Remember({"wants": choice_of(event)})
            yield Schedule("idle", 60)
        case "message", content.Text(body="humano"):
            yield HandOff(text="Ya viene alguien", note="quiere pan")
        case "message", content.Text(body="adiós"):
            yield Close()
        case "message", _ if event.late:
            yield Reply.text("Perdona la demora")
        case "message", _:
            language = conversation.facts.language or "es"
            yield Reply.buttons(f"{language}: {text_of(event)}", Choice("p", "Pan"), "Nada")


async def ledger(conversation: Conversation, event: InboundEvent) -> Actions:
    """A tap: writes down what kind of thing happened."""
    heard = [*conversation.memory.get("heard", []), event.kind]
    yield Remember({"heard": heard, "extra": event.extra})


def test_everything_that_a_person_can_send_is_played() -> None:
    chat = Chat(shop, facts={"language": "pt"})
    chat.says("hola")
    assert chat.texts == ["pt: hola"]
    chat.presses("Pan")
    assert (chat.memory, chat.timers) == ({"wants": "p"}, {"idle": 60})
    chat.advance(61)
    assert chat.texts == ["¿Sigues ahí?"]
    chat.sends(content.Image(url="https://x.example/1", caption="mi boleta"))
    assert chat.texts == ["Qué foto: mi boleta"]
    chat.sends(content.Location(latitude=1, longitude=2))
    chat.presses("t")
    assert chat.memory["wants"] == "t"
    chat.reacts("👍")
    chat.changes_number("56933333333")
    assert chat.crm == [{"likes": "👍"}, {"phone": "56933333333"}]
    chat.says("hola", late=True)
    assert chat.texts == ["Perdona la demora"]
    chat.says("adiós")
    assert [type(command).__name__ for command in chat.commands[-1:]] == ["Close"]
    chat.closes("timeout")
    assert chat.memory["ended"] == "timeout"
    assert set(chat.outcomes) == {"handled"}


def test_a_hand_off_can_be_seen_with_its_transcript_and_the_way_back() -> None:
    chat = Chat(shop)
    chat.says("hola")
    chat.says("humano")
    (handoff,) = chat.handoffs
    assert [(line.who, line.text) for line in handoff.transcript] == [
        ("customer", "hola"),
        ("bot", "es: hola [Pan] [Nada]"),
        ("customer", "humano"),
    ]
    assert (chat.owner, handoff.note) == ("human", "quiere pan")
    assert chat.says("¿hola?") == []
    assert chat.human_says("Soy Luz") == []
    assert chat.outcomes[-2:] == ["human_owns", "noted"]
    assert chat.transcript[-3:] == ["bot: Ya viene alguien", "customer: ¿hola?", "human: Soy Luz"]
    chat.resumes()
    assert chat.texts == ["Aquí estoy de nuevo"]
    chat.human_takes("reclamo")
    assert chat.says("hola") == []
    chat.closes()
    assert chat.says("hola")
    chat.is_erased()
    assert (chat.memory, chat.transcript) == ({}, [])


def test_a_tap_hears_everything_also_while_a_human_owns() -> None:
    chat = Chat(ledger, tap=True)
    chat.says("hola")
    chat.hears_crm({"stage": 1}, by="menu")
    assert chat.memory["extra"] == {"fields": {"stage": 1}, "by": "menu"}
    chat.human_takes("reclamo")
    assert chat.memory["extra"] == {"by": "operator", "note": "reclamo"}
    chat.human_takes()
    chat.says("¿hola?")
    chat.human_says("Soy Luz")
    chat.resumes()
    chat.closes()
    assert chat.memory["heard"] == ["message", "crm", "handed_off", "message", "resumed", "session"]


async def newer(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply.text(f"{conversation.memory['wants']} y {conversation.memory.get('more', 'nada')}")


def test_a_newer_version_finds_what_the_older_remembered() -> None:
    chat = Chat(shop)
    chat.says("hola")
    chat.presses("Pan")
    chat.deploys(newer)
    chat.says("¿y?")
    assert (chat.texts, chat.agent.kind) == (["p y nada"], "shop")
    chat = Chat(newer, memory={"wants": "t", "more": ["pan"]})
    chat.says("hola")
    assert chat.texts == ["t y ['pan']"]


def test_conversations_do_not_touch() -> None:
    chat = Chat(shop, config={"a": 1})
    luz = chat.another("56933333333")
    chat.says("hola")
    chat.presses("Pan")
    luz.says("humano")
    assert (chat.memory, luz.memory, chat.owner, luz.owner) == ({"wants": "p"}, {}, "bot", "human")
    assert luz.messages == []
    assert luz.handoffs[0].contact == "56933333333"
    assert "Pan" in repr(chat)


def test_failures_show_the_agents_own_line() -> None:
    async def breaks(conversation: Conversation, event: InboundEvent) -> Actions:
        yield Reply.text(str(1 / len(text_of(event))))

    chat = Chat(breaks)
    with pytest.raises(AgentFailed, match=r"raised: ZeroDivisionError in breaks") as failed:
        chat.says("")
    shown = "".join(traceback.format_exception(failed.value))
    assert "1 / len(text_of(event))" in shown
    assert "direct cause" in shown
    assert chat.says("x"), "and the conversation goes on"


def test_a_limit_is_named_with_its_setting() -> None:
    chat = Chat(shop, limits=Limits(memory_bytes=3))
    chat.says("hola")
    with pytest.raises(AgentFailed, match="RELEVO_PROCESSOR_AGENT_MEMORY_BYTES"):
        chat.presses("Pan")


def test_what_is_no_agent_and_what_cannot_be_pressed_say_so() -> None:
    with pytest.raises(TypeError, match="async def … yield"):
        Chat(lambda conversation, event: None)  # type: ignore[arg-type, return-value]
    chat = Chat(shop)
    with pytest.raises(LookupError, match="offer nothing"):
        chat.presses("Pan")
    chat.says("hola")
    with pytest.raises(LookupError, match="offer 'Pan', 'Nada'"):
        chat.presses("Té")


class Client:
    """Opens something on the first event's loop, as a client of HTTP does."""

    def __init__(self) -> None:
        self.lock: asyncio.Future[int] | None = None

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> Actions:
        if self.lock is None:
            self.lock = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.01, self.lock.set_result, 7)
        yield Reply.text(str(await asyncio.wait_for(asyncio.shield(self.lock), 5)))


def test_what_an_agent_opened_for_one_event_works_in_the_next() -> None:
    chat = Chat(Client(), kind="client")
    chat.says("a")
    chat.says("b")
    assert chat.texts == ["7"]


async def test_it_works_inside_a_coroutine_too() -> None:
    chat = Chat(Client(), kind="client")
    chat.says("a")
    chat.says("b")
    assert chat.texts == ["7"]


TYPED = """
from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from relevo import (
    Action, Actions, AgentFunction, Choice, Close, Conversation, Facts, HandOff, InboundEvent, OptOut, Remember, Reply,
    Said, Schedule, SendTemplate, Template, UpdateCrm, choice_of, content, session, text_of,
)
from relevo.testing import AgentFailed, Chat, Limits


async def greeter(conversation: Conversation, event: InboundEvent) -> Actions:
    if event.kind == "timer":
        yield Reply.text(str(event.extra["payload"]))
    if isinstance(event.content, content.Location) and event.content.latitude is not None:
        yield Reply.location(event.content.latitude, 1.5, fallback=Template(name="t", language="es"))
    lines: list[Said] = conversation.transcript
    yield Reply.buttons("¿Qué?", "Pan", Choice("t", "Té"), footer=conversation.name + lines[-1].text)
    yield Reply(session.Interactive(interactive={"type": "flow"}), quote=True)
    yield SendTemplate(Template(name="t", language="es", body=[text_of(event), choice_of(event)]), send_class="utility")
    yield Remember({"n": conversation.memory.get("n", 0) + 1})
    yield Schedule("later", in_s=60, payload=[1])
    yield UpdateCrm({"email": None})
    yield OptOut(["marketing"])
    yield HandOff(group="g", note="n", text="t")
    yield Close()


class Shop:
    async def __call__(self, conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        facts: Facts = conversation.facts
        yield Reply.text(facts.language)


async def worded(word: str, conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply.text(word)


agents: list[AgentFunction] = [greeter, Shop(), partial(worded, "hola")]
chat = Chat(greeter, limits=Limits(actions=3), facts={"language": "pt"})
first: Action = chat.says("hola")[0]
error: type[Exception] = AgentFailed
"""
WRONG = {
    "yield Close()": 'yield "adiós"',
    "quote=True)": "quoted=True)",
    "fallback=Template(": "fallbak=Template(",
    'HandOff(group="g"': "HandOff(group=3",
    "agents: list[AgentFunction] = [": "agents: list[AgentFunction] = [text_of, ",
}


def test_the_types_of_the_public_api_are_a_promise(tmp_path: Path) -> None:
    """An agent's author runs mypy --strict against the installed package, whose parts say that they are typed."""
    for folder in ("relevo", "processors", "schemas", "runtime"):
        assert (ROOT / folder / "py.typed").exists()
    (tmp_path / "right.py").write_text(TYPED, "utf-8")
    wrong = TYPED
    for text, other in WRONG.items():
        assert text in wrong
        wrong = wrong.replace(text, other)
    (tmp_path / "wrong.py").write_text(wrong, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "right.py", "wrong.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache" / "authors")},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    faults = done.stdout.splitlines()
    assert not [line for line in faults if not line.startswith(("wrong.py", "Found"))], done.stdout + done.stderr
    assert len([line for line in faults if ": error:" in line]) == len(WRONG), done.stdout


async def counter(conversation: Conversation, event: InboundEvent) -> Actions:
    """A desk: passes a human's words on, gives back, and counts what it hears."""
    yield Remember({"heard": [*conversation.memory.get("heard", []), event.kind]})
    if text_of(event) == "dile hola":
        yield HumanSays(session.Text(body="hola, soy Luz"))
        yield UpdateCrm({"said": True})
        yield GiveBack()


def test_a_desk_speaks_for_a_human_and_hears_what_comes_of_it() -> None:
    chat = Chat(counter, kind="desk", tap=True)
    chat.says("hola")
    chat.overhears("bot", "¿qué deseas?")
    actions = chat.says("dile hola")
    assert [action.kind for action in actions].count("human_says") == 1
    assert chat.memory["heard"] == ["message", "message", "handed_off", "resumed"]
    assert chat.transcript == [
        "customer: hola",
        "bot: ¿qué deseas?",
        "customer: dile hola",
        "human: hola, soy Luz",
    ]
    assert (chat.owner, chat.owner_epoch, chat.messages[-1].content) == ("bot", 2, session.Text(body="hola, soy Luz"))
    chat.resumes("timeout")
    assert chat.memory["heard"][-1] == "resumed"
