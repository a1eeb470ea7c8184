"""Posting: a committed plan's call is made, and its outcome put on record, whoever owns the partition by then.

Promises: just before the POST the deadline is looked at on both clocks, and whether the line is held; what became of a
call is written by an ordinary producer, outside the fence, and tried again until Kafka has it; only then is the line
told. Nothing is ever assumed not to have arrived because of an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, get_args

from msgspec.structs import replace

from egress.chattigo.result import CallResult
from egress.lines.gate.rules import Rules
from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.results import named, settling
from egress.lines.results.verdicts import LATE, Verdict, decide
from egress.lines.work import Grant
from runtime import logs, metrics, points
from runtime.kafka.producer import Backpressure, DeliveryError, Producer
from runtime.kafka.record import Record
from runtime.metrics.metric import OTHER
from schemas.outbound import SendClass
from schemas.parked import Kind
from schemas.tenant import Account

_RETRY_S = 0.5
_log = logs.get(__name__)


def begin() -> None:
    """Shows as 0 what is watched, before the first call: what is not there cannot be watched."""
    for kind in get_args(Kind):
        metrics.histogram(metrics.EGRESS_DUE_SECONDS).labels(message_class=kind)
    for send_class in get_args(SendClass):
        labels = {"tenant": OTHER, "message_class": send_class, "outcome": "accepted"}
        metrics.counter(metrics.EGRESS_MESSAGES).labels(**labels)


class Client(Protocol):
    """What egress needs of the HTTP client (`egress.chattigo.client.Client` has it). Never raises for the network."""

    async def post(
        self, account: Account, url_path: str, body: bytes, *, timeout_s: float, fresh_connection: bool, did: str
    ) -> CallResult: ...


def as_meant(result: CallResult, verdict: Verdict) -> CallResult:
    """What a result says of the account's service: a 500 that the account calls a refusal is one."""
    return replace(result, kind="refused") if verdict.outcome.result == "refused" else result


class Poster:
    """Calls under way; `changed` is called when one of them is through."""

    def __init__(self, rules: Rules, client: Client, producer: Producer, changed: Callable[[], None]) -> None:
        self._rules, self._client, self._producer = rules, client, producer
        self._changed = changed
        self._calls: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def start(self, grant: Grant, line: Line) -> None:
        """Makes the call in the background."""
        task = asyncio.create_task(self._call(grant, line), name=f"call {grant.plan.plan_id}")
        self._calls.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
        self._changed()

    def check(self) -> None:
        """Raises what a call ended by, other than its result: a defect, after which nothing may be granted."""
        if self._failure is not None:
            raise self._failure

    async def drained(self) -> None:
        """Returns when no call is under way and every outcome is on record."""
        while self._calls:
            await asyncio.wait(list(self._calls))

    async def _call(self, grant: Grant, line: Line) -> None:
        result = await self._post(grant, line)
        now = Now.read()
        verdict = decide(grant.plan, result, grant.channel.account, self._rules.settings, now.wall_ms)
        meant = as_meant(result, verdict)
        self._rules.accounts.ended(grant.plan.account, grant.plan.plan_id, meant, now.s, self._rules.settings)
        verdict = settling.proven(line, verdict)
        cause_ms = grant.items[0].cause_ms if len(grant.items) == 1 else 0
        await self._record(settling.announcement(grant.partition, grant.plan, verdict.outcome, cause_ms))
        points.reach("outcome_recorded")
        self._count(grant, verdict)
        settling.settled(line, grant.items, verdict, Now.read())

    async def _post(self, grant: Grant, line: Line) -> CallResult:
        plan, payload = grant.plan, grant.payload
        timeout_s = self._rules.post_timeout_s(plan)
        points.reach("before_post")
        if grant.deadline.passed():
            metrics.counter(metrics.EGRESS_LATE_PLANS).labels(route=plan.route).inc()
            return LATE
        if (held := line.stance.holds(plan)) != "":
            metrics.counter(metrics.EGRESS_HELD_BACK).labels(tenant=plan.tenant, reason=held).inc()
            return CallResult(kind="not_sent", code=held, reason="its line was held just before the POST")
        began = Now.read().s
        _waited(grant, began)
        try:
            # The client keeps to the time-out itself; this bound is for a client that does not.
            async with asyncio.timeout(timeout_s + 1):
                result = await self._client.post(
                    grant.channel.account,
                    payload.path,
                    payload.body,
                    timeout_s=timeout_s,
                    fresh_connection=payload.paid,
                    did=plan.did,
                )
        except TimeoutError:
            result = CallResult(kind="in_doubt", code="timeout", reason=f"no answer within {timeout_s:g} s")
        except Exception as error:  # noqa: BLE001  bytes may have left, whatever it was: a doubt
            _log.exception("the client failed", plan_id=plan.plan_id)
            result = CallResult(kind="in_doubt", code="client_failed", reason=type(error).__name__)
        points.reach("after_post")
        metrics.histogram(metrics.EGRESS_CALL_SECONDS).labels(route=plan.route).observe(Now.read().s - began)
        return result

    async def _record(self, records: list[Record]) -> None:
        while True:
            try:
                for record in records:
                    await self._producer.send_all([record])
            except (DeliveryError, Backpressure) as error:
                if self._producer.fatal is not None:
                    raise
                _log.warning("an outcome is not recorded yet", problem=str(error))
                await asyncio.sleep(_RETRY_S)
            else:
                return

    def _count(self, grant: Grant, verdict: Verdict) -> None:
        plan, outcome = grant.plan, verdict.outcome
        calls = metrics.counter(metrics.EGRESS_CALLS)
        calls.labels(tenant=plan.tenant, route=plan.route, result=outcome.result).inc()
        metrics.histogram(metrics.EGRESS_CALL_RECIPIENTS).labels(route=plan.route).observe(len(plan.messages))
        if outcome.result in ("accepted", "in_doubt"):
            messages = metrics.counter(metrics.EGRESS_MESSAGES)
            labels = {"tenant": plan.tenant, "message_class": plan.send_class, "outcome": outcome.result}
            messages.labels(**labels).inc(len(plan.messages))
        for said, count in named.counts(plan, outcome).items():
            metrics.counter(metrics.EGRESS_NAMED).labels(tenant=plan.tenant, said=said).inc(count)
        if outcome.result == "refused":
            refusals = metrics.counter(metrics.EGRESS_REFUSALS)
            refusals.labels(tenant=plan.tenant, reason="by_chattigo").inc(len(plan.messages))
        if plan.resend_of:
            resends = metrics.counter(metrics.EGRESS_RESENDS)
            labels = {"tenant": plan.tenant, "message_class": plan.send_class, "reason": plan.resend_why}
            resends.labels(**labels).inc(len(plan.messages))


def _waited(grant: Grant, now_s: float) -> None:
    """How long the messages of a call have waited, and those of them that were not tried before since they were due."""
    waits = metrics.histogram(metrics.EGRESS_WAIT_SECONDS).labels(message_class=grant.plan.send_class)
    waits.observe(max(0.0, now_s - grant.items[0].since_s))
    for item in grant.items:
        if item.attempt == 1 and not item.campaign:
            due = metrics.histogram(metrics.EGRESS_DUE_SECONDS).labels(message_class=item.kind)
            due.observe(max(0.0, now_s - max(item.since_s, item.wake_s)))
