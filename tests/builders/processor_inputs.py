"""What comes into the processors' model: webhooks in both formats by any key, orders, repeats, poison, letters."""

from __future__ import annotations

from typing import Any

import orjson

from runtime.kafka.record import Record
from schemas import inbound, keys, phone
from schemas.dead_letter import HEADERS as CAUSE
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Text
from tests.builders.conversations import SOURCE
from tests.builders.people import message, moved_to
from tests.builders.processor_world import LINES, POISON, ModelWorld, Person
from tests.builders.webhooks import flat

ORDERS = (
    inbound.Resume,
    inbound.Resume,
    inbound.HandOff,
    inbound.Close,
    inbound.Send,
    inbound.OptOut,
    inbound.OptIn,
    inbound.UpdateCrm,
)


class Inputs(ModelWorld):
    """Each writes records as ingress, the API and the command line would."""

    # What comes in.

    def post(self, person: Person, text: str, **more: Any) -> None:
        """A message by one of the person's keys."""
        self.ids += 1
        owner = self.owned[person.did]
        how = self.random.choice(["phone", "user", "both", "flat"])
        wamid = f"wamid.{self.ids}"
        said = f"{text}#{owner}/{person.name}"
        if how == "flat":
            state = self.random.choice(["BOT", "BOT", "BOT", "AGENT"])
            kind = {} if self.random.random() < 0.8 else {"chatType": "OUTBOUND"}
            body = flat(
                content=said, did=person.did, msisdn=person.number, id=wamid, name=owner, stateAgent=state, **kind
            )
            self._webhook(person, wamid, orjson.dumps(body), person.number)
            return
        sender = person.number if how != "user" else ""
        user = person.user if how != "phone" else ""
        body = message(wamid, said, sender=sender, user=user, did=person.did, timestamp=str(self.now_ms // 1000))
        raw = orjson.dumps(body).replace(b'"Ana"', orjson.dumps(owner))
        self._webhook(person, wamid, raw, sender or user)

    def writes_plainly(self, did: str, contact: str) -> str:
        """A message that its agent answers with nothing but words, by the phone alone; its id."""
        self.ids += 1
        wamid = f"wamid.{self.ids}"
        body = message(wamid, "hola", sender=contact, did=did, timestamp=str(self.now_ms // 1000))
        raw = orjson.dumps(body).replace(b'"Ana"', orjson.dumps(self.owned[did]))
        self._put_in(raw, "webhook", did, contact)
        return wamid

    def _webhook(self, person: Person, event_id: str, raw: bytes, contact: str) -> None:
        contact = phone.identity(contact)
        self.posted[event_id] = person
        person.recent = [*person.recent[-7:], (event_id, raw, contact, self.owned[person.did])]
        self._put_in(raw, "webhook", person.did, contact)

    def _put_in(self, raw: bytes, kind: str, did: str, contact: str, owner: str = "", id: str = "h") -> None:
        told = Headers(id=id, type=kind, tenant=owner or self.owned[did], at_ms=self.now_ms, did=did, contact=contact)
        self.write([Record(SOURCE, raw, keys.conversation(did, contact).encode(), told.to_kafka())])

    def again(self, person: Person) -> None:
        """The provider repeats a webhook."""
        if person.recent:
            _, raw, contact, owner = self.random.choice(person.recent)
            if owner == self.owned[person.did]:
                self._put_in(raw, "webhook", person.did, contact)

    def control(self, person: Person) -> None:
        """The chat is given back, or ends."""
        self.ids += 1
        action = self.random.choice(["transfer", "close", "timeout"])
        body = flat(action, "", did=person.did, msisdn=person.number, id=f"c{self.ids}", name=self.owned[person.did])
        self._put_in(orjson.dumps(body), "webhook", person.did, phone.identity(person.number))

    def changes_number(self, person: Person) -> None:
        self.ids += 1
        number = f"549116{self.ids:07}"
        raw = orjson.dumps(moved_to(number, f"wamid.{self.ids}", sender=person.number)).replace(
            b"56911111111", person.did.encode()
        )
        self._webhook(person, f"wamid.{self.ids}", raw, person.number)
        person.takes(number)

    def order(self, person: Person) -> None:
        """A command of the company's systems, for any form of the number, or the user id."""
        self.ids += 1
        kind: Any = self.random.choice(ORDERS)
        contact = self.random.choice([person.number, person.number.replace("549", "54", 1), person.user])
        owner = self.owned[person.did]
        fields: dict[str, Any] = {}
        if kind is inbound.UpdateCrm:
            fields["fields"] = {"a": 1}
        if kind is inbound.Send:
            fields["message"] = OutboundMessage(
                id=f"m{self.ids}", tenant=owner, did=person.did, contact=contact, to=contact,
                content=Text(body="x"), send_class="reply", cause="", agent="",
            )  # fmt: skip
        made = kind(
            id=f"o{self.ids}", tenant=owner, did=person.did, contact=contact, at_ms=self.now_ms, by="isv", **fields
        )
        self._put_in(encode(made), "command", person.did, contact, id=f"o{self.ids}")

    def erase(self, person: Person) -> None:
        """By all keys that the person ever had."""
        for contact in sorted(person.contacts):
            self.ids += 1
            made = inbound.Erase(
                id=f"o{self.ids}",
                tenant=self.owned[person.did],
                did=person.did,
                contact=contact,
                at_ms=self.now_ms,
                by="isv",
            )
            self._put_in(encode(made), "command", person.did, contact, id=f"o{self.ids}")

    def poison(self) -> None:
        self.ids += 1
        did = self.random.choice(LINES)
        raw, kind, owner = self.random.choice(POISON)
        at = f"x{self.ids}"
        self.asked[at] = kind
        self._put_in(raw, kind, did, self.random.choice(self.people).number, owner, id=at)

    def changes_hands(self) -> None:
        if not self.trades:
            return
        did = self.random.choice(LINES)
        self.owned[did] = "beta" if self.owned[did] == "acme" else "acme"
        self._assign()
        for person in self.people:
            if person.did == did:
                person.recent.clear()

    def put_back(self) -> None:
        """All dead letters, to where they came from."""
        letters, self.letters = self.letters, []
        for letter in letters:
            told = [one for one in letter.headers if one[0] not in CAUSE] + [("replay", b"run")]
            if dict(told).get("id", b"").startswith(b"x"):
                continue
            if letter.topic.startswith("agents"):
                self.forgiven.add(dict(told)["id"].decode())
            self.write([Record(letter.topic.removesuffix(".dlq"), letter.value, letter.key, told, letter.partition)])
