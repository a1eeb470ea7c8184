"""Conversations and agents side by side, one queue a key, served in any order: as many workers as keys.

Each record is handled on its own, and what it causes is put behind the others of its key. A test chooses whose turn
it is, and may deliver a record of an agent again, as after a crash.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import orjson

from processors.agents.agent import Agent
from processors.agents.memory import Memory
from processors.agents.step import Scene, step
from processors.conversations.draft import Tally
from processors.conversations.process import process
from processors.conversations.state import State, decode
from processors.conversations.world import World
from runtime.kafka.record import Record
from schemas import keys, phone
from schemas.headers import Headers
from schemas.inbound import Command
from schemas.outbound import OutboundMessage
from schemas.record import decode as decode_record
from schemas.record import encode
from tests.builders.conversations import NOW, SOURCE, Source, conversation_key, world
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_value

USER = "CL.1234567890"
PARENT = "CL.ENT.99"
Place = tuple[str, bytes]


def message(
    wamid: str, text: str = "hola", *, sender: str = "", user: str = "", did: str = LINE, **more: Any
) -> dict[str, Any]:
    """A webhook of one text, by a phone, a user id, or both."""
    said: dict[str, Any] = {"id": wamid, "timestamp": str(NOW // 1000), "type": "text", "text": {"body": text}} | more
    known: dict[str, Any] = {"profile": {"name": "Ana"}}
    if sender:
        said["from"], known["wa_id"] = sender, sender
    if user:
        said["from_user_id"], known["user_id"] = user, user
    return cloud(cloud_value(did=did, messages=[said], contacts=[known]))


def moved_to(number: str, wamid: str = "wamid.moved", *, sender: str = PERSON) -> dict[str, Any]:
    """The webhook of a person who has another number now."""
    system = {"body": "x", "wa_id": number, "type": "user_changed_number"}
    said = {"from": sender, "id": wamid, "timestamp": str(NOW // 1000), "type": "system", "system": system}
    return cloud(cloud_value(messages=[said], contacts=[]))


class People:
    """`agent` is the function of the agents `menu`. What left for the line and for `optouts` is kept."""

    def __init__(self, agent: Any, world_: World | None = None) -> None:
        self.world = world_ or world(agents=("menu",))
        self.now_ms = NOW
        self.states: dict[bytes, bytes] = {}
        self.memories: dict[bytes, Memory] = {}
        self.queues: dict[Place, deque[Source]] = {}
        self.served: dict[Place, list[Source]] = {}
        self.outputs: list[Record] = []
        self.tally: Tally = Counter()
        self.outcomes: Counter[str] = Counter()
        self._offsets: Counter[Place] = Counter()
        self._scene = Scene(Agent("menu", agent), lambda _: {}, self.world.partitions)

    def post(self, body: dict[str, Any], *, sender: str = "", user: str = "", did: str = LINE) -> None:
        """A webhook, keyed as ingress keys it."""
        contact = phone.canonical(sender) if sender else user
        told = Headers(id="h", type="webhook", tenant="acme", at_ms=self.now_ms, did=did, contact=contact)
        self._put(Record(SOURCE, orjson.dumps(body), keys.conversation(did, contact).encode(), told.to_kafka()))

    def says(self, wamid: str, text: str = "hola", *, sender: str = "", user: str = "", did: str = LINE) -> None:
        self.post(message(wamid, text, sender=sender, user=user, did=did), sender=sender, user=user, did=did)

    def order(self, kind: type[Command], id: str, contact: str = PERSON, **fields: Any) -> None:
        given: dict[str, Any] = {"id": id, "tenant": "acme", "did": LINE, "contact": contact, "at_ms": NOW, "by": "isv"}
        made = kind(**given | fields)
        told = Headers(id=id, type="command", tenant="acme", at_ms=self.now_ms, did=LINE, contact=contact)
        self._put(Record(SOURCE, encode(made), conversation_key(contact), told.to_kafka()))

    def settle(self, turns: Sequence[int] = ()) -> None:
        """Serve the queues until they are empty: whose turn it is says `turns` first, then any order will do."""
        given = list(turns)
        while waiting := sorted(place for place, queue in self.queues.items() if queue):
            self.serve(waiting[(given.pop(0) if given else 0) % len(waiting)])

    def serve(self, place: Place) -> None:
        """The next record of a queue."""
        record = self.queues[place].popleft()
        self.served.setdefault(place, []).append(record)
        self._handle(place, record)

    def again(self, place: Place, count: int) -> None:
        """The last `count` records that agents handled under a key are delivered to them again."""
        for record in self.served.get(place, [])[-count:]:
            self._handle(place, record)

    def state(self, contact: str = PERSON) -> State:
        return decode(self.states.get(conversation_key(contact)))

    def memory(self, contact: str = PERSON) -> Memory:
        return self.memories.get(conversation_key(contact), Memory())

    def optouts(self) -> dict[str, list[str] | None]:
        """The latest wish on `optouts` by contact."""
        wishes = [(r.key or b"", r.value) for r in self.outputs if r.topic == "optouts"]
        return {keys.split(k, 2)[1]: None if v is None else orjson.loads(v).get("categories", []) for k, v in wishes}

    def said(self) -> list[OutboundMessage]:
        return [decode_record(r.value, OutboundMessage) for r in self.outputs if r.topic == "outbound.replies"]

    def letters(self) -> list[Record]:
        return [r for r in self.outputs if r.topic.endswith(".dlq")]

    def sweep(self) -> None:
        """Housekeeping over all conversations."""
        self._take(process((), self.states.get, self.world, self.now_ms, list(self.states.items())))

    def _handle(self, place: Place, record: Source) -> None:
        if place[0] == SOURCE:
            self._take(process([record], self.states.get, self.world, self.now_ms))
            return
        done = asyncio.run(step(self._scene, record, self.memories.get(place[1], Memory()), self.now_ms))
        self.outcomes[done.outcome] += 1
        if not done.same and done.memory is None:
            self.memories.pop(place[1], None)
        elif not done.same and done.memory is not None:
            self.memories[place[1]] = done.memory
        for output in done.records:
            self._put(output)

    def _take(self, processed: Any) -> None:
        for key, value in processed.effects.writes.items():
            if value is None:
                self.states.pop(key, None)
            else:
                self.states[key] = value
        self.tally.update(processed.tally)
        for output in processed.effects.outputs:
            self._put(output)

    def _put(self, record: Record) -> None:
        if record.topic not in (SOURCE, "agents.menu"):
            self.outputs.append(record)
            return
        place = (record.topic, record.key or b"")
        at = keys.partition(place[1], self.world.partitions)
        assert record.partition in (-1, at), "where its key belongs"
        self._offsets[place] += 1
        headers = list(record.headers)
        source = Source(record.value, record.key, headers, self._offsets[place], record.topic, at, self.now_ms)
        self.queues.setdefault(place, deque()).append(source)


TONGUES = {
    "es": [
        "hola",
        "Hola, buenas tardes",
        "quiero hablar con alguien",
        "¿cuánto cuesta?",
        "cuanto sale el envio a Córdoba",
        "dónde está mi pedido",
        "mi pedido todavía no llegó",
        "gracias!!",
        "necesito ayuda con mi cuenta",
        "si, el miércoles está bien",
        "buenas, tienen talla M?",
        "me llegó roto el producto, quiero cambiarlo",
        "a qué hora abren mañana",
        "soy cliente desde el año pasado",
        "vivo en Viña del Mar",
        "puedo pagar con tarjeta?",
    ],
    "pt": [
        "oi",
        "Olá, boa tarde",
        "bom dia, tudo bem?",
        "quero falar com alguém",
        "quanto custa?",
        "onde está meu pedido",
        "meu pedido ainda não chegou",
        "obrigada!!",
        "preciso de ajuda com minha conta",
        "vcs entregam em São Paulo?",
        "qual o horário de funcionamento amanhã",
        "o produto chegou quebrado, quero trocar",
        "sim, pode ser na quarta",
        "não",
        "tem no tamanho M?",
        "posso pagar com cartão?",
    ],
    "en": [
        "hello",
        "Hi, good morning",
        "I want to talk to someone",
        "how much is it?",
        "where is my order",
        "my order hasn't arrived yet",
        "thanks!!",
        "I need help with my account",
        "do you ship to Canada?",
        "can I pay by card?",
        "what time do you open tomorrow",
        "it's broken, I want a refund",
    ],
}
"""Sentences as people write them, by language."""
