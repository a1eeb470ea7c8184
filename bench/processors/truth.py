"""What must come out, computed offline from the input alone: by other code than the processor's, written to be read.

It knows the shapes that `bench.inputs` makes and the rules as docs/agents.md has them: an event once, in order, to
the agent that the first matching rule names and to every tap; while a human owns the conversation to the taps alone,
or noted as dropped, and where a tap hears it the agent gets the line for its transcript; and of each conversation who
owns it, in which epoch, and when the person last wrote.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from bench.processors.settings import RING
from runtime.kafka.record import Record
from schemas.tenant import Tenant, When

DEFAULT = "menu"


class Told(NamedTuple):
    """What an agent is told: the record's type, why it was dropped, the event, and who owned the conversation."""

    type: str
    reason: str
    id: str
    kind: str
    at_ms: int
    text: str
    owner: str
    epoch: int


class Facts(NamedTuple):
    """What a conversation is known to be at the end. `opted_out`: the person wants nothing any more."""

    last_inbound_ms: int
    owner: str
    epoch: int
    name: str
    reply_to: str
    id_chat: str
    channel_id: str
    id_campaign: str
    opted_out: bool


class Truth(NamedTuple):
    """By (agent, conversation's key) what it is told, in order; by key the facts and the ids that are remembered."""

    told: dict[tuple[str, bytes], list[Told]]
    facts: dict[bytes, Facts]
    remembered: dict[bytes, list[str]]


class Heard(NamedTuple):
    """An event as it is read here. `said` is None where nothing can be said, `taken` True: a human has the chat."""

    id: str
    kind: str
    at_s: int
    text: str
    choice: str
    name: str
    taken: bool = False
    id_chat: str = ""
    channel_id: str = ""
    id_campaign: str = ""
    media: str = ""


def _line(event: Heard) -> str:
    """What a transcript has of it: up to 500 characters, media by their kind."""
    text = " ".join(filter(None, (f"[{event.media}]" if event.media else "", event.text))).strip()
    return text if len(text) <= 500 else text[:499] + "…"


class _Conversation:
    def __init__(self, owner: Tenant, did: str, person: str) -> None:
        self.tenant = owner
        self.did = did
        self.person = person
        self.seen: list[str] = []
        self.owner = "bot"
        self.epoch = 0
        self.last_inbound_ms = 0
        self.opted_out = False
        self.name = self.id_chat = self.channel_id = self.id_campaign = ""

    def facts(self) -> Facts:
        return Facts(
            self.last_inbound_ms,
            self.owner,
            self.epoch,
            self.name,
            self.person,
            self.id_chat,
            self.channel_id,
            self.id_campaign,
            self.opted_out,
        )

    def hear(self, event: Heard, received_ms: int) -> Iterable[tuple[str, Told]]:
        """(agent, what it is told) for each."""
        if event.id in self.seen[-RING:]:
            return
        self.seen.append(event.id)
        at_ms = min(event.at_s * 1000, received_ms)
        self._learn(event, at_ms)
        if event.taken and event.kind == "message" and self.owner == "bot":
            self._give_to("human")
            for tap in self.tenant.routing.also:
                yield tap, self._told(event, at_ms, id=f"{event.id}.handed_off", kind="handed_off", text="")
        if event.kind == "resumed":
            self._give_to("bot")
        elif self._opts_out(event.text):
            self.opted_out = True
        yield from self._route(event, at_ms)

    def _learn(self, event: Heard, at_ms: int) -> None:
        for name in ("name", "id_chat", "channel_id", "id_campaign"):
            setattr(self, name, getattr(event, name) or getattr(self, name))
        if event.kind == "message":
            self.last_inbound_ms = max(self.last_inbound_ms, at_ms)

    def _give_to(self, owner: str) -> None:
        self.owner, self.epoch = owner, self.epoch + 1

    def _opts_out(self, text: str) -> bool:
        listed = self.tenant.optout["words"]
        return any(words(text) == words(one) for group in dict(listed).values() for one in group)

    def _route(self, event: Heard, at_ms: int) -> Iterable[tuple[str, Told]]:
        agent = picked(self.tenant, self.did, event, self.owner)
        taps = [tap for tap in self.tenant.routing.also if tap != agent]
        heard = taps if self.owner == "human" else [agent, *taps]
        for one in heard:
            yield one, self._told(event, at_ms)
        if heard and agent not in heard and agent not in self.tenant.routing.also and event.kind == "message":
            yield agent, Told("said", "", "", "customer", at_ms, _line(event), "", 0)
        if not heard:
            yield agent, self._told(event, at_ms)._replace(type="dropped", reason="human_owns")

    def _told(self, event: Heard, at_ms: int, *, id: str = "", kind: str = "", text: str | None = None) -> Told:
        told = event.text if text is None else text
        return Told("event", "", id or event.id, kind or event.kind, at_ms, told, self.owner, self.epoch)


