"""An agent with resources is opened before its first event and closed after its last."""

from __future__ import annotations

from functools import partial

import pytest

from processors.agents.agent import Agent
from processors.agents.limits import Limits
from processors.agents.registry import why_not
from processors.agents.resources import World, opened
from relevo import Actions, Call, Conversation, InboundEvent, Reply, text_of
from relevo.testing import AgentFailed, Answers, Chat, answering
from runtime.hooks import Answer


class Asking:
    """Asks a service, and keeps a record of being opened and closed."""

    def __init__(self) -> None:
        self.lived: list[str] = []

    async def open(self, world: World) -> None:
        self.world = world
        self.lived.append("open")

    async def close(self) -> None:
        self.lived.append("close")

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> Actions:
        call = Call(tenant=conversation.tenant, url="https://x.example/", timeout_s=1, body=text_of(event).encode())
        answer = await self.world.calls.call(call)
        yield Reply.text(answer.body.decode())


async def plain(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply.text("hola")


async def test_it_is_closed_also_when_the_worker_breaks_or_it_could_not_be_opened() -> None:
    agent = Asking()
    world = World(answering(), lambda: 1, Limits())
    with pytest.raises(RuntimeError):
        async with opened(Agent("x", agent), world):
            raise RuntimeError
    assert agent.lived == ["open", "close"]

    class Broken(Asking):
        async def open(self, world: World) -> None:
            raise OSError

    broken = Broken()
    with pytest.raises(OSError):
        async with opened(Agent("x", broken), world):
            pass
    assert broken.lived == ["close"]
    async with opened(Agent("x", plain), world):
        pass


def test_a_chat_plays_it_with_calls_that_the_test_answers() -> None:
    agent = Asking()
    calls = Answers(lambda call: Answer(outcome="ok", status=200, body=call.body.upper()))
    with Chat(agent, kind="asking", calls=calls) as chat:
        chat.says("hola")
        assert chat.texts == ["HOLA"]
        other = chat.another("56933333333")
        other.says("buenas")
        assert other.texts == ["BUENAS"]
        assert agent.lived == ["open"]
        assert agent.world.clock() == chat.now_ms
        newer = Asking()
        chat.deploys(newer)
        assert (agent.lived, newer.lived) == (["open", "close"], ["open"])
    assert newer.lived == ["open", "close"]
    assert [call.body for call in calls.made] == [b"hola", b"buenas"]


def test_a_chat_without_answers_says_what_is_missing() -> None:
    with Chat(Asking(), kind="asking") as chat, pytest.raises(AgentFailed) as failed:
        chat.says("hola")
    assert "Chat(agent, calls=" in str(failed.value.__cause__)


def test_half_an_agent_with_resources_is_none() -> None:
    class Half:
        async def open(self, world: World) -> None: ...

        async def __call__(self, conversation: Conversation, event: InboundEvent) -> Actions:
            yield Reply.text("x")

    class Blocking(Half):
        def close(self) -> None: ...

    assert "has open alone" in why_not(Half())
    assert "its close is no coroutine function" in why_not(Blocking())
    assert why_not(Asking()) == why_not(plain) == why_not(partial(plain)) == ""
