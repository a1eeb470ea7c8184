"""Why: every way to ask leads to the same story, and no more is read than it needs."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.agents import service as agents_service
from processors.agents.agent import Agent
from processors.conversations import service as conversations_service
from relevo.cli.span import parsed
from relevo.why import reading
from relevo.why.find import find
from relevo.why.leads import Leads
from relevo.why.question import Place, Question
from relevo.why.reading import Reading, Scope
from relevo.why.seen import Seen, events, holds, needle
from relevo.why.trail import Fates, Trail
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings, ProcessorSettings
from schemas import keys
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Template
from schemas.tenant import Line, Routing, Rule
from tests.builders.conversations import NOW, posted, record, tenant, world
from tests.builders.log import Log
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value
from tests.builders.why import bot, egress, has, log, said, text


class InMemory(Reading):
    """Reads the log instead of Kafka."""

    def __init__(self, log: Log) -> None:
        super().__init__(KafkaSettings())
        self._log = log
        self.since: list[int] = []

    def record(self, place: Place) -> Seen | None:
        found = self._log.records.get(place.topic, [])
        return found[place.offset] if place.partition == 0 and place.offset < len(found) else None

    def leads(self, wanted: str, scope: Scope) -> Leads:
        found = Leads(wanted).read(filter(scope.holds, self._log.all()))
        return found.read_plans(self._log.records["egress.journal"])

    def trail(self, key: str, since_ms: int) -> Trail:
        self.since.append(since_ms)
        did, contact = keys.split(key, 2)
        return self._log.trail(did, contact)

    def fates(self, did: str, message_ids: Iterable[str], since_ms: int) -> Fates:
        self.since.append(since_ms)
        return Fates(message_ids).read(self._log.records["egress.journal"]).read(self._log.records["outcomes"])


def asked(one: Log, wanted: str, scope: Scope | None = None) -> list[str]:
    """What of an id is found: the ids of events, or of messages without one."""
    found = find(InMemory(one), Question.of(wanted), scope or Scope(), one.world.owner, clear=True)
    return [story.id or story.messages[0].id for story in found.stories] + [r.reason for r in found.rejected]


def test_every_way_to_ask_leads_to_the_same_story() -> None:
    one = log(also=["crm"])
    one.feed(said("human"))
    one.run()
    [(_, reply), (_, control)] = one.trail().sent
    egress(one, reply, "accepted")
    order = one.records["inbound.conversations"][1]
    for wanted in (
        "wamid.HOLA1", "wamid.HOLA1.handed_off", "inbound.conversations-0-0", "agents.bot:0:0", reply.id, control.id,
        "wamid.PROVIDER", "outbound.replies-0-0", "outbound.replies-0-1",
    ):  # fmt: skip
        assert asked(one, wanted) == ["wamid.HOLA1"], wanted
    assert asked(one, order.id) == asked(one, order.place) == [order.id]
    for nowhere in ("wamid.X", "inbound.conversations-0-99", "inbound.conversations-3-0"):
        assert asked(one, nowhere) == []


def test_a_record_of_several_events_tells_all_or_the_one_that_was_named() -> None:
    nameless_ones = [{k: v for k, v in cloud_text("b").items() if k != "id"} for _ in range(2)]
    one = log()
    one.feed(posted(cloud(cloud_value(messages=[cloud_text("a", wamid="w1"), *nameless_ones]))))
    one.run()
    place = "inbound.conversations-0-0"
    assert asked(one, place) == ["w1", place, f"{place}.1"]
    assert asked(one, f"{place}.1") == [f"{place}.1"]


def test_an_id_on_two_lines_has_two_stories_unless_one_is_named() -> None:
    lines = [Line(did=did, sends="main") for did in (LINE, "56911111112")]
    one = Log(world(tenant(lines=lines, routing=Routing(route=[Rule(to="bot")])), ("bot",)), bot=bot)
    values = [cloud_value(did=line.did, messages=[cloud_text(wamid="same")]) for line in lines]
    one.feed(*(posted(cloud(value), did=line.did) for line, value in zip(lines, values, strict=True)))
    one.run()
    assert asked(one, "same") == ["same", "same"]
    assert asked(one, "same", Scope("56911111112")) == ["same"]


def test_a_message_of_no_event_and_a_body_at_the_door_are_found_by_id_or_place() -> None:
    one = log()
    message = OutboundMessage(id="m1", tenant="acme", did=LINE, contact=PERSON, to=PERSON,
                              content=Template(name="t", language="es"))  # fmt: skip
    headers = Headers(id="m1", type="message", tenant="acme", at_ms=NOW, did=LINE, contact=PERSON)
    one.write(Record("outbound.templates", encode(message), b"m1", headers.to_kafka()))
    egress(one, message, "accepted", "read")
    one.write(Record("inbound.rejected", said().value, None, [("reason", b"unknown_secret")]))
    assert asked(one, "m1") == asked(one, "outbound.templates-0-0") == ["m1"]
    assert asked(one, "wamid.HOLA1") == asked(one, "inbound.rejected-0-0") == ["unknown_secret"]
    [story_] = find(InMemory(one), Question("m1"), Scope(), one.world.owner, clear=False).stories
    assert (story_.tenant, story_.contact, story_.messages[0].state) == ("acme", "…22", "read")
    has(text(story_), "a message without an event: tenant acme", "message m1: read")


def test_a_dead_letter_is_found_by_the_place_of_a_record_that_is_kept_no_longer() -> None:
    one = log()
    one.feed(record(b"\xff{", "webhook"))
    one.run()
    one.records["inbound.conversations"].clear()
    assert asked(one, "inbound.conversations-0-0") == ["inbound.conversations-0-0"]


def test_no_more_is_read_than_the_story_needs() -> None:
    one = log()
    one.feed(said())
    one.now_ms = NOW + 50_000_000
    one.run()
    look = InMemory(one)
    find(look, Question.of("wamid.HOLA1"), Scope(since_ms=NOW), one.world.owner, clear=False)
    assert look.since == [NOW, NOW + 50_000_000 - reading.CLOCKS_MS]
    old = InMemory(one)
    find(old, Question.of("inbound.conversations-0-0"), Scope(since_ms=NOW + 40_000_000), one.world.owner, clear=False)
    assert old.since[0] == NOW - reading.CLOCKS_MS, "a record that is named is older than what was asked for"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (" wamid.X ", Question("wamid.X")),
        ("wamid.X.handed_off", Question("wamid.X")),
        ("tenants-3-1234", Question("tenants-3-1234", Place("tenants", 3, 1234))),
        ("inbound.receipts-3-12.1", Question("inbound.receipts-3-12.1", Place("inbound.receipts", 3, 12))),
        ("agents.menu.dlq:0:7", Question("agents.menu.dlq:0:7", Place("agents.menu.dlq", 0, 7))),
        ("order-1-2", Question("order-1-2")),
        ("", Question("")),
    ],
)  # fmt: skip
def test_a_place_is_told_from_an_id(asked: str, expected: Question) -> None:
    assert Question.of(asked) == expected


@pytest.mark.parametrize(
    ("did", "contact", "key"),
    [
        ("+56 9 1111 1111", "56922222222", "56911111111|56922222222"),
        ("569", "+54 11 1234-5678", "569|5491112345678"),
        ("569", "US.1234abc", "569|US.1234abc"),
        ("569", "", ""),
        ("", "57", ""),
    ],
)
def test_a_scope_takes_numbers_as_people_write_them(did: str, contact: str, key: str) -> None:
    assert Scope.of(did, contact, 0).key == key


def seen(topic: str, key: str, **headers: bytes) -> Seen:
    return Seen(topic, 0, 0, 0, key.encode(), b"{}", headers)


@pytest.mark.parametrize(
    ("topic", "key", "within"),
    [
        ("inbound.conversations", "569|57", True),
        ("inbound.conversations.dlq", "569|58", False),
        ("inbound.conversations", "560|57", False),
        ("outcomes", "569", True),
        ("outcomes", "560", False),
        ("egress.journal", "569|plan", True),
        ("outbound.templates", "m1", True),
        ("inbound.rejected", "", True),
    ],
)
def test_a_scope_leaves_out_what_its_key_rules_out(topic: str, key: str, within: bool) -> None:
    assert Scope("569", "57").holds(seen(topic, key)) is within
    assert Scope().holds(seen(topic, key))


def test_the_groups_are_those_of_the_services() -> None:
    tenants = guard = cast(Any, SimpleNamespace(allows=lambda *_: True))
    agents, _ = agents_service.engine(KafkaSettings(), ProcessorSettings(), Agent("bot", bot), tenants, "0", guard)
    assert agents.app_id == reading._AGENTS_GROUP + "bot"
    assert conversations_service.APP_ID == reading._CONVERSATIONS_GROUP


# bytes


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(min_size=1, max_size=40))
def test_a_needle_is_a_part_of_its_id_that_no_encoder_changes(event_id: str) -> None:
    part = needle(event_id)
    assert part in event_id.encode()
    if any(c.isascii() and c.isalnum() for c in event_id):
        assert part.isalnum()
        assert part in msgspec.json.encode({"id": event_id})


def test_events_of_one_body_are_known_as_conversations_knows_them() -> None:
    values = [cloud_text("a", wamid="w1"), {k: v for k, v in cloud_text("b").items() if k != "id"},
              {k: v for k, v in cloud_text("c").items() if k != "id"}]  # fmt: skip
    one = log()
    one.feed(posted(cloud(cloud_value(messages=values))))
    one.run()
    [came] = one.records["inbound.conversations"]
    ids = list(events(came))
    assert ids == ["w1", "inbound.conversations-0-0", "inbound.conversations-0-0.1"]
    assert [r.id for r in one.records["agents.bot"]] == ids
    assert all(holds(came, one_id, needle(one_id)) for one_id in ids)


@pytest.mark.parametrize(
    ("written", "ms"), [("24h", 86_400_000), ("7d", 604_800_000), ("30 min", 1_800_000), ("90s", 90_000)]
)
def test_a_span_is_read_as_people_write_it(written: str, ms: int) -> None:
    assert parsed(written) == ms


@pytest.mark.parametrize("written", ["", "soon", "0h", "-1d", "1w", "1.5h"])
def test_what_is_no_span_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="write 24h"):
        parsed(written)
