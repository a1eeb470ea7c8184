"""HTTP calls of agents in a chat: answered by a test, or genuine ones for a chat in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from relevo.testing.loop import run
from runtime.hooks import Answer, Call, Calls, Outcome, connected
from runtime.settings import HooksSettings, TenantsSettings, load


class NoCalls:
    """For agents that make no calls."""

    async def call(self, call: Call) -> Answer:
        raise LookupError(f"the agent makes an HTTP call ({call!r}); say what it is answered: Chat(agent, calls=…)")


class Answers:
    """Answers calls as `answer` says, and keeps them in `made`."""

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        self._answer = answer
        self.made: list[Call] = []

    async def call(self, call: Call) -> Answer:
        self.made.append(call)
        return self._answer(call)


def answering(body: object = b"", outcome: Outcome = "ok", status: int = 200) -> Answers:
    """Answers every call alike; a body that is no bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answers(lambda call: Answer(outcome=outcome, status=status, body=sent))


@contextmanager
def calling(use: str) -> Iterator[Calls]:
    """Genuine calls, as a worker with these settings makes them."""
    made = connected(load(HooksSettings), load(TenantsSettings), use=use)
    caller = run(made.__aenter__())
    try:
        yield caller
    finally:
        run(made.__aexit__(None, None, None))
