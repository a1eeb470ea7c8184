"""Actions become records and memory: what leaves because of one event, with ids that a replay derives again.

What leaves is read back with the reader's own types, so that a wrong value (a number for a text) fails here, where its
author sees it, and not where the record arrives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from processors.agents import actions as a
from processors.agents import debounce
from processors.agents.burial import buried, noted
from processors.agents.limits import AgentFailed, Limits
from processors.agents.memory import Alarm, Memory
from processors.agents.transcript import Who, said, shortened, told
from runtime.kafka.record import Record
from schemas import ids, inbound, keys, topics
from schemas.headers import Headers
from schemas.inbound import SAID, InboundEvent, Said
from schemas.outbound import OutboundMessage, SendClass
from schemas.record import RecordError, encode
from schemas.session import AnySendable, Template

_READERS = {topic.name: topic.decoder() for topic in (topics.OUTBOUND_REPLIES, topics.INBOUND_CONVERSATIONS)}
_TIMER_MAX_S = 10 * 366 * 86_400
_QUOTED = re.compile(r"'[^']*'")


class Outbox:
    """Takes the actions of one event in order; `records` is what is to be written, `letters` what was given up, and
    notes on deliveries.

    `partitions` is the cluster's count, `partition` the conversation's own. Everything that leaves gets an id of
    (line, event, agent, ordinal), the ordinal counting what left before it. Agents of the types `listeners` are told
    what was said.
    """

    def __init__(
        self,
        agent: str,
        event: InboundEvent,
        cause: Headers,
        partitions: int,
        partition: int,
        now_ms: int,
        limits: Limits,
        place: str = "",
        listeners: Sequence[str] = (),
    ) -> None:
        """`place` is where the event stands (`topic-partition-offset`), for dead letters."""
        self.agent = agent
        self.event = event
        self.cause = cause
        self.partitions = partitions
        self.partition = partition
        self.now_ms = now_ms
        self.limits = limits
        self.listeners = listeners
        self.records: list[Record] = []
        self.letters: list[Record] = []
        self._place = place
        self._ordinal = 0
        self._key = keys.conversation(event.did, event.contact).encode()

    def take(self, action: a.Action, memory: Memory) -> None:
        """Carry out one action; what it changes in the memory is changed. Raises AgentFailed."""
        match action:
            case a.Reply():
                self._say(
                    memory,
                    action.content,
                    reply_to_id=self.event.id if action.quote else "",
                    fallback=action.fallback,
                    expires_ms=self.now_ms + _ms(action, "expires_s", action.expires_s) if action.expires_s else 0,
                )
            case a.SendTemplate():
                self._say(memory, action.template, send_class=action.send_class)
            case a.HandOff():
                self._hand_off(action, memory)
            case a.HumanSays():
                self._pass_on(action)
            case a.GiveBack():
                self._order(inbound.Resume(**self._of()))
            case a.Close():
                self._order(inbound.Close(transcript=told(memory.lines), **self._of()))
            case a.OptOut():
                self._order(inbound.OptOut(categories=action.categories, why=action.why, **self._of()))
            case a.OptIn():
                self._order(inbound.OptIn(categories=action.categories, why=action.why, **self._of()))
            case a.UpdateCrm():
                self._order(inbound.UpdateCrm(fields=action.fields, **self._of()))
            case a.Schedule():
                self._schedule(action, memory)
            case a.Bury():
                self._bury(action)
            case a.NoteDeliveries():
                self.letters.append(self._deliveries(action))
            case a.Remember():
                pass  # `play` has changed the memory already, so that the agent saw it
            case _:
                raise AgentFailed("not_an_action", f"nobody knows how to carry out {type(action).__name__}")

    def _say(
        self,
        memory: Memory,
        content: AnySendable,
        *,
        send_class: SendClass = "reply",
        reply_to_id: str = "",
        fallback: Template | None = None,
        expires_ms: int = 0,
    ) -> None:
        event = self.event
        message = OutboundMessage(
            id=self._next_id(),
            tenant=event.tenant,
            did=event.did,
            contact=event.contact,
            to=event.reply_to,
            content=content,
            send_class=send_class,
            cause=event.id,
            agent=self.agent,
            reply_to_id=reply_to_id,
            window_expires_ms=event.facts.window_expires_ms,
            expires_ms=expires_ms,
            fallback=fallback,
            at_ms=self.now_ms,
            answers=[part.id for part in event.parts if part.id != event.id],
        )
        at = keys.partition(event.did, self.partitions)
        sent: OutboundMessage = self._write(topics.OUTBOUND_REPLIES.name, message.id, "message", message, at)
        self._note(memory, "bot", said(sent.content))
        self._tell(message.id, said(sent.content))

    def _pass_on(self, action: a.HumanSays) -> None:
        """By way of the conversation, which has its window, and tells all transcripts."""
        event = self.event
        message = OutboundMessage(
            id=self._next_id(),
            tenant=event.tenant,
            did=event.did,
            contact=event.contact,
            to=event.reply_to,
            content=action.content,
            cause=event.id,
            agent=self.agent,
            at_ms=self.now_ms,
        )
        self._order(inbound.Send(message=message, who="human", **self._of()))

    def _hand_off(self, action: a.HandOff, memory: Memory) -> None:
        """The order with what was said so far; from here on the agent is mute."""
        command = inbound.HandOff(
            group=action.group,
            id_campaign=action.id_campaign,
            note=action.note,
            text=action.text,
            transcript=told(memory.lines),
            **self._of(),
        )
        self._order(command)
        self._note(memory, "bot", action.text)
        self._tell(command.id, action.text)
        memory.muted_since, memory.changed_ms = self.event.facts.owner_epoch, self.now_ms

    def _note(self, memory: Memory, who: Who, text: str) -> None:
        memory.lines = self.limits.transcript.added(memory.lines, who, text, self.now_ms)

    def _tell(self, message_id: str, text: str) -> None:
        """Those who listen hear it before anything that comes of it: it leaves in the same transaction."""
        line = shortened(text)
        for listener in self.listeners if line else ():
            told = replace(self.cause, id=message_id, type=SAID, did=self.event.did, contact=self.event.contact)
            value = encode(Said(who="bot", text=line, at_ms=self.now_ms))
            self.records.append(Record(topics.agent(listener).name, value, self._key, told.to_kafka(), self.partition))

    def _schedule(self, action: a.Schedule, memory: Memory) -> None:
        if not isinstance(action.name, str):
            raise AgentFailed("not_an_action", f"Schedule.name is {type(action.name).__name__}, not a text")
        if action.name == debounce.TIMER:
            raise AgentFailed("not_an_action", f"the timer {debounce.TIMER!r} is Relevo's own")
        if action.in_s is None:
            memory.take_off(action.name)
            return
        due_ms = self.now_ms + _ms(action, "in_s", action.in_s)
        new = all(alarm.name != action.name for alarm in memory.alarms)
        if new and len(memory.alarms) >= self.limits.timers:
            raise AgentFailed(
                "too_many_timers",
                f"more than {self.limits.timers} timers of one conversation (RELEVO_PROCESSOR_AGENT_TIMERS_MAX)",
            )
        memory.set_alarm(Alarm(action.name, due_ms, self._next_id(), _json(action, action.payload)))

    def _bury(self, action: a.Bury) -> None:
        """A dead letter. It says nothing to anybody, so it does not count as something that the agent did."""
        _json(action, action.payload)
        letter = buried(self.agent, action, self.event, self.cause, self.partition, self._place, self.now_ms)
        self.letters.append(letter)

    def _deliveries(self, action: a.NoteDeliveries) -> Record:
        event = self.event
        cause = replace(self.cause, tenant=event.tenant, did=event.did, contact=event.contact)
        return noted(self.agent, cause, event.id, action.made, action.ended, self.partition, self.now_ms)

    def _order(self, command: inbound.Command) -> None:
        self._write(topics.INBOUND_CONVERSATIONS.name, command.id, "command", command, self.partition)

    def _of(self) -> dict[str, Any]:
        """What every command carries."""
        event = self.event
        return {
            "id": self._next_id(),
            "tenant": event.tenant,
            "did": event.did,
            "contact": event.contact,
            "at_ms": self.now_ms,
            "by": self.agent,
        }

    def _next_id(self) -> str:
        found = ids.message_id(self.event.did, self.event.id, self.agent, self._ordinal)
        self._ordinal += 1
        return found

    def _write(self, topic: str, record_id: str, kind: str, value: object, partition: int) -> Any:
        """Write a record; what its reader will read."""
        told = replace(self.cause, id=record_id, type=kind, did=self.event.did, contact=self.event.contact)
        record = Record(topic, _json(value, value), self._key, told.to_kafka(), partition)
        try:
            read = _READERS[topic].decode(record.value)
        except RecordError as error:
            why = _QUOTED.sub("'…'", str(error))
            raise AgentFailed("not_an_action", f"{type(value).__name__} with a wrong value: {why}") from None
        self.records.append(record)
        return read


def _json(of: object, value: object) -> bytes:
    """The value's bytes. Raises AgentFailed for what JSON cannot say."""
    try:
        return encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        why = f"{type(of).__name__} holds what JSON cannot say ({type(error).__name__})"
        raise AgentFailed("not_json", why) from None


def _ms(action: a.Action, name: str, seconds: object) -> int:
    """A time in milliseconds, at least 0. Raises AgentFailed for what is none."""
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and not math.isnan(seconds)
    if not known or seconds > _TIMER_MAX_S:  # type: ignore[operator]  # known says that it is a number
        raise AgentFailed("not_an_action", f"{type(action).__name__}.{name} must be seconds, at most ten years")
    return int(max(float(seconds), 0) * 1000)  # type: ignore[arg-type]
