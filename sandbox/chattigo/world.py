"""The state of the simulated Chattigo: lines, addresses, windows, chats, and what it owes to the ISV.

Promises: what must outlive a kill is in the ledger first, and is read back from there (addresses, windows, dead
tokens). Leaves to the services: answering calls; to `delivery`: getting webhooks out.
"""

import base64
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from sandbox.chattigo import envelope, flat, receipts
from sandbox.chattigo.config import Account, Config, Line
from sandbox.chattigo.delivery import Deliverer, Item, Parcel
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.faults import Script
from sandbox.chattigo.ledger import Call, Control, Event, Expired, Human, Ledger, Receipt, Recipient, Registration
from sandbox.chattigo.limits import RATES, Limiter
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import person, wa_id
from sandbox.chattigo.tokens import Tokens

WINDOW_MS = 24 * 3600 * 1000
_STRIDE = 123_456_791  # coprime with 900 million, so that nine-digit ids look random and never repeat


class Sent(NamedTuple):
    """A send that was accepted, as its receipts need it. `forms`: which receipts (`flat`, `cloud`); `wait_s`: what it
    stands in a queue before it goes."""

    did: str
    to: str
    wamid: str
    client_id: str | int | None
    forms: tuple[Literal["cloud", "flat"], ...]
    category: str = "service"
    opaque: str | None = None
    code: int | None = None
    wait_s: float = 0.0


class World:
    """Everything that the routes share. `clock` gives seconds since 1970."""

    def __init__(self, config: Config, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self.config = config.check()
        self.knobs = config.knobs
        self.dice = Dice(config.seed)
        self.ledger = ledger
        self.clock = clock
        self.lines: dict[str, Line] = {line.did: line for line in config.lines}
        self.templates = {(one.name, one.language): one for one in config.templates}
        self.tokens = Tokens(self.dice.digest("token secret", size=64))
        self.faults = Script()
        self.limiter = Limiter(self.knobs, self.dice)
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
            if event.origin == "customer":
                self._windows[event.did, event.contact] = event.at_ms
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
        if target == "notifications":
            return self.urls.get((did, "notifications")) or self._first_url(did)
        return self.urls.get((did, target))

    def _first_url(self, did: str) -> str | None:
        return self.urls.get((did, self._targets(did)[0]))

    def _targets(self, did: str) -> tuple[str, ...]:
        """Which registrations get customers' messages (Q22); a flat line has only its own address."""
        knob = self.knobs.webhooks.customer_messages
        if knob == "inbound" or self.lines[did].kind == "flat":
            return ("inbound",)
        return ("outbound",) if knob == "outbound" else ("inbound", "outbound")

    def register(self, did: str, kind: str, url: str) -> None:
        """The last writer wins."""
        self.urls[did, kind] = url

    # windows and chats

    def window_open(self, did: str, contact: str) -> bool:
        """Whether the customer wrote within 24 h."""
        return self.now_ms() - self._windows.get((did, person(contact)), -WINDOW_MS) < WINDOW_MS

    def opened(self, did: str, contact: str) -> None:
        """The customer writes now."""
        self._windows[did, person(contact)] = self.now_ms()

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
        self.ledger.write(*(_event(item, origin, "cloud" if cloud else "flat") for item in items))
        for target in self._targets(first.did):
            for group in [tuple(items)] if cloud else [(item,) for item in items]:
                self.post.put(Parcel(group, target))

    def later(self, seconds: float, action: Callable[[], None]) -> None:
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

    def promise_receipts(self, sent: Sent) -> None:
        """Schedule the receipts of an accepted send."""
        for step in receipts.plan(sent.wamid, self.knobs.receipts, self.dice, sent.code):
            for form in sent.forms:
                self.later(sent.wait_s + step.after_s, lambda step=step, form=form: self._receipt(sent, step, form))  # type: ignore[misc]

    def _receipt(self, sent: Sent, step: receipts.Step, form: Literal["cloud", "flat"]) -> None:
        error = receipts.error(step.code) if step.code is not None else None
        contact = person(sent.to)
        if form == "cloud":
            known: str | int | None = sent.wamid
            who = wa_id(sent.to, self.knobs.number_forms)
            payload = envelope.status(
                sent.wamid, step.state, who, self.now_ms() // 1000, category=sent.category, error=error
            )
            if sent.opaque is not None and self.knobs.opaque == "echo":
                payload["biz_opaque_callback_data"] = sent.opaque
        else:
            known = sent.client_id
            payload = flat.notification(step.state, sent.did, sent.to, known, error)
        self.notify(payload, form, sent.did, contact, known, step, sent.wamid)

    def notify(
        self, payload: Json, form: str, did: str, contact: str, known: Any, step: receipts.Step, wamid: str
    ) -> None:
        """Write down a receipt and send it, unless the knob loses it."""
        key = f"{'' if known is None else known}:{step.state}"
        self.ledger.write(
            Receipt(
                receipt=key,
                did=did,
                contact=contact,
                wamid=wamid,
                id=None if known is None else str(known),
                state=step.state,
                format=form,
                code=step.code,
                lost=step.lost,
            )
        )
        if not step.lost:
            kind: Literal["status", "notification"] = "status" if form == "cloud" else "notification"
            self.post.put(Parcel((Item(kind, did, contact, key, payload),), "notifications"))

    def last_template(self, did: str, contact: str) -> Recipient | None:
        """The most recent template that was accepted for this person."""
        for entry in reversed(self.ledger.of(Recipient)):
            if (entry.did, entry.contact) == (did, person(contact)):
                return entry
        return None


def _event(item: Item, origin: str, form: str) -> Event:
    kind = str(item.payload.get("type", ""))
    name = item.card["profile"]["name"] if item.card else item.payload.get("name", "")
    who = {"did": item.did, "contact": item.contact, "name": name}
    return Event(event=item.key, kind=kind, format=form, origin=origin, body=item.payload, **who)
