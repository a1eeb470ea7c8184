"""Why: whatever is asked for, an id of any kind leads to its conversation."""

from __future__ import annotations

import msgspec

from relevo.why import show
from relevo.why.find import Rejected
from relevo.why.leads import Lead, Leads
from relevo.why.messages import nameless
from runtime.kafka.record import Record
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Template
from tests.builders.conversations import NOW, record
from tests.builders.log import Log
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value
from tests.builders.why import KEY, egress, has, log, said


def leads(one: Log, wanted: str) -> Leads:
    return Leads(wanted).read(one.all())


def test_every_kind_of_id_leads_to_its_conversation() -> None:
    one = log()
    one.feed(said(), said("raise", "wamid.OTHER"), record(b"\xff{", "webhook"))
    one.run()
    [(_, message)] = one.trail().sent
    egress(one, message, "accepted")
    assert list(leads(one, "wamid.HOLA1").found) == [Lead(KEY)]
    assert list(leads(one, message.id).found) == [Lead(KEY, message.id)]
    assert list(leads(one, "inbound.conversations-0-2").found) == [Lead(KEY)]
    by_provider = leads(one, "wamid.PROVIDER")
    assert (list(by_provider.found), by_provider.plans) == ([], {"p1": 0})
    assert list(by_provider.read_plans(one.records["egress.journal"]).found) == [Lead(KEY, message.id)]
    assert not leads(one, "wamid.NOBODY").found
    assert not leads(one, "wamid.HOLA").found, "a part of an id is not the id"


def test_an_id_is_found_however_a_body_escapes_its_signs() -> None:
    plain = msgspec.json.encode(cloud(cloud_value(messages=[cloud_text(wamid="wamid.AB/CD+EF==")])))
    escaped = plain.replace(b"wamid.AB/CD+EF==", b"wamid.AB\\/CD\\u002bEF\\u003d=")
    assert escaped != plain
    one = log()
    one.feed(record(escaped, "webhook"))
    assert list(leads(one, "wamid.AB/CD+EF==").found) == [Lead(KEY)]


def test_a_body_that_was_kept_at_the_door_is_found() -> None:
    one = log()
    headers = Headers(id="", type="rejected", tenant="acme", at_ms=NOW).to_kafka()
    one.write(Record("inbound.rejected", said().value, None, [*headers, ("reason", b"unknown_secret")]))
    assert [r.place for r in leads(one, "wamid.HOLA1").rejected] == ["inbound.rejected-0-0"]
    assert not leads(one, "wamid.HOLA2").rejected
    has(show.rejected(Rejected(address="inbound.rejected:0:0", reason="unknown_secret", tenant="", at_ms=NOW)),
        "kept at the door and never processed: unknown_secret, 20", "relevo dlq show inbound.rejected:0:0")  # fmt: skip


def test_what_cannot_be_read_leads_nowhere() -> None:
    one = log()
    for topic in ("outbound.replies", "outcomes", "egress.journal", "inbound.rejected", "inbound.conversations"):
        one.write(Record(topic, b'{"MSG', KEY.encode(), [("id", b"MSG"), ("type", b"webhook")]))
        one.write(Record(topic, None, KEY.encode(), [("id", b"MSG")]))
    assert list(leads(one, "MSG").found) == [Lead(KEY)], "the tombstone of an order, which its header names"


def test_a_message_outside_a_conversation_is_told_by_what_egress_says() -> None:
    one = log()
    message = OutboundMessage(id="m1", tenant="acme", did=LINE, contact=PERSON, to=PERSON,
                              content=Template(name="t", language="es"))  # fmt: skip
    headers = Headers(id="m1", type="message", tenant="acme", at_ms=NOW, did=LINE, contact=PERSON)
    one.write(Record("outbound.templates", encode(message), b"m1", headers.to_kafka()))
    fates = egress(one, message, "accepted", "read")
    assert list(leads(one, "m1").found) == [Lead(KEY, "m1")]
    assert [sent.id for _, sent in one.trail().sent] == ["m1"]
    found = nameless("m1", fates, one.trail())
    assert (found.state, found.kind) == ("read", "")
