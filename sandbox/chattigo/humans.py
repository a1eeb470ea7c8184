"""Human agents at Chattigo's desk: they take a chat, say something, and give it back (Chattigo's facts, section
5).

On a flat line each is an event to the ISV, and on a client's own channel, which gets agents' answers; on a cloud line
nothing is sent unless a knob says so (Q14 has no documented form). While a human owns a chat its events carry
`stateAgent` AGENT.
"""

from sandbox.chattigo import flat
from sandbox.chattigo.delivery import Item, other
from sandbox.chattigo.envelope import metadata
from sandbox.chattigo.ledger import Human
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import person
from sandbox.chattigo.world import World


def take(world: World, did: str, contact: str) -> None:
    """A human owns the chat from now on; nothing is sent."""
    world.chat(did, contact)
    world.human.add((did, person(contact)))
    world.ledger.write(Human(did=did, contact=person(contact), action="take"))


def say(world: World, did: str, contact: str, text: str) -> str:
    """The human writes to the customer; the ISV gets the echo, whose id is returned (empty on a cloud line)."""
    world.ledger.write(Human(did=did, contact=person(contact), action="say", text=text))
    number = world.flat_id()
    return _tell(world, did, contact, number, flat.human_says(world.chat(did, contact), number, text), "human")


def give_back(world: World, did: str, contact: str) -> str:
    """The human closes the chat; the ISV's bot gets a `transfer`, whose id is returned (empty on a cloud line)."""
    world.ledger.write(Human(did=did, contact=person(contact), action="return"))
    number = world.flat_id()
    event = flat.given_back(world.chat(did, contact), number)
    world.close_chat(did, contact)
    return _tell(world, did, contact, number, event, "transfer")


def called(world: World, did: str, contact: str) -> None:
    """The bot handed the chat over; with the `auto` knob somebody answers and gives it back after a while."""
    take(world, did, contact)
    knobs = world.knobs.humans
    if knobs.auto:
        world.later(knobs.says_s, lambda: _answer(world, did, contact))
        world.later(knobs.returns_s, lambda: _return(world, did, contact))


def _answer(world: World, did: str, contact: str) -> None:
    if (did, person(contact)) in world.human:
        say(world, did, contact, "Hola, soy Marta, ¿en qué puedo ayudar?")


def _return(world: World, did: str, contact: str) -> None:
    if (did, person(contact)) in world.human:
        give_back(world, did, contact)


def _tell(world: World, did: str, contact: str, number: int, event: Json, origin: str) -> str:
    kind, knob = world.lines[did].kind, world.knobs.humans.cloud
    if kind == "cloud" and knob == "handover":
        world.post.put(other(world.lines[did], "messaging_handovers", _handover(world, did, contact, origin)))
    if kind == "cloud" and knob != "flat":
        return ""
    world.owe([Item("event", did, person(contact), str(number), event)], origin=origin)
    return str(number)


def _handover(world: World, did: str, contact: str, origin: str) -> Json:
    """The value of a change that says who owns the chat: an assumption."""
    owner = "bot" if origin == "transfer" else "human"
    chat = {"wa_id": contact, "owner": owner, "timestamp": str(world.now_ms() // 1000)}
    return {"messaging_product": "whatsapp", "metadata": metadata(world.lines[did]), "messaging_handovers": [chat]}
