"""The desk as an agent: an event becomes calls, kept and tried in order, and their answers become actions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from processors.agents.actions import Action, Remember
from processors.agents.agent import Conversation
from processors.agents.builtin.desk import hooks
from processors.agents.builtin.desk.answers import AnswerError, obeyed
from processors.agents.builtin.desk.settings import Settings, settings_of
from processors.agents.deliveries import Delivery, Result, Terms, work
from processors.agents.resources import World
from runtime.hooks import Answer, Call, Calls
from schemas.inbound import InboundEvent

NAME = "desk"
SAID_MAX = 8  # actions of one event that come of answers; what would be more waits for the next
_SHOWN = 500  # of an answer, in a dead letter


class Desk:
    """See the package. Between `open` and `close` it makes calls with what the worker has for that."""

    def __init__(self) -> None:
        self._world: World | None = None

    async def open(self, world: World) -> None:
        self._world = world

    async def close(self) -> None:
        self._world = None

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        """Nothing is told where the tenant named no address."""
        settings, world = settings_of(conversation.config), self._world
        if settings is None or world is None:
            return
        made, changes = list(hooks.made(conversation, event)), hooks.remembered(conversation, event)
        if changes:
            yield Remember(changes)
        terms = world.limits.deliveries
        talk = _Talk(conversation.tenant, settings, world.calls, terms)
        async for action in work(conversation, event, made, talk.send, terms, by=NAME):
            yield action
        for action in talk.said:
            yield action


class _Talk:
    """The calls of one event, and what was answered (`said`)."""

    def __init__(self, tenant: str, settings: Settings, calls: Calls, terms: Terms) -> None:
        self._tenant = tenant
        self._settings = settings
        self._calls = calls
        self._terms = terms
        self.said: list[Action] = []

    async def send(self, one: Delivery) -> Result:
        """One attempt. Its id is the delivery's, so that the desk knows it again."""
        if len(self.said) >= SAID_MAX:
            return Result("later", "enough", "the answers of one event would cause too much")
        call = Call(
            tenant=self._tenant,
            url=self._settings.url,
            timeout_s=self._terms.attempt_s,
            headers={"Content-Type": "application/json", **self._settings.headers},
            body=msgspec.json.encode(one.body),
            secrets=self._settings.secrets,
            id=one.key,
        )
        return self._taken(await self._calls.call(call))

    def _taken(self, answer: Answer) -> Result:
        shown = answer.body[:_SHOWN].decode("utf-8", "replace")
        if answer.outcome != "ok":
            outcome = "later" if answer.again else "refused"
            return Result(outcome, answer.outcome, answer.why, shown, answer.retry_after_s or 0)  # type: ignore[arg-type]
        try:
            self.said += obeyed(answer.body)
        except AnswerError as error:
            return Result("refused", "bad_answer", f"the desk's answer cannot be obeyed: {error}", shown)
        return Result("delivered")
