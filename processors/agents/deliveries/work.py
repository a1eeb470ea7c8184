"""What an agent does for its deliveries on one event: note what is new, try what is due, set the timer for the rest.

The first attempt is made within the event, with a short time-out; what fails comes back by a timer. After one failure
nothing more is tried in the event: a system that is away costs one call. `send` is given the delivery and says what
became of it; whatever it raises is a reason to give the delivery up, never to lose the event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from processors.agents.actions import Action, Bury, NoteDeliveries, Remember, Schedule
from processors.agents.agent import Conversation
from processors.agents.deliveries.queue import TIMER, Delivery, GivenUp, Queue
from processors.agents.play import story
from processors.agents.terms import Terms
from runtime import metrics
from schemas import ids
from schemas.inbound import InboundEvent

_GIVEN_UP_AT_ONCE = 8  # letters of one event; an event may only do so much


class Made(NamedTuple):
    """A new delivery; `merge` as `queue` explains it (its body then has `fields`)."""

    body: Any
    merge: str = ""


class Result(NamedTuple):
    """What became of an attempt. `why` is one of a few words (a metric's label), `error` a story without people's data,
    `said` what the other side answered; `after_s` is the wait that it asks for."""

    outcome: Literal["delivered", "later", "refused"]
    why: str = ""
    error: str = ""
    said: str = ""
    after_s: float = 0


Send = Callable[[Delivery], Awaitable[Result]]


async def work(
    conversation: Conversation,
    event: InboundEvent,
    made: Iterable[Made],
    send: Send,
    terms: Terms,
    *,
    by: str,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Action]:
    """The actions for it, to be yielded by the agent `by`."""
    queue, begun = Queue(conversation.memory, terms), clock()

    def now_ms() -> int:
        return conversation.now_ms + int((clock() - begun) * 1000)

    waited = bool(queue.waiting)
    for ordinal, new in enumerate(made):
        key = ids.digest("delivery", by, event.did, event.contact, event.id, str(ordinal))
        queue.add(key, new.body, new.merge, now_ms())
    returned = put_back(event)
    if returned is not None:
        queue.put_back(returned, now_ms())
    seen = _Seen(by, conversation.tenant)
    while (one := queue.head(now_ms())) is not None and len(queue.given_up) < _GIVEN_UP_AT_ONCE:
        result = await _attempt(send, one, terms.attempt_s)
        seen.count(result)
        if _settle(queue, result, now_ms()) or clock() - begun >= terms.event_s:
            break
    seen.end(queue)
    for action in _actions(queue, now_ms(), waited):
        yield action


def put_back(event: InboundEvent) -> Delivery | None:
    """The delivery that an event brings back, if it is the dead letter of one."""
    payload = event.extra.get("payload")
    if event.kind != "timer" or event.extra.get("name") != TIMER or not isinstance(payload, dict):
        return None
    return msgspec.convert(payload["delivery"], Delivery)


async def _attempt(send: Send, one: Delivery, attempt_s: float) -> Result:
    try:
        async with asyncio.timeout(attempt_s):
            return await send(one)
    except TimeoutError:
        return Result("later", "timeout", f"no end of the attempt after {attempt_s:g} s")
    except Exception as error:  # noqa: BLE001 - the letter has it; the event and the deliveries behind go on
        return Result("refused", "raised", story(error))


def _settle(queue: Queue, result: Result, now_ms: int) -> bool:
    """Take the result over; whether to try nothing more now."""
    match result.outcome:
        case "delivered":
            queue.delivered()
        case "refused":
            queue.refused(result.why or "refused", result.error, result.said)
        case _:
            queue.postponed(now_ms, result.error or result.why, result.after_s, result.said)
            return True
    return False


def _actions(queue: Queue, now_ms: int, waited: bool) -> Iterable[Action]:
    """`waited`: a timer is set already."""
    for lost in queue.given_up:
        yield bury(lost)
    if queue.made or queue.ended:
        yield NoteDeliveries(queue.made, queue.ended)
    changes = queue.changes()
    if changes:
        yield Remember(changes)
    wake_s = queue.wake_s(now_ms)
    if wake_s is not None:
        yield Schedule(TIMER, in_s=wake_s)
    elif waited:
        yield Schedule.cancel(TIMER)


def bury(lost: GivenUp) -> Bury:
    """The dead letter of a delivery; put back, it comes to `put_back`."""
    one = msgspec.structs.replace(lost.delivery, back=lost.delivery.back + 1)
    payload = {"delivery": msgspec.to_builtins(one), "said": lost.said}
    return Bury(f"{one.key}.{one.back}", TIMER, payload, lost.reason, lost.error)


class _Seen:
    """Counts what became of attempts and deliveries."""

    def __init__(self, by: str, tenant: str) -> None:
        self._labels = {"agent": by, "tenant": tenant}

    def count(self, result: Result) -> None:
        """An attempt; a delivery that is refused is counted when it is given up."""
        why = result.why if result.outcome != "delivered" else "delivered"
        metrics.counter(metrics.DELIVERY_ATTEMPTS).labels(**self._labels, outcome=why or result.outcome).inc()

    def end(self, queue: Queue) -> None:
        """What left the queue without having arrived."""
        ended = [*(lost.reason for lost in queue.given_up), *("superseded" for _ in queue.superseded)]
        for reason in ended:
            metrics.counter(metrics.DELIVERIES_ENDED).labels(**self._labels, reason=reason).inc()
