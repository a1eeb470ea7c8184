"""`crm`: a tap that brings what happens in conversations to the tenant's CRM, in order and until it is there.

Leaves to `mapping` what is said, to the recipes how, to `deliveries` when. Whatever a CRM does holds up nobody: the tap
has a topic of its own, and a conversation of it waits for one attempt at most.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from processors.agents.actions import Action, Bury, Remember
from processors.agents.agent import Conversation
from processors.agents.builtin.crm import settings as crm_settings
from processors.agents.builtin.crm.mapping import Known, made_of, person_of
from processors.agents.builtin.crm.recipe import Note, Recipe, Request, Steps
from processors.agents.builtin.crm.settings import Settings
from processors.agents.deliveries import Delivery, Made, Result, work
from processors.agents.limits import AgentFailed
from processors.agents.outgoing import hidden
from processors.agents.resources import World
from processors.agents.terms import Terms
from runtime.hooks import Answer, Call, Calls
from schemas.inbound import InboundEvent

KIND = "crm"
problems = crm_settings.problems
_DOTS = frozenset((".", ".."))


class Crm:
    """The agent; one for all tenants."""

    def __init__(self) -> None:
        self._calls: Calls | None = None
        self._terms = Terms()
        self._read: dict[str, tuple[Mapping[str, Any], Settings]] = {}

    async def open(self, world: World) -> None:
        self._calls, self._terms = world.calls, world.limits.deliveries

    async def close(self) -> None:
        self._calls = None
        self._read.clear()

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        known, made, settings = Known(conversation.memory), list[Made](), self._settings(conversation)
        if isinstance(settings, Settings):
            made = made_of(settings, conversation, event, known)
        elif event.kind != "timer":
            raise AgentFailed("settings", settings)

        async def send(one: Delivery) -> Result:
            if not isinstance(settings, Settings):
                return Result("refused", "settings", settings)
            return await self._send(settings, conversation.tenant, one)

        async for action in work(conversation, event, made, send, self._terms, by=KIND):
            if isinstance(action, Bury):
                known.lost(msgspec.convert(action.payload["delivery"], Delivery), action.reason)
            yield action
        if isinstance(settings, Settings) and (changes := known.changes(person_of(settings, conversation, event))):
            yield Remember(changes)

    def _settings(self, conversation: Conversation) -> Settings | str:
        """The tenant's, read once; or what is wrong with them."""
        config, (given, settings) = conversation.config, self._read.get(conversation.tenant, (None, None))
        if settings is None or given is not config:
            try:
                settings = Settings.of(config)
            except ValueError as error:
                return f"agents.{KIND}: {error}"
            self._read[conversation.tenant] = config, settings
        return settings

    async def _send(self, settings: Settings, tenant: str, one: Delivery) -> Result:
        """One attempt: the recipe's requests one after the other."""
        ends_s = time.monotonic() + self._terms.calls_s
        steps = steps_of(settings.recipe, one)
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._call(settings, tenant, request, ends_s - time.monotonic()))
        except StopIteration as end:
            result: Result = end.value
            return result._replace(said=hidden(result.said, settings.headers.values()))

    async def _call(self, settings: Settings, tenant: str, request: Request, within_s: float) -> Answer:
        if self._calls is None:
            raise RuntimeError("the agent is not open")
        if _DOTS & frozenset(urlsplit(request.url).path.split("/")):
            return Answer(outcome="unsendable", why="a name in the path is . or .., which would call something else")
        if within_s <= 0:
            return Answer(outcome="timeout", why="no time was left for the next request")
        return await self._calls.call(call_of(settings, tenant, request, within_s))


def steps_of(recipe: Recipe, one: Delivery) -> Steps:
    """The requests of a delivery."""
    body = one.body
    if body["do"] == "note":
        return recipe.note(one.key, body["person"], Note(body["text"], body["at_ms"], body["moment"]))
    return recipe.upsert(one.key, body["person"], body["fields"])


def call_of(settings: Settings, tenant: str, request: Request, timeout_s: float) -> Call:
    """A request as it leaves."""
    sent = request.sent()
    kind = {"Content-Type": "application/json"} if sent else {}
    return Call(
        tenant=tenant,
        url=request.url,
        timeout_s=timeout_s,
        method=request.method,
        headers={"Accept": "application/json", **kind, **settings.headers, **request.headers},
        body=sent,
        secrets=settings.secrets,
        id=request.key if settings.secrets else "",
    )


crm = Crm()
