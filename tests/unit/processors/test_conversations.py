"""Conversations: every event ends in exactly one way, whatever comes twice, late, broken or out of place."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import Cause
from schemas.headers import Headers
from tests.builders.conversations import (
    NOW,
    Conversations,
    Source,
    conversation_key,
    posted,
    record,
    tenant,
    told,
    world,
)
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value, flat

DAY = 86_400_000


def text(wamid: str = "wamid.1", body: str = "hola", **place: object) -> Source:
    return posted(cloud(cloud_value(messages=[cloud_text(body, wamid=wamid, **place)])))  # type: ignore[arg-type]


def test_a_message_reaches_its_agent_with_facts_and_cause() -> None:
    conversations = Conversations()
    (output,) = conversations.feed(text())
    headers = Headers.from_kafka(output.headers)
    assert (output.topic, output.key, output.partition) == ("agents.menu", conversation_key(), 0)
    assert (headers.id, headers.type, headers.tenant, headers.at_ms) == ("wamid.1", "event", "acme", NOW)
    assert dict(output.headers)["source"] == b"inbound.conversations-0-0"
    (arrived,) = conversations.told("menu")
    assert arrived.event.kind == "message"
    assert arrived.event.reply_to == PERSON
    assert arrived.event.facts.profile_name == f"N{PERSON}"
    assert arrived.event.facts.window_expires_ms == 1_700_000_000_000 + DAY - 300_000


def test_duplicates_are_dropped_within_a_post_across_posts_and_after_a_restart() -> None:
    twice = posted(cloud(cloud_value(messages=[cloud_text(), cloud_text(), cloud_text(wamid="wamid.2")])))
    conversations = Conversations()
    conversations.feed(twice, text())
    again = Conversations(table=conversations.table, offset=50)
    assert again.feed(text(), text("wamid.2")) == []
    assert [one.event.id for one in conversations.told()] == ["wamid.1", "wamid.2"]
    assert conversations.tally["acme", "duplicate", ""] == 2


def test_an_exact_replay_is_skipped_even_when_the_ring_has_overflowed() -> None:
    conversations = Conversations(world(ring=8))
    records = [text(f"wamid.{i}")._replace(offset=i) for i in range(40)]
    conversations.run(records)
    assert conversations.run(records) == []
    assert conversations.tally["acme", "duplicate", "replay"] == 40


def test_a_topic_created_anew_under_a_kept_state_loses_nothing() -> None:
    """Its offsets begin again, below the ones that the states have."""
    conversations = Conversations(offset=1000)
    conversations.feed(text("wamid.1"))
    conversations.offset, conversations.now_ms = 0, NOW + 60_000
    conversations.feed(
        text("wamid.1")._replace(timestamp=NOW + 60_000), text("wamid.2")._replace(timestamp=NOW + 60_000)
    )
    assert [one.event.id for one in conversations.told()] == ["wamid.1", "wamid.2"]
    assert conversations.tally["acme", "duplicate", ""] == 1


def test_a_line_that_moves_takes_nothing_of_its_tenant_along() -> None:
    acme = Conversations(world(tenant(optout={"words": {"es": ["baja"]}})))
    acme.feed(text("wamid.1"), posted(cloud(cloud_value(messages=[cloud_text("baja", wamid="wamid.2")]))))
    acme.feed(posted(flat("Text", "con humano", id=3, stateAgent="AGENT")))
    before = acme.state()
    other = Conversations(world(tenant(tenant="other")), table=acme.table, offset=acme.offset)
    headers = Headers(id="h", type="webhook", tenant="other", at_ms=NOW, did=LINE, contact=PERSON).to_kafka()
    assert other.feed(text("wamid.1")._replace(headers=headers)) == [], "what was handled stays so"
    other.feed(posted(flat("Text", "hola", id=4, name="", idChat=0))._replace(headers=headers))
    (heard,) = other.told("menu")
    assert (before.owner, before.id_chat, before.profile_name != "") == ("human", "87654321", True)
    assert (heard.kind, heard.event.facts.owner, heard.event.facts.id_chat) == ("event", "bot", "")
    assert heard.event.facts.profile_name == ""
    assert heard.event.facts.owner_epoch > before.epoch
    assert other.state().optout == before.optout == []


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=12), st.booleans())
def test_any_interleaving_of_duplicates_gives_each_id_once(posts: list[list[int]], chunk: bool) -> None:
    bodies = [cloud(cloud_value(messages=[cloud_text(wamid=f"wamid.{i}") for i in post])) for post in posts]
    conversations = Conversations()
    conversations.feed(*map(posted, bodies), chunk=chunk)
    given_ids = list(dict.fromkeys(f"wamid.{i}" for post in posts for i in post))
    assert [one.event.id for one in conversations.told("menu")] == given_ids
    assert conversations.tally["acme", "routed", ""] == len(given_ids)
    assert conversations.tally["acme", "duplicate", ""] == sum(map(len, posts)) - len(given_ids)


@given(st.lists(st.sampled_from(["a", "b", "echo", "transfer", "poison", "human", "close"]), max_size=25))
def test_a_chunk_gives_what_its_records_give_one_by_one(kinds: list[str]) -> None:
    records = [_some(kind, i) for i, kind in enumerate(kinds)]
    whole, single = Conversations(world(tenant(also=["crm"]))), Conversations(world(tenant(also=["crm"])))
    assert whole.feed(*records) == single.feed(*records, chunk=False)
    assert whole.table == single.table


def _some(kind: str, i: int) -> Source:
    match kind:
        case "poison":
            return record(b"{", "webhook")
        case "echo":
            return posted(flat(id=i, chatType="OUTBOUND"))
        case "human":
            return posted(flat(id=i, stateAgent="AGENT"))
        case "transfer" | "close":
            return posted(flat(kind, id=i))
        case _:
            return text(f"wamid.{kind}")


def test_events_without_an_id_are_told_apart_by_their_place_even_in_one_post() -> None:
    nameless = cloud_text("1")
    del nameless["id"]
    conversations = Conversations()
    conversations.feed(
        posted(cloud(cloud_value(messages=[nameless, nameless]))), posted(cloud(cloud_value(messages=[nameless])))
    )
    assert [one.event.id for one in conversations.told()] == [
        "inbound.conversations-0-0",
        "inbound.conversations-0-0.1",
        "inbound.conversations-0-1",
    ]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (record(b"{", "webhook"), "not_json"),
        (posted({"what": "ever"}), "no_arrivals"),
        (record(b"{}", "command"), "malformed"),
        (record(b"{}", "mystery"), "unknown_type"),
        (record(b"{}", "webhook", did="56999999999"), "unknown_line"),
        (text()._replace(key=b"nonsense"), "no_conversation"),
        (text()._replace(key=conversation_key("56933333333")), "misplaced"),
        (text()._replace(headers=Headers(id="h", type="webhook", tenant="other", at_ms=1).to_kafka()), "foreign_line"),
    ],
)
def test_a_poison_record_becomes_a_dead_letter_and_the_others_go_on(broken: Source, reason: str) -> None:
    conversations = Conversations()
    conversations.feed(text("wamid.before"), broken, text("wamid.after"))
    (letter,) = conversations.letters()
    cause = Cause.from_headers(letter.headers)
    assert (cause.reason, cause.source, cause.by) == (reason, "inbound.conversations-0-1", "conversations")
    assert (letter.value, letter.key) == (broken.value, broken.key)
    assert [one.event.id for one in conversations.told()] == ["wamid.before", "wamid.after"]


def test_what_breaks_the_core_itself_is_a_dead_letter_that_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(body: object) -> None:
        raise ValueError(f"secret words of {body}")

    monkeypatch.setattr("schemas.chattigo.webhook.read", explode)
    conversations = Conversations()
    conversations.feed(text())
    cause = Cause.from_headers(conversations.letters()[0].headers)
    assert cause.reason == "failed"
    assert "ValueError" in cause.error
    assert "secret" not in cause.error


def test_an_event_for_an_agent_that_does_not_run_is_kept_and_can_be_put_back() -> None:
    conversations = Conversations(world(agents=("crm",)))
    conversations.feed(text())
    assert Cause.from_headers(conversations.letters()[0].headers).reason == "unknown_agent"
    conversations.world = world()
    conversations.feed(text())
    assert [one.event.id for one in conversations.told("menu")] == ["wamid.1"]


def test_an_id_of_a_million_characters_is_an_event_like_any_other() -> None:
    """It would be in the value and in a header, more than a message may hold: a transaction refused for ever."""
    conversations = Conversations()
    (output,) = conversations.feed(text("w" * 1_000_000), text("w" * 1_000_000))
    assert sum(len(value) for _, value in output.headers) < 1000


def test_headers_that_outgrow_a_record_make_a_dead_letter_not_a_crash() -> None:
    conversations = Conversations()
    broken = text()
    conversations.feed(broken._replace(headers=[*broken.headers, ("traceparent", b"x" * 5000)]))
    (letter,) = conversations.letters()
    assert Cause.from_headers(letter.headers).reason == "too_large"


def test_a_tap_that_does_not_run_holds_up_nobody() -> None:
    conversations = Conversations(world(tenant(also=["crm"]), agents=("menu",)))
    conversations.feed(text())
    assert [one.agent for one in conversations.told()] == ["menu"]
    assert conversations.tally["acme", "missing_tap", "crm"] == 1


def test_echoes_are_noted_and_handled_by_nobody() -> None:
    conversations = Conversations(world(tenant(also=["crm"])))
    conversations.feed(posted(flat(id=5, chatType="OUTBOUND")))
    (note,) = conversations.told()
    assert (note.agent, note.kind, note.reason, note.event.id) == ("menu", "dropped", "echo", "5")
    assert conversations.state().last_inbound_ms == 0


@given(
    st.lists(st.tuples(st.integers(-3 * DAY, 3 * DAY), st.sampled_from(["message", "echo"])), min_size=1, max_size=10)
)
def test_the_window_follows_the_latest_message_and_never_our_future(arrivals: list[tuple[int, str]]) -> None:
    conversations = Conversations()
    for i, (shift, kind) in enumerate(arrivals):
        at_s = (NOW + shift) // 1000
        direction = "OUTBOUND" if kind == "echo" else "INBOUND"
        conversations.feed(posted(flat(id=i, timestamp=str(at_s), chatType=direction)))
    said = [min((NOW + shift) // 1000 * 1000, NOW) for shift, kind in arrivals if kind == "message"]
    assert conversations.state().last_inbound_ms == max(said, default=0)
    for one in conversations.told():
        assert one.event.facts.window_expires_ms <= NOW + DAY


def test_a_late_event_is_marked() -> None:
    conversations = Conversations()
    conversations.feed(text("wamid.old", at_s=NOW // 1000 - 86_401), text("wamid.new", at_s=NOW // 1000))
    assert [one.event.late for one in conversations.told()] == [True, False]


def test_idle_conversations_leave_and_agents_hear_when_epochs_begin_anew() -> None:
    conversations = Conversations()
    other = posted(flat(id=9, msisdn="56933333333", stateAgent="AGENT"), contact="56933333333")
    conversations.feed(text(), other)
    conversations.now_ms += 8 * DAY
    left = conversations.run([], sweep=10)
    assert conversations.table == {}
    assert {(one.agent, one.kind) for one in told(left)} == {
        ("menu", "released"),
        ("echo", "released"),
        ("crm", "released"),
    }
    assert {output.key for output in left} == {conversation_key("56933333333")}


def test_a_conversation_with_an_optout_stays() -> None:
    acme = tenant(optout={"words": {"es": ["baja"]}})
    conversations = Conversations(world(acme))
    conversations.feed(text(body="¡BAJA!"))
    conversations.now_ms += 8 * DAY
    conversations.run([], sweep=10)
    assert conversations.state().optout == []


def test_a_full_state_stays_small() -> None:
    conversations = Conversations()
    conversations.feed(*(posted(flat(id=i, name="María Fernanda González")) for i in range(100)))
    assert len(conversations.table[conversation_key()]) < 640


def test_a_person_known_by_user_id_alone_is_a_conversation() -> None:
    user = "CL.1234567890"
    body = cloud(
        cloud_value(
            messages=[
                {
                    "id": "wamid.u",
                    "from_user_id": user,
                    "timestamp": "1700000000",
                    "type": "text",
                    "text": {"body": "x"},
                }
            ],
            contacts=[{"user_id": user, "profile": {"name": "Ana"}}],
        )
    )
    conversations = Conversations()
    conversations.feed(record(orjson.dumps(body), "webhook", contact=user))
    (arrived,) = conversations.told()
    assert (arrived.event.did, arrived.event.contact, arrived.event.facts.user_id) == (LINE, user, user)


@pytest.mark.parametrize("spoilt", [{}, {"did": b"56999999999"}, {"contact": b""}, {"at": b"x"}, {"at": b"0"}])
def test_outputs_are_stamped_with_where_they_belong_whatever_the_causes_headers_say(spoilt: dict[str, bytes]) -> None:
    source = posted(cloud(cloud_value(messages=[cloud_text()])))
    trace = [("traceparent", b"00-1"), ("replay", b"r1"), ("unknown", b"u"), ("format", b"cloud")]
    headers = [("tenant", b"stranger"), *({**dict(source.headers), **spoilt}).items(), *trace]
    (output,) = Conversations().feed(source._replace(headers=headers))
    assert dict(output.headers) == {
        "id": b"wamid.1",
        "type": b"event",
        "tenant": b"acme",
        "at": b"%d" % NOW,
        "did": LINE.encode(),
        "contact": PERSON.encode(),
        "rule": b"0",
        "new_contact": b"1",
        "traceparent": b"00-1",
        "replay": b"r1",
        "source": b"inbound.conversations-0-0",
    }
    assert len(output.headers) == 11
