"""The state of the simulated Chattigo: lines, addresses, windows, chats, and what it owes to the ISV.

Promises: what must outlive a kill is in the ledger first, and is read back from there (addresses, windows, dead
tokens). Leaves to the services: answering calls; to `delivery`: getting webhooks out.
"""

import base64
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from sandbox.chattigo import flat, profiles
from sandbox.chattigo.chances import Chances
from sandbox.chattigo.config import Account, Config, Line
from sandbox.chattigo.delivery import Deliverer, Item, Parcel
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.faults import Script
from sandbox.chattigo.knobs import own
from sandbox.chattigo.ledger import Call, Control, Event, Expired, Human, Ledger, Registration, TemplateChange
from sandbox.chattigo.limits import RATES, Limiter
from sandbox.chattigo.numbers import person
from sandbox.chattigo.repeats import Repeats
from sandbox.chattigo.templates import Template, Templates
from sandbox.chattigo.tokens import Tokens

WINDOW_MS = 24 * 3600 * 1000
_STRIDE = 123_456_791  # coprime with 900 million, so that nine-digit ids look random and never repeat


class Sent(NamedTuple):
    """A send that was accepted, as its receipts need it. `forms`: which receipts (`flat`, `cloud`); `wait_s`: what it
    stands in a queue before it goes; `untold`: its delivery and reading are not told, as those of a reaction."""

    did: str
    to: str
    wamid: str
    client_id: str | int | None
    forms: tuple[Literal["cloud", "flat"], ...]
    category: str = "service"
    opaque: str | None = None
    code: int | None = None
    wait_s: float = 0.0
    untold: bool = False


