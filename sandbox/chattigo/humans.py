"""Human agents at Chattigo's desk: they take a chat, say something, and give it back (Chattigo's facts, section
5).

On a flat line each is an event to the ISV; on a cloud line nothing is sent (Q14 has no documented form). While a
human owns a chat its events carry `stateAgent` AGENT.
"""

from sandbox.chattigo import flat
from sandbox.chattigo.delivery import Item
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
    if world.lines[did].kind != "flat":
        return ""
    world.owe([Item("event", did, person(contact), str(number), event)], origin=origin)
    return str(number)
