"""`relevo conversation`: how a conversation stands, and a person's orders to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import typer

from processors.conversations.world import Rules
from relevo.cli.console import err, fail, say, sure, who
from relevo.conversations import order as orders
from relevo.conversations.giving import give
from relevo.conversations.humans import found_of_humans
from relevo.conversations.known import Known, known
from relevo.conversations.order import Person
from relevo.conversations.standing import Standing, lines, owner, standing
from relevo.doubts import Directory
from relevo.tenants.store import standing_tenants
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, ProcessorSettings, load
from schemas.inbound import Close, Command, Erase, HandOff, OptIn, OptOut, Resume
from schemas.session import AnySendable, Template, Text

UNKNOWN = 1

app = typer.Typer(help="How a conversation stands, and orders to it.", no_args_is_help=True)

LineNumber = Annotated[str, typer.Argument(metavar="LINE", help="The business number.")]
Contact = Annotated[str, typer.Argument(metavar="CONTACT", help="The person's number, or user id.")]
OrderId = Annotated[str, typer.Option("--id", help="Of the order: the same id again is the same order.")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait until it is carried out.")]
Language = Annotated[str, typer.Option(help="Also: the conversation is in this language from now on.")]
Categories = Annotated[list[str] | None, typer.Option("--category", help="marketing, utility, reply, otp; else all.")]


Speaker = Literal["bot", "human"]


class Desk(NamedTuple):
    """Somebody on a line, and what is known: under the contact that was asked for, and of the conversation."""

    settings: KafkaSettings
    person: Person
    asked: Known
    belongs: Known

    @classmethod
    def at(cls, line: str, contact: str) -> Desk:
        settings = load(KafkaSettings)
        person = Person.of(line, contact, Directory(standing_tenants(settings, _broken)).owner)
        return cls(settings, person, *known(settings, person.did, person.contact))

    def stands(self, *, clear: bool = False) -> Standing:
        alias = self.belongs.contact if self.belongs is not self.asked else ""
        rules = Rules.of(load(ProcessorSettings))
        return standing(self.person, self.belongs.state, rules, alias_of=alias, clear=clear)

    def knows(self, given: str) -> bool:
        """Whether an order with this id was carried out."""
        return bool(given) and self.belongs.state is not None and self.belongs.state.knows(given)

    def give(self, kind: type[Command], given: str, within_s: float, language: str = "", **fields: Any) -> None:
        command = orders.order(kind, self.person, given=given, by=_by(), now_ms=now_ms(), language=language, **fields)
        self.carry_out(command, within_s)

    def carry_out(self, command: Command, within_s: float) -> None:
        """Write the order, wait for it, and say how the conversation stands then."""
        done = give(self.settings, command, self.asked, self.belongs, within_s)
        if not done.carried_out:
            fail(
                f"the order stands as {done.place}, but was not carried out within {within_s:g} s: conversations does "
                f"not run (relevo serve conversations), or has much to do. It needs no second one; its id: {command.id}"
            )
        said = "carried out" if done.place else "carried out before, so nothing new comes of it"
        say(f"{said}: {owner(self.stands())}; see: relevo why {command.id}")


def _by() -> str:
    """Who gives the order; never the name of an agent, for what an agent orders it is not told."""
    return f"person:{who()}"


def _broken(name: str, why: str) -> None:
    err.print(f"tenant {name}: its newest record cannot be read: {why}", style="yellow", markup=False)


@app.command()
def show(
    line: LineNumber,
    contact: Contact,
    contacts: Annotated[bool, typer.Option("--contacts", help="Also names and numbers of people.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Owner, window, language, opt-outs, and what else is known. Exit code 1 when nothing is."""
    stands = Desk.at(line, contact).stands(clear=contacts)
    if as_json:
        sys.stdout.write(msgspec.json.encode(msgspec.structs.asdict(stands)).decode() + "\n")
    else:
        for text in lines(stands, now_ms()):
            say(text)
    if stands.state == "unknown":
        raise typer.Exit(UNKNOWN)


@app.command()
def ls(
    owner_: Annotated[Literal["human"], typer.Option("--owner", help="Whose: a human's.")] = "human",
    tenant: Annotated[str, typer.Option(help="Of this tenant alone.")] = "",
    contacts: Annotated[bool, typer.Option("--contacts", help="Also numbers of people.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object each.")] = False,
) -> None:
    """Conversations that humans own, who waits for an answer for longest first. Reads all that is known."""
    del owner_
    for one in found_of_humans(load(KafkaSettings), tenant, clear=contacts):
        said = msgspec.json.encode(msgspec.structs.asdict(one)).decode() if as_json else one.told(now_ms())
        sys.stdout.write(said + "\n")


