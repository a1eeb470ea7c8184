"""The desk as an agent: an event becomes calls, kept and tried in order, and their answers become actions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import msgspec

from processors.agents.actions import Action, Remember
from processors.agents.agent import Conversation
from processors.agents.builtin.desk import hooks
from processors.agents.builtin.desk.answers import ACTIONS_MAX, AnswerError, obeyed
from processors.agents.builtin.desk.settings import Settings, settings_of
from processors.agents.deliveries import Delivery, Made, Result, Terms, work
from processors.agents.limits import AgentFailed
from processors.agents.outgoing import hidden
from processors.agents.resources import World
from runtime.hooks import Answer, Call, Calls
from schemas.inbound import InboundEvent

NAME = "desk"
SAID_MAX = 8  # actions of one event that come of answers; what would be more waits for the next
_SHOWN = 500  # of an answer, in a dead letter
_NO_DESK = "agents.desk of the tenant's file names no desk any more"


class Desk:
    """See the package. Between `open` and `close` it makes calls with what the worker has for that."""

    def __init__(self) -> None:
        self._world: World | None = None

    async def open(self, world: World) -> None:
        self._world = world

    async def close(self) -> None:
        self._world = None

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        """Nothing is told where the tenant named no address; what waited for one that it named before is given up."""
        settings, world, made = _settings(conversation, event), self._world, list[Made]()
        if world is None:
            raise AgentFailed("settings", "the agent desk was not opened by its host")
        if isinstance(settings, Settings):
            made = list(hooks.made(conversation, event))
            if changes := hooks.remembered(conversation, event):
                yield Remember(changes)
        terms = world.limits.deliveries
        talk = _Talk(conversation.tenant, settings, world.calls, terms)
        async for action in work(conversation, event, made, talk.send, terms, by=NAME):
            yield action
        for action in talk.said:
            yield action


def _settings(conversation: Conversation, event: InboundEvent) -> Settings | str:
    """The tenant's; or why what waits cannot be delivered. Raises AgentFailed where the event itself would be lost."""
    try:
        return settings_of(conversation.config) or _NO_DESK
    except AgentFailed as failure:
        if event.kind != "timer":
            raise
        return failure.error


class _Talk:
    """The calls of one event, and what was answered (`said`)."""

    def __init__(self, tenant: str, settings: Settings | str, calls: Calls, terms: Terms) -> None:
        self._tenant = tenant
        self._settings = settings
        self._calls = calls
        self._terms = terms
        self.said: list[Action] = []

    async def send(self, one: Delivery) -> Result:
        """One attempt. Its id is the delivery's, so that the desk knows it again."""
        settings = self._settings
        if isinstance(settings, str):
            return Result("refused", "settings", settings)
        if len(self.said) + ACTIONS_MAX > SAID_MAX:
            return Result("later", "enough", "the answers of one event would cause too much")
        call = Call(
            tenant=self._tenant,
            url=settings.url,
            timeout_s=self._terms.calls_s,
            headers={"Content-Type": "application/json", **settings.headers},
            body=msgspec.json.encode(one.body),
            secrets=settings.secrets,
            id=one.key,
        )
        return self._taken(await self._calls.call(call), settings.headers.values())

    def _taken(self, answer: Answer, secrets: Iterable[str]) -> Result:
        shown = hidden(answer.body.decode("utf-8", "replace"), secrets)[:_SHOWN]
        if answer.outcome != "ok":
            outcome = "later" if answer.again else "refused"
            return Result(outcome, answer.outcome, answer.why, shown, answer.retry_after_s or 0)  # type: ignore[arg-type]
        try:
            self.said += obeyed(answer.body)
        except AnswerError as error:
            return Result("refused", "bad_answer", f"the desk's answer cannot be obeyed: {error}", shown)
        return Result("delivered")