def picked(tenant: Tenant, did: str, event: Heard, owner: str) -> str:
    """The agent that the first rule names which holds."""
    return next((rule.to for rule in tenant.routing.route if _holds(rule.when, did, event, owner)), DEFAULT)


def _holds(when: When, did: str, event: Heard, owner: str) -> bool:
    return all(
        (
            not when.line or did in when.line,
            not when.kind or event.kind in when.kind,
            not when.owner or owner == when.owner,
            not when.choice or event.choice in when.choice,
            not when.keyword or any(_inside(words(keyword), words(event.text)) for keyword in when.keyword),
            not when.pattern or re.search(when.pattern, event.text[:256], re.IGNORECASE) is not None,
        )
    )


def compute(owners: Iterable[Tenant], sources: Iterable[Record]) -> Truth:
    """The truth of these records, read in this order."""
    lines = {line.did: owner for owner in owners for line in owner.lines}
    conversations: dict[bytes, _Conversation] = {}
    told: dict[tuple[str, bytes], list[Told]] = defaultdict(list)
    for record in sources:
        key = record.key or b""
        did, person = key.decode().split("|")
        conversation = conversations.setdefault(key, _Conversation(lines[did], did, person))
        received_ms = int(dict(record.headers)["at"])
        for agent, what in conversation.hear(heard(orjson.loads(record.value or b"")), received_ms):
            told[agent, key].append(what)
    facts = {key: one.facts() for key, one in conversations.items()}
    return Truth(dict(told), facts, {key: one.seen[-RING:] for key, one in conversations.items()})


def heard(body: dict[str, Any]) -> Heard:
    """The event of a body."""
    return _heard_cloud(body["entry"][0]["changes"][0]["value"]) if "entry" in body else _heard_flat(body)


def _heard_cloud(value: dict[str, Any]) -> Heard:
    message = value["messages"][0]
    kind = message["type"]
    content = message[kind]
    reply = content.get("button_reply", {})
    text = reply.get("title") or content.get("caption") or content.get("body", "")
    name = value["contacts"][0]["profile"]["name"]
    media = kind if "mime_type" in content else ""
    at_s = int(message["timestamp"])
    return Heard(message["id"], "message", at_s, text, reply.get("id", ""), name, media=media)


def _heard_flat(body: dict[str, Any]) -> Heard:
    back = body["type"] == "transfer"
    return Heard(
        str(body["id"]),
        "resumed" if back else "message",
        body["timestamp"],
        "" if back else body["content"],
        "",
        body["name"],
        body["stateAgent"] == "AGENT",
        str(body["idChat"]),
        str(body["channelId"]),
        body["idCampaign"],
    )


@lru_cache(maxsize=256)
def words(text: str) -> tuple[str, ...]:
    """The words of a text in small letters without accents."""
    letters = [letter for letter in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(letter) != "Mn"]
    return tuple(re.findall(r"\w+", "".join(letters)))


def _inside(wanted: tuple[str, ...], said: tuple[str, ...]) -> bool:
    return any(said[start : start + len(wanted)] == wanted for start in range(len(said) - len(wanted) + 1))