@app.command()
def resume(line: LineNumber, contact: Contact, id_: OrderId = "", wait: Wait = 15, language: Language = "") -> None:
    """Give the conversation back to the bot; its agent is told."""
    Desk.at(line, contact).give(Resume, id_, wait, language)


@app.command()
def handoff(
    line: LineNumber,
    contact: Contact,
    group: Annotated[str, typer.Option(help="The group's code; API Bot accounts alone have groups.")] = "",
    note: Annotated[str, typer.Option(help="For the human; the taps are told.")] = "",
    text: Annotated[str, typer.Option(help="Said to the person.")] = "",
    id_: OrderId = "",
    wait: Wait = 15,
    language: Language = "",
) -> None:
    """Give the conversation to a human; the bot is silent from then on."""
    Desk.at(line, contact).give(HandOff, id_, wait, language, group=group, note=note, text=text)


@app.command()
def close(line: LineNumber, contact: Contact, id_: OrderId = "", wait: Wait = 15, language: Language = "") -> None:
    """End the chat; the bot has the conversation."""
    Desk.at(line, contact).give(Close, id_, wait, language)


@app.command()
def optout(
    line: LineNumber,
    contact: Contact,
    category: Categories = None,
    why: Annotated[str, typer.Option(help="Goes on record.")] = "",
    id_: OrderId = "",
    wait: Wait = 15,
) -> None:
    """Send the person no more of these on this line."""
    Desk.at(line, contact).give(OptOut, id_, wait, categories=category or [], why=why)


@app.command()
def optin(line: LineNumber, contact: Contact, category: Categories = None, id_: OrderId = "", wait: Wait = 15) -> None:
    """Send the person these again."""
    Desk.at(line, contact).give(OptIn, id_, wait, categories=category or [])


@app.command()
def erase(
    line: LineNumber,
    contact: Contact,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    id_: OrderId = "",
    wait: Wait = 15,
) -> None:
    """Forget the person on this line: what is known, and what agents remember. Cannot be undone; an opt-out stays."""
    desk = Desk.at(line, contact)
    sure("the person would be forgotten", "forget the person", yes=yes)
    desk.give(Erase, id_, wait)


@app.command()
def send(
    line: LineNumber,
    contact: Contact,
    text: Annotated[str, typer.Option(help="Plain text.")] = "",
    content: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Anything that can be said, as JSON.")
    ] = None,
    template: Annotated[str, typer.Option(metavar="NAME/LANGUAGE", help="One of the tenant's templates.")] = "",
    fallback: Annotated[str, typer.Option(metavar="NAME/LANGUAGE", help="Sent if the window is closed.")] = "",
    body: Annotated[list[str] | None, typer.Option(help="The template's body parameters, in order.")] = None,
    header: Annotated[str, typer.Option(help="The template's header parameter.")] = "",
    button: Annotated[list[str] | None, typer.Option(help="The parameters of its buttons, in order.")] = None,
    speaker: Annotated[Speaker, typer.Option("--as", help="As human: they are a human's words, who takes it.")] = "bot",
    id_: OrderId = "",
    wait: Wait = 15,
) -> None:
    """Say something to the person, in its place among what the conversation hears. A free form needs an open window."""
    if (bool(text) + (content is not None) + bool(template)) != 1 or (template and fallback):
        fail("one of --text, --content and --template; --fallback goes with the first two", 2)
    desk = Desk.at(line, contact)
    named = template or fallback
    made = orders.template(desk.person.tenant, named, body or [], header, button or []) if named else None
    said: AnySendable = (
        made if template and made else orders.content(content.read_bytes()) if content else Text(body=text)
    )
    second = made if fallback else None
    if not desk.knows(id_):
        _check_window(desk.stands(), said, second)
    order = orders.send(desk.person, said, given=id_, by=_by(), now_ms=now_ms(), who=speaker, fallback=second)
    desk.carry_out(order, wait)
    say(f"message {order.message.id}")


def _check_window(stands: Standing, said: AnySendable, fallback: Template | None) -> None:
    if not isinstance(said, Template) and fallback is None and stands.window_expires_ms <= now_ms():
        fail(
            "no window is open, so it would be refused; nothing was sent. Give a --fallback, or send a --template; "
            "see: relevo conversation show"
        )
