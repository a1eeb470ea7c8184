"""The agent `http`: tells the tenant's service of an event, and carries out what it answers.

Promises: one signed call an event, tried again in the event's time where another attempt may end differently, always
with the same `webhook-id`; all actions of an answer or none; a call that failed has an outcome, a metric, and either
what the tenant wants done then, once in a while, or a dead letter that can be put back. Leaves to `runtime.hooks` what
may be called, and to the host time, order and limits.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from processors.agents.actions import Action, HandOff, Remember, Reply
from processors.agents.agent import Actions, Conversation
from processors.agents.builtin.http.answer import actions_of
from processors.agents.builtin.http.request import OWN, body_of, call_id
from processors.agents.builtin.http.settings import HttpSettings, OnFailure, problems, settings_of
from processors.agents.limits import AgentFailed
from processors.agents.resources import World
from processors.agents.wording import worded
from runtime import logs, metrics
from runtime.hooks import Answer, Call
from schemas.inbound import InboundEvent

__all__ = ["HttpAgent", "http", "problems"]

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_SPARE_S = 0.5  # of the event's time, to say what failed
_LEAST_S = 0.2  # what an attempt needs
_PAUSE_S = 0.25

_log = logs.get(__name__)


class HttpAgent:
    """`sleep` and `monotonic` are the clock's, for tests."""

    def __init__(
        self,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._world: World | None = None

    async def open(self, world: World) -> None:
        self._world = world

    async def close(self) -> None:
        self._world = None

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> Actions:
        settings = settings_of(conversation.config)
        if event.kind not in settings.events:
            return
        actions = await self._decided(conversation, event, settings)
        for action in actions:
            yield action

    async def _decided(self, conversation: Conversation, event: InboundEvent, settings: HttpSettings) -> list[Action]:
        """What the service says, or what is done instead. Raises AgentFailed."""
        try:
            answer = await self._asked(conversation, event, settings)
            actions = _read(answer)
        except AgentFailed as failure:
            instead = list(_instead(settings.on_failure, conversation, event))
            _count(conversation.tenant, failure.reason, "on_failure" if instead else "dead_letter")
            if not instead:
                raise
            _log.warning(
                "a tenant's service failed", tenant=conversation.tenant, outcome=failure.reason, why=str(failure)
            )
            return instead
        _count(conversation.tenant, "ok" if actions else "nothing", "")
        return [*_mended(conversation, settings.on_failure), *actions]

    async def _asked(self, conversation: Conversation, event: InboundEvent, settings: HttpSettings) -> Answer:
        """The answer of the last attempt."""
        world = self._world
        if world is None:
            raise AgentFailed("settings", "the agent http was not opened by its host")
        body, call = body_of(conversation, event, settings), call_id(conversation, event)
        ends_s = self._monotonic() + world.limits.timeout_s - _SPARE_S
        for attempt in range(settings.retries + 1):
            left_s = max(ends_s - self._monotonic(), _LEAST_S)
            answer = await world.calls.call(
                Call(
                    tenant=conversation.tenant,
                    url=settings.url,
                    timeout_s=min(settings.timeout_s, left_s),
                    headers={**{name: str(value) for name, value in settings.headers.items()}, **JSON},
                    body=body,
                    secrets=settings.secrets,
                    id=call,
                )
            )
            wait_s = _pause_s(answer, attempt)
            if wait_s is None or attempt == settings.retries or self._monotonic() + wait_s + _LEAST_S > ends_s:
                return answer
            await self._sleep(wait_s)
        return answer


http = HttpAgent()


def _pause_s(answer: Answer, attempt: int) -> float | None:
    """How long to wait before the next attempt; None: there is none."""
    if not answer.again or answer.outcome == "open":
        return None
    pause_s: float = _PAUSE_S * 2**attempt
    return max(answer.retry_after_s or 0, random.uniform(pause_s / 2, pause_s))


def _read(answer: Answer) -> list[Action]:
    """The actions of an answer. Raises AgentFailed."""
    if answer.outcome != "ok":
        raise AgentFailed(f"hook_{answer.outcome}", answer.why or answer.outcome)
    return actions_of(answer.status, answer.body)


def _instead(on_failure: OnFailure | None, conversation: Conversation, event: InboundEvent) -> Iterator[Action]:
    """What the tenant wants done when its service fails: an answer to the person's message, once in a while.

    Not while a human answers, nor to what was said long ago.
    """
    asks = event.kind == "message" and not event.late and conversation.facts.owner == "bot"
    if on_failure is None or not asks or _failed_lately(conversation, on_failure):
        return
    yield Remember({OWN: {"failed_ms": conversation.now_ms}})
    text = worded(on_failure.say, conversation.facts.language)
    if give := on_failure.handoff:
        yield HandOff(group=give.group, id_campaign=give.id_campaign, note=give.note, text=text)
    elif text:
        yield Reply.text(text)


def _failed_lately(conversation: Conversation, on_failure: OnFailure | None) -> bool:
    failed_ms = _failed_ms(conversation)
    every_ms = on_failure.every_s * 1000 if on_failure else 0
    return failed_ms > 0 and conversation.now_ms < failed_ms + every_ms


def _failed_ms(conversation: Conversation) -> int:
    own = conversation.memory.get(OWN)
    failed_ms = own.get("failed_ms") if isinstance(own, dict) else 0
    return failed_ms if isinstance(failed_ms, int) else 0


def _mended(conversation: Conversation, on_failure: OnFailure | None) -> Iterator[Action]:
    """A failure of long ago is not remembered for ever."""
    if OWN in conversation.memory and not _failed_lately(conversation, on_failure):
        yield Remember({OWN: None})


def _count(tenant: str, outcome: str, instead: str) -> None:
    metrics.counter(metrics.HTTP_AGENT_EVENTS).labels(tenant=tenant, outcome=outcome, instead=instead).inc()
