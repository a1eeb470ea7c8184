"""Input: webhooks of several companies as ingress writes them to `inbound.conversations`, the same for the same seed.

Most are Cloud API bodies of some 900 bytes, one in ten is flat; every tenth event is delivered twice; people come and
go in random order; here and there a human takes a conversation over and gives it back. Leaves to `truth` what must
become of them, to a test that ingress would write the very same records.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.headers import Headers
from schemas.tenant import Account, Line, Routing, Rule, Tenant, When

AGENTS = ("menu", "orders", "support", "crm")
LINES = 3  # of each tenant
REPEATED = 0.1  # share of events that are delivered twice
FLAT = 0.1
_FEW = 4  # people of a line at least
_BEHIND = 300  # a repeat comes at most so many events later
_BABBLE = (
    "Hola, buenas tardes. Quisiera saber si tienen disponible el modelo que vi en la tienda la semana pasada, "
    "porque necesito dos unidades antes del viernes y me gustaría pagar con tarjeta y que lo envíen a domicilio. "
)
_AD = {
    "source_url": "https://fb.me/3cr4Wqqkv",
    "source_type": "ad",
    "headline": "Dos por uno en toda la tienda",
    "body": "Escríbenos y te contamos las condiciones de esta semana en nuestras tiendas de todo el país.",
    "media_type": "image",
    "image_url": "https://scontent.xx.fbcdn.net/v/t45.1600-4/438971111_120208261111111111_n.png",
}
_ROUTES: tuple[tuple[str, Routing], ...] = (
    (
        "acme",
        Routing(
            route=[
                Rule(to="support", when=When(keyword=["humano", "hablar con alguien", "asesor"])),
                Rule(to="orders", when=When(pattern=r"pedido\s+\d+")),
                Rule(to="orders", when=When(choice=["orders"])),
                Rule(to="menu"),
            ]
        ),
    ),
    ("boreal", Routing(route=[Rule(to="orders", when=When(keyword=["pedido"]))], also=["crm"])),
    (
        "cumbre",
        Routing(
            route=[
                Rule(to="support", when=When(line=["56930000002"], kind=["message"])),
                Rule(to="orders", when=When(choice=["orders"], owner="bot")),
            ]
        ),
    ),
    ("delta", Routing()),
)


class Input(NamedTuple):
    """What a run is fed. `events` counts the distinct ones; `sources` has the repeats, too."""

    tenants: tuple[Tenant, ...]
    sources: list[Record]
    events: int


class _Event(NamedTuple):
    tenant: str
    did: str
    person: str
    id: str
    body: dict[str, Any]
    format: str


def tenants() -> tuple[Tenant, ...]:
    """Four companies with three lines each, and routing of every kind."""
    return tuple(_tenant(number, name, routing) for number, (name, routing) in enumerate(_ROUTES, 1))


def _tenant(number: int, name: str, routing: Routing) -> Tenant:
    account = Account(service="bot", base="https://channels.example/bot", username=f"{name}@{name}", password="")
    lines = [Line(did=f"569{number}{line:07d}", sends="main", templates="main") for line in range(LINES)]
    words = {"es": ["baja", "no molestar"]} if number % 2 else []
    optout = {"words": words, "confirm": False}  # so that every message is an agent's
    return Tenant(tenant=name, accounts={"main": account}, lines=lines, routing=routing, optout=optout)


def make(events: int, people: int, at_ms: int, seed: int = 1, topic: str = topics.INBOUND_CONVERSATIONS.name) -> Input:
    """Input of so many distinct events of so many conversations, the last of them at `at_ms`."""
    owners = tenants()
    drawn = list(_drawn(random.Random(seed), owners, events, people, at_ms // 1000 - events // 100))
    records = [_record(event, at_ms, topic) for event in drawn]
    return Input(owners, list(_with_repeats(random.Random(seed), records)), events)


def of_records(records: int, each: int, at_ms: int) -> Input:
    """Input of so many source records, repeats among them, `each` of a conversation."""
    owners = tenants()
    people = max(records // each, _FEW * len(owners) * LINES)
    made = make(records, people, at_ms)
    return made._replace(sources=made.sources[:records])


def _drawn(
    chance: random.Random, owners: tuple[Tenant, ...], events: int, people: int, from_s: int
) -> Iterator[_Event]:
    for number in range(events):
        owner = owners[chance.randrange(len(owners))]
        line = owner.lines[chance.randrange(LINES)]
        person = f"569{chance.randrange(people // (len(owners) * LINES) + 1) + 50_000_000}"
        make_one = _flat if chance.random() < FLAT else _cloud
        id_, body, format_ = make_one(chance, line.did, person, number, from_s + number // 100)
        yield _Event(owner.tenant, line.did, person, id_, body, format_)


def _record(event: _Event, at_ms: int, topic: str) -> Record:
    headers = Headers(
        id=event.id,
        type="webhook",
        tenant=event.tenant,
        at_ms=at_ms,
        did=event.did,
        contact=event.person,
        format=event.format,
    )
    key = keys.conversation(event.did, event.person).encode()
    return Record(topic, orjson.dumps(event.body), key, tuple(headers.to_kafka()))


def _with_repeats(chance: random.Random, records: list[Record]) -> Iterator[Record]:
    """Every record, and some of them again a little later."""
    late: dict[int, list[Record]] = {}
    for place, record in enumerate(records):
        yield record
        yield from late.pop(place, ())
        if chance.random() < REPEATED:
            late.setdefault(place + chance.randrange(_BEHIND), []).append(record)
    for left in late.values():
        yield from left


def _cloud(chance: random.Random, did: str, person: str, number: int, at_s: int) -> tuple[str, dict[str, Any], str]:
    wamid = f"wamid.HBgLNTY5{number:08d}FQIAEhgU{chance.getrandbits(80):020X}AA=="
    message = {"from": person, "id": wamid, "timestamp": str(at_s), **_content(chance, number)}
    if chance.random() < 0.1:
        message["context"] = {"from": did, "id": f"wamid.HBgLNTY5{chance.getrandbits(96):024X}AA=="}
    if chance.random() < 0.25:
        message["referral"] = {
            **_AD,
            "source_id": str(chance.getrandbits(50)),
            "ctwa_clid": f"{chance.getrandbits(200):x}",
        }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": did, "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": f"María José {person[-4:]}"}, "wa_id": person}],
        "messages": [message],
    }
    entry = {"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}
    return wamid, {"object": "whatsapp_business_account", "entry": [entry]}, "cloud"


def _content(chance: random.Random, number: int) -> dict[str, Any]:
    draw = chance.random()
    if draw < 0.06:
        image = {
            "caption": "así quedó",
            "mime_type": "image/jpeg",
            "sha256": "q" * 44,
            "id": str(chance.getrandbits(50)),
        }
        return {"type": "image", "image": image}
    if draw < 0.12:
        reply = {"id": "orders" if number % 2 else "help", "title": "Mis pedidos"}
        return {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": reply}}
    return {"type": "text", "text": {"body": _words(chance, number)}}


def _words(chance: random.Random, number: int) -> str:
    draw = chance.random()
    if draw < 0.02:
        return "No molestar" if number % 7 == 0 else "¿Puedo hablar con un HUMANO, por favor?"
    said = (_BABBLE * 3)[: chance.randrange(20, 600)]
    return f"¿Dónde está mi pedido {number}? {said}" if draw < 0.12 else said


def _flat(chance: random.Random, did: str, person: str, number: int, at_s: int) -> tuple[str, dict[str, Any], str]:
    draw = chance.random()
    body = {
        "id": 1_000_000_000 + number,
        "idChat": 80_000_000 + int(person[-5:]),
        "chatType": "INBOUND",
        "did": did,
        "msisdn": person,
        "idUser": 0,
        "type": "transfer" if draw < 0.15 else "Text",
        "channel": "WHATSAPP",
        "channelId": 77,
        "channelProvider": "APICLOUDBSP",
        "content": "" if draw < 0.15 else _words(chance, number),
        "name": f"María José {person[-4:]}",
        "idCampaign": "9",
        "isAttachment": False,
        "attachment": None,
        "stateAgent": "AGENT" if 0.15 <= draw < 0.25 else "BOT",
        "timestamp": at_s,
    }
    return str(body["id"]), body, "flat"
