"""Actions become records and memory: what leaves because of one event, with ids that a replay derives again."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from processors.agents import actions as a
from processors.agents.limits import AgentFailed
from processors.agents.memory import Alarm, Memory
from runtime.kafka.record import Record
from schemas import ids, inbound, keys, topics
from schemas.headers import Headers
from schemas.inbound import InboundEvent
from schemas.outbound import OutboundMessage, SendClass
from schemas.record import encode
from schemas.session import AnySendable, Template


class Outbox:
    """Takes the actions of one event in order; `records` is what is to be written.

    `partitions` is the cluster's count, `partition` the conversation's own. Everything that leaves gets an id of
    (line, event, agent, ordinal), the ordinal counting what left before it.
    """

    def __init__(
        self, agent: str, event: InboundEvent, cause: Headers, partitions: int, partition: int, now_ms: int
    ) -> None:
        self.agent = agent
        self.event = event
        self.cause = cause
        self.partitions = partitions
        self.partition = partition
        self.now_ms = now_ms
        self.records: list[Record] = []
        self._ordinal = 0
        self._key = keys.conversation(event.did, event.contact).encode()

    def take(self, action: a.Action, memory: Memory) -> None:
        """Carry out one action; what it changes in the memory is changed."""
        match action:
            case a.Reply():
                self._say(
                    action.content,
                    reply_to_id=self.event.id if action.quote else "",
                    fallback=action.fallback,
                    expires_ms=self.now_ms + int(action.expires_s * 1000) if action.expires_s else 0,
                )
            case a.SendTemplate():
                self._say(action.template, send_class=action.send_class)
            case a.HandOff():
                self._hand_off(action)
                memory.muted_since = self.event.facts.owner_epoch
            case a.Close():
                self._order(inbound.Close(**self._of()))
            case a.OptOut():
                self._order(inbound.OptOut(categories=action.categories, why=action.why, **self._of()))
            case a.Schedule():
                self._schedule(action, memory)
            case a.Remember():
                pass  # `play` has changed the memory already, so that the agent saw it
            case _:
                raise AgentFailed("not_an_action", f"nobody knows how to carry out {type(action).__name__}")

    def _say(
        self,
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
        )
        at = keys.partition(event.did, self.partitions)
        self._write(topics.OUTBOUND_REPLIES.name, message.id, "message", message, at)

    def _hand_off(self, action: a.HandOff) -> None:
        command = inbound.HandOff(
            group=action.group, id_campaign=action.id_campaign, note=action.note, text=action.text, **self._of()
        )
        self._order(command)

    def _schedule(self, action: a.Schedule, memory: Memory) -> None:
        if action.in_s is None:
            memory.take_off(action.name)
            return
        due_ms = self.now_ms + int(max(action.in_s, 0) * 1000)
        memory.set_alarm(Alarm(action.name, due_ms, self._next_id(), msgspec.json.encode(action.payload)))

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

    def _write(self, topic: str, record_id: str, kind: str, value: object, partition: int) -> None:
        told = replace(self.cause, id=record_id, type=kind, did=self.event.did, contact=self.event.contact)
        self.records.append(Record(topic, encode(value), self._key, told.to_kafka(), partition))
