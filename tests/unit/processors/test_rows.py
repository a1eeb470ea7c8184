"""Every row of Chattigo's facts, 2.2 and 2.3, arrives at an agent: the page is read, and a row without example fails.

The way is the whole one: the webhook's bytes, ingress' plan, the conversations' core, the agent's record, the agent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from ingress.webhooks.plan import Request, plan_request
from processors.agents.agent import Agent
from processors.agents.builtin.echo import echo
from processors.agents.memory import Memory
from processors.agents.step import Scene, step
from relevo import Actions, Conversation, InboundEvent, Reply
from relevo.testing import Chat
from runtime.tenants import Grant
from schemas import content as c
from tests.builders import rows
from tests.builders.conversations import NOW, Conversations, Source, Told
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_value, flat

PAGE = (Path(__file__).parents[3] / "docs" / "chattigo.md").read_text("utf-8")
GRANT = Grant("digest", "acme", frozenset({LINE}))
BSUID = "CL.1234567890abcdef"
Json = dict[str, Any]


def section(number: str) -> str:
    return PAGE.split(f"### {number} ")[1].split("\n### ")[0]


def table(number: str) -> list[list[str]]:
    """The cells of a section's only table, without its head."""
    lines = [line for line in section(number).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names(text: str) -> list[str]:
    """What stands between backticks: `caption?` is caption, `text.body` is body; `"true"` is a value and no name."""
    found = [name.strip("?[]").rpartition(".")[2] for name in re.findall(r"`([^`]+)`", text)]
    return [name for name in found if name.isidentifier()]


def paragraph(begin: str) -> str:
    """From these words to the end of the sentence's paragraph."""
    return section("2.2").split(begin)[1].split("\n\n")[0].split("\n|")[0]


CLOUD_ROWS = {names(row[0])[0]: names(row[1]) for row in table("2.2")}
FLAT_ROWS = {name: row[1] for row in table("2.3") for name in names(row[0])}
COMMON_NAMES = names(paragraph("Common: ")) + names(paragraph("\n`referral`: "))


def posted(body: Any) -> tuple[Told, ...]:
    """What agents are told because of a webhook's bytes."""
    verdict = plan_request(Request(orjson.dumps(body), GRANT, NOW), 64)
    conversations = Conversations()
    for record in verdict.records:
        assert record.topic == "inbound.conversations", dict(record.headers)
        conversations.feed(Source(record.value, record.key, list(record.headers)))
    assert conversations.letters() == []
    return _through_an_agent(conversations)


def _through_an_agent(conversations: Conversations) -> tuple[Told, ...]:
    """The same, with each event as the agent's function got it."""
    got: list[InboundEvent] = []

    async def listens(conversation: Conversation, event: InboundEvent) -> Actions:
        assert (conversation.did, conversation.contact) == (event.did, event.contact)
        got.append(event)
        yield Reply.text("ok")

    scene = Scene(Agent("menu", listens), lambda _: {}, 4)
    for record in conversations.outputs:
        source = Source(record.value, record.key, list(record.headers), topic=record.topic)
        asyncio.run(step(scene, source, Memory(), NOW))
    told = [one for one in conversations.told("menu") if one.kind in ("event", "dropped")]
    assert [one.event for one in told if one.kind == "event"] == got
    return tuple(told)


def one(body: Any) -> Told:
    (told,) = posted(body)
    return told


def said(kind: str, fields: Json, **message: Any) -> Told:
    value = cloud_value(messages=[{**rows.message(kind, fields), **message}])
    return one(cloud(value))


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that holds no others, with the name under which it stands."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from leaves(inner, name)
        case list():
            for inner in value:
                yield from leaves(inner, key)
        case _:
            yield key, value


def arrived(event: InboundEvent, example: Json) -> None:
    """Every leaf of the example is in the event: a flag under its own name, anything else by its value."""
    there = list(leaves(msgspec.to_builtins(event)))
    values = [value for _, value in there]
    for name, value in leaves(example):
        found = (name, True) in there if value is True else value in values
        assert found, f"{name}: {value!r} did not arrive"


def mentioned(examples: list[Json]) -> set[str]:
    """All names, and all values that are words, of examples."""
    text = orjson.dumps(examples).decode()
    return set(re.findall(r'"(\w+)"', text))


@pytest.mark.parametrize("kind", CLOUD_ROWS)
def test_every_row_of_2_2_has_examples_with_all_of_its_fields(kind: str) -> None:
    examples = rows.CLOUD[kind]
    assert set(CLOUD_ROWS[kind]) - mentioned(examples) == set()


def test_no_row_was_missed() -> None:
    assert set(rows.CLOUD) == set(CLOUD_ROWS)
    assert set(rows.FLAT) == set(FLAT_ROWS)
    assert len(CLOUD_ROWS) >= 15
    assert len(FLAT_ROWS) >= 20
    assert set(COMMON_NAMES) - mentioned([rows.message("text", one) for one in rows.COMMON]) == set()
    assert {"ctwa_clid", "referred_product", "post"} <= set(COMMON_NAMES)


@pytest.mark.parametrize(("kind", "fields"), [(kind, one) for kind, found in rows.CLOUD.items() for one in found])
def test_every_field_of_a_cloud_row_arrives(kind: str, fields: Json) -> None:
    told = said(kind, fields)
    assert (told.kind, told.event.id, told.event.at_ms) == ("event", f"wamid.{kind}", 1_700_000_000_000)
    assert (told.event.contact, told.event.reply_to, told.event.facts.profile_name) == (PERSON, PERSON, f"N{PERSON}")
    inner = fields.get("interactive", {}).get("type", kind)
    tags = {"nfm_reply": "flow_reply"}
    assert type(told.event.content).__struct_config__.tag == tags.get(inner, inner)
    expected = {key: value for key, value in fields.items() if key != "interactive"}
    arrived(told.event, expected | fields.get("interactive", {}).get(inner, {}))


@pytest.mark.parametrize("fields", rows.COMMON)
def test_what_any_message_may_carry_arrives(fields: Json) -> None:
    told = said("text", fields)
    arrived(told.event, fields)
    if "context" in fields:
        assert told.event.context is not None
        assert (told.event.context.id, told.event.context.sender) == ("wamid.citado", "56911111111")
        assert told.event.extra["errors"] == fields["errors"]


@pytest.mark.parametrize("kind", sorted(rows.CLOUD))
def test_every_type_may_answer_another_message(kind: str) -> None:
    told = said(kind, rows.CLOUD[kind][0], context=rows.CONTEXT)
    assert told.event.context is not None
    arrived(told.event, {"context": rows.CONTEXT})


def test_the_person_who_changed_numbers_has_no_contact_entry() -> None:
    value = cloud_value(messages=[rows.message("system", rows.CLOUD["system"][0])], contacts=[])
    told = one(cloud(value))
    assert told.event.kind == "system"
    assert told.event.content == c.NumberChanged(body="Ana cambió", wa_id="56955555555", kind="user_changed_number")


@pytest.mark.parametrize("user_id", [BSUID, "CL.ENT.1234567890abcdef"])
@pytest.mark.parametrize("kind", sorted(rows.CLOUD))
def test_a_person_without_a_phone_is_known_by_the_user_id(kind: str, user_id: str) -> None:
    message = {**rows.message(kind, rows.CLOUD[kind][0]), "from_user_id": user_id}
    del message["from"]
    contacts = [{"profile": {"name": "Ana"}, "user_id": user_id}]
    told = one(cloud(cloud_value(messages=[message], contacts=contacts)))
    assert (told.event.contact, told.event.reply_to, told.event.facts.user_id) == (user_id, user_id, user_id)
    assert told.event.facts.profile_name == "Ana"


def test_a_type_of_a_later_version_arrives_whole() -> None:
    told = said("hologram", {"hologram": {"x": 1}})
    assert told.event.content == c.Unknown(kind="hologram", raw=rows.message("hologram", {"hologram": {"x": 1}}))
    assert one(flat("Hologram", beam=3)).event.content == c.Unknown(kind="hologram", raw=flat("Hologram", beam=3))


@pytest.mark.parametrize(("field", "item"), [(field, one) for field, found in rows.FLAT.items() for one in found])
def test_every_field_of_a_flat_row_arrives(field: str, item: Json) -> None:
    told = one(item)
    event = told.event
    assert field in item
    assert (event.id, event.did, event.contact) == (str(item["id"]), item["did"], item["msisdn"])
    facts = (event.facts.id_chat, event.facts.channel_id, event.facts.id_campaign, event.facts.profile_name)
    assert facts == (str(item["idChat"]), str(item["channelId"]), str(item["idCampaign"]), item["name"])
    assert event.facts.owner == ("human" if item["stateAgent"] == "AGENT" else "bot")
    dropped = "echo" if item["chatType"] == "OUTBOUND" else "human_owns" if item["stateAgent"] == "AGENT" else ""
    assert (told.kind, told.reason) == (("dropped", dropped) if dropped else ("event", ""))
    named = ("id", "idChat", "channelId", "idCampaign", "chatType", "stateAgent", "isAttachment", "type", "content")
    arrived(event, {name: value for name, value in item.items() if name not in named and value is not None})
    assert not item["content"] or item["content"] in orjson.dumps(msgspec.to_builtins(event)).decode()


KINDS: dict[str, type[c.Content]] = {
    "Text": c.Text,
    "Image": c.Image,
    "Audio": c.Audio,
    "Video": c.Video,
    "Document": c.Document,
    "Location": c.Location,
    "media": c.Image,
    "transfer": c.SessionControl,
    "close": c.SessionControl,
    "timeout": c.SessionControl,
}


@pytest.mark.parametrize("spelt", [str, str.lower, str.upper])
@pytest.mark.parametrize("kind", names(FLAT_ROWS["type"]))
def test_every_flat_type_arrives_in_any_capitals(kind: str, spelt: Any) -> None:
    attachment = {"mediaUrl": "https://files.example/1", "mimeType": "image/png"}
    is_file = issubclass(KINDS[kind], c.Media)
    fields = {"isAttachment": "true", "attachment": attachment} if is_file else {}
    told = one(flat(spelt(kind), "-33.4,-70.6" if kind == "Location" else "hola", **fields))
    assert type(told.event.content) is KINDS[kind]
    assert told.event.kind == {"transfer": "resumed", "close": "session", "timeout": "session"}.get(kind, "message")
    match told.event.content:
        case c.Location(latitude=latitude, longitude=longitude):
            assert (latitude, longitude) == (-33.4, -70.6)
        case c.Media(url=url, mime_type=mime, caption=caption):
            assert (url, mime, caption) == ("https://files.example/1", "image/png", "hola")


def test_a_choice_of_a_flat_list_and_an_attachments_unnamed_fields_arrive() -> None:
    chosen = one(rows.FLAT["interactiveChoiceId"][0]).event.content
    assert chosen == c.ListReply(id="row-9", title="Pan integral")
    attachment = {"mediaUrl": "https://files.example/1", "mimeType": "image/png", "size": 77}
    event = one(flat("Image", isAttachment=True, attachment=attachment)).event
    assert event.extra["attachment"] == {"size": 77}
    event = one(flat("Image", isAttachment=True, attachment=["https://files.example/1"])).event
    assert event.extra["attachment"] == ["https://files.example/1"]


EVERY = [cloud(cloud_value(messages=[rows.message(kind, one)])) for kind, found in rows.CLOUD.items() for one in found]
EVERY += [item for found in rows.FLAT.values() for item in found]


@pytest.mark.parametrize("body", EVERY)
def test_the_echo_answers_every_row_that_a_person_sends(body: Json) -> None:
    told = one(body)
    answered = Chat(echo).event(told.event.kind, content=told.event.content)
    assert len(answered) == (told.event.kind == "message")
    assert all(isinstance(action, Reply) for action in answered)
