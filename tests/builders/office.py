"""A line with a bot, the agent `handoff`, and a desk whose service answers as a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from processors.agents.builtin.desk import Desk
from processors.agents.builtin.handoff import handoff
from relevo import Actions, Conversation, InboundEvent, Reply, text_of
from runtime.hooks import Answer, Call, new_secret
from runtime.secrets import Secret
from schemas import inbound
from schemas.tenant import Routing, Rule, When
from tests.builders.conversations import NOW, Source, conversation_key, ordered, posted, tenant
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value, flat
from tests.builders.whole import Whole

KEY = conversation_key()
SECRET = new_secret()
OK = Answer(outcome="ok", status=200)


async def bot(conversation: Conversation, event: InboundEvent) -> Actions:
    """Says back what it hears."""
    if event.kind == "message":
        yield Reply.text(f"bot: {text_of(event)}")
    elif event.kind == "resumed":
        yield Reply.text("sigo yo")


def answers(*actions: dict[str, Any]) -> Answer:
    return Answer(outcome="ok", status=200, body=msgspec.json.encode({"actions": list(actions)}))


class Office(Whole):
    """An ISV line with a bot, the agent `handoff`, and a desk whose service answers as `answer` says."""

    def __init__(self, answer: Callable[[Call], Answer] = lambda call: OK, service: str = "isv", **fields: Any) -> None:
        rules = [Rule(to="handoff", when=When(keyword=["humano"])), Rule(to="menu")]
        config = {"desk": {"url": "https://desk.example/hook", "secret": Secret(SECRET), "headers": {"X-Team": "a"}}}
        given = {"routing": Routing(route=rules, also=["desk"]), "agents": {**config, "handoff": {"text": "te paso"}}}
        super().__init__(
            tenant(service, **{**given, **fields}), {"menu": bot, "handoff": handoff, "desk": Desk()}, answer
        )
        self._flat = service == "bot"
        self._written = 0

    def says(self, text: str, contact: str = PERSON) -> None:
        self._written += 1
        self.now_ms += 1000
        if self._flat:
            body = flat(id=self._written, content=text)
        else:
            message = cloud_text(text, wamid=f"wamid.{self._written}", sender=contact, at_s=self.now_ms // 1000)
            body = cloud(cloud_value(messages=[message]))
        self.lines.append(("customer", text))
        self.comes(posted(body, contact=contact, at_ms=self.now_ms))

    def changes_number(self, wa_id: str) -> None:
        """WhatsApp says that the person has another number now."""
        self._written += 1
        told = {"body": "changed", "wa_id": wa_id, "type": "user_changed_number"}
        message = {"from": PERSON, "id": f"wamid.{self._written}", "timestamp": "1700000100", "type": "system"}
        self.comes(posted(cloud(cloud_value(messages=[message | {"system": told}])), at_ms=self.now_ms))

    def orders(self, kind: type[inbound.Command], **fields: Any) -> None:
        self._written += 1
        self.comes(order(kind, f"order-{self._written}", at_ms=self.now_ms, **fields))

    @property
    def hooks(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(call.body) for call in self.calls.made]

    def transcript(self, agent: str) -> list[tuple[str, str]]:
        return [(line.who, line.text) for line in self.memory(agent, KEY).lines]


def order(kind: type[inbound.Command], id: str, **fields: Any) -> Source:
    given = {"id": id, "tenant": "acme", "did": LINE, "contact": PERSON, "at_ms": NOW, "by": "person:ines", **fields}
    return ordered(kind(**given))