class World:
    """Everything that the routes share. `clock` gives seconds since 1970."""

    def __init__(self, config: Config, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self.config = config.check()
        self.knobs = config.knobs
        self.always = own(config.knobs) if config.own is None else config.own
        if config.profile:
            profiles.apply(self.knobs, profiles.load(config.profile), self.always)
        self.profile = config.profile
        self.base_url = ""
        self.dice = Dice(config.seed)
        self.ledger = ledger
        self.clock = clock
        self.lines: dict[str, Line] = {line.did: line for line in config.lines}
        self.templates = Templates(config.templates)
        self.tokens = Tokens(self.dice.digest("token secret", size=64))
        self.faults = Script()
        self.limiter = Limiter(self.knobs, self.dice)
        self.chances = Chances(self.knobs, self.dice)
        self.repeats = Repeats(ledger)
        self.media: dict[str, str] = {}
        self._phones: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self.urls: dict[tuple[str, str], str] = {}
        self.human: set[tuple[str, str]] = set()
        self._closed: Counter[tuple[str, str]] = Counter()
        self._windows: dict[tuple[str, str], int] = {}
        self._ids = sum(ledger.counts[kind] for kind in ("event", "message", "recipient"))
        self._ids += ledger.counts["run"] * 1_000_000  # clear of ids that a killed run drew and never wrote
        self.calls = max((call.call for call in ledger.of(Call)), default=0)
        self._scheduled = 0
        self.post = Deliverer(self.knobs, self.dice, ledger, self.lines, self.url)
        self._recover()

    def _recover(self) -> None:
        for line in self.config.lines:
            if line.webhook:
                self.urls[line.did, "inbound"] = line.webhook
            if line.notifications:
                self.urls[line.did, "notifications"] = line.notifications
        for entry in self.ledger.of(Registration):
            self.urls[entry.did, entry.kind] = entry.url
        for event in self.ledger.of(Event):
            if event.phone:
                self._phones[event.contact] = event.phone
            if event.name and event.origin == "customer":
                self._names[self.who(event.contact)] = event.name
            if event.origin == "customer":
                self._windows[event.did, self.who(event.contact)] = event.at_ms
        for change in self.ledger.of(TemplateChange):
            self.templates.put(msgspec.convert(change.template, Template))
        for dead in self.ledger.of(Expired):
            self.tokens.expire(dead.service, dead.account, dead.at_ms)
        for chat in self.ledger.entries:
            if isinstance(chat, Human) and chat.action == "take":
                self.human.add((chat.did, chat.contact))
            elif (isinstance(chat, Human) and chat.action == "return") or (
                isinstance(chat, Control) and chat.kind in ("close", "timeout")
            ):
                self.close_chat(chat.did, chat.contact)

    # time, ids

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.clock() * 1000)

    def wamid(self, did: str, contact: str) -> str:
        """A new WhatsApp message id."""
        self._ids += 1
        raw = b"\x1d\x07" + contact.encode() + self.dice.digest("wamid", did, contact, self._ids, size=12)
        return "wamid." + base64.b64encode(raw).decode()

    def flat_id(self) -> int:
        """A new nine-digit event id."""
        self._ids += 1
        return 100_000_000 + (self.dice.seed + self._ids * _STRIDE) % 900_000_000

    # accounts and addresses

    def account(self, service: str, username: str) -> Account | None:
        """The account with this login."""
        for account in self.config.accounts:
            if (account.service, account.username) == (service, username):
                return account
        return None

    def url(self, did: str, target: str) -> str | None:
        """The address of a did for `inbound`, `outbound`, or `notifications` (receipts; without its own the
        messages').
        """
        if target != "notifications":
            return self.urls.get((did, target))
        knob = self.knobs.webhooks.receipts
        first = self._targets(did)[0] if knob == "messages" or self.lines[did].kind != "cloud" else knob
        return self.urls.get((did, "notifications")) or self.urls.get((did, first))

    def _targets(self, did: str) -> tuple[str, ...]:
        """Which registrations get customers' messages (Q22); any other than a cloud line has only its own address."""
        knob = self.knobs.webhooks.customer_messages
        if knob == "inbound" or self.lines[did].kind != "cloud":
            return ("inbound",)
        return ("outbound",) if knob == "outbound" else ("inbound", "outbound")

    def register(self, did: str, kind: str, url: str) -> None:
        """The last writer wins."""
        self.urls[did, kind] = url

    # people, windows and chats

    def hides(self, user_id: str, phone: str) -> None:
        """This id names who has that number."""
        self._phones[user_id] = person(phone)

    def who(self, address: str) -> str:
        """One text for a person, by whichever number or id."""
        return self._phones.get(address) or person(address)

    def name(self, address: str) -> str:
        """What a person is called, who has written; else empty."""
        return self._names.get(self.who(address), "")

    def window_open(self, did: str, contact: str) -> bool:
        """Whether the customer wrote within 24 h."""
        return self.now_ms() - self._windows.get((did, self.who(contact)), -WINDOW_MS) < WINDOW_MS

    def opened(self, did: str, contact: str) -> None:
        """The customer writes now."""
        self._windows[did, self.who(contact)] = self.now_ms()

    def chat(self, did: str, contact: str, name: str = "") -> flat.Chat:
        """What flat events say about this conversation."""
        who, line = person(contact), self.lines[did]
        number = self.dice.number((10**8, 10**9 - 1), "chat", did, who, self._closed[did, who])
        state = "AGENT" if (did, who) in self.human else "BOT"
        return flat.Chat(number, did, contact, name, line.channel_id, line.id_campaign, state)

    def close_chat(self, did: str, contact: str) -> None:
        """The bot has the next word again, in a chat with a new id."""
        self.human.discard((did, person(contact)))
        self._closed[did, person(contact)] += 1

    # what is owed

    @property
    def pending(self) -> int:
        """Receipts that are not due yet plus parcels that are not delivered yet."""
        return self._scheduled + self.post.pending

    def owe(self, items: list[Item], *, origin: str) -> None:
        """Events for the ISV that leave in one POST (flat: one each); the ledger has them first."""
        first = items[0]
        cloud = first.kind == "message"
        self.ledger.write(*(self._event(item, origin, "cloud" if cloud else "flat") for item in items))
        for target in self._targets(first.did):
            for group in [tuple(items)] if cloud else [(item,) for item in items]:
                self.post.put(Parcel(group, target))

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do it after a while; counted in `pending` until then."""
        self._scheduled += 1

        def due() -> None:
            self._scheduled -= 1
            action()

        self.post.after(seconds, due)

    def fated(self, sent: Sent) -> Sent:
        """The send with what the limits make of it: a code that it fails with, and how long it waits in the queue."""
        fate = self.limiter.send(sent.did, sent.to, sent.category, self.clock())
        return sent._replace(code=fate.code or sent.code, wait_s=fate.wait_s)

    def refuses(self, sent: Sent) -> bool:
        """Whether a limit of WhatsApp is told in the answer to a single message, and not by a receipt."""
        return self.knobs.limits.answer == "error" and sent.code in RATES

    def _event(self, item: Item, origin: str, form: str) -> Event:
        kind, phone = str(item.payload.get("type", "")), self._phones.get(item.contact, "")
        name = item.card["profile"]["name"] if item.card else item.payload.get("name", "")
        who = {"did": item.did, "contact": item.contact, "phone": phone, "name": name}
        if name and origin == "customer":
            self._names[self.who(item.contact)] = name
        return Event(event=item.key, kind=kind, format=form, origin=origin, body=item.payload, **who)
