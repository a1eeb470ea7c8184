"""A chat with the agent `http` and a service that the test plays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from processors.agents.builtin.http.agent import HttpAgent
from relevo.testing import Answers, Chat
from runtime.hooks import Answer, Call
from tests.builders.hooks import SECRET

CONFIG = {"url": "https://shop.example/relevo", "secret": SECRET}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


class Service:
    """Answers the calls one after the other as `answers` says, the last one for ever; each takes `takes_s`."""

    def __init__(self, *answers: Answer, takes_s: float = 0, **config: Any) -> None:
        self.clock, self._left, self._takes_s = Clock(), list(answers), takes_s
        self.calls = Answers(self._answer)
        agent = HttpAgent(self.clock.sleep, self.clock.monotonic)
        self.chat = Chat(agent, kind="http", config=CONFIG | config, calls=self.calls)

    def _answer(self, call: Call) -> Answer:
        self.clock.now_s += min(self._takes_s, call.timeout_s)
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]

    def told(self, index: int = -1) -> dict[str, Any]:
        """What the service was told."""
        body: dict[str, Any] = msgspec.json.decode(self.calls.made[index].body)
        return body


def acting(*actions: dict[str, Any]) -> Answer:
    """A good answer."""
    return Answer(outcome="ok", status=200, body=msgspec.json.encode({"actions": actions}))


def deciding(decide: Callable[[dict[str, Any]], list[dict[str, Any]]], **config: Any) -> Chat:
    """A chat with a service that decides by what it is told."""
    calls = Answers(lambda call: acting(*decide(msgspec.json.decode(call.body))))
    return Chat(HttpAgent(), kind="http", config=CONFIG | config, calls=calls)


FAILED = Answer(outcome="error", status=500, why="answered 500")
