"""Every row of both inbound formats is read, and what nobody knows survives."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import content as c
from schemas.chattigo import webhook
from schemas.chattigo.values import seconds_as_ms
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_status, cloud_text, cloud_value, flat

MEDIA = {"id": "m1", "mime_type": "x/y", "sha256": "h"}

ROWS: list[tuple[dict[str, Any], c.AnyContent]] = [
    ({"type": "text", "text": {"body": "hola"}}, c.Text(body="hola")),
    (
        {"type": "image", "image": MEDIA | {"caption": "c"}},
        c.Image(media_id="m1", mime_type="x/y", sha256="h", caption="c"),
    ),
    ({"type": "video", "video": MEDIA}, c.Video(media_id="m1", mime_type="x/y", sha256="h")),
    (
        {"type": "audio", "audio": MEDIA | {"voice": True}},
        c.Audio(media_id="m1", mime_type="x/y", sha256="h", voice=True),
    ),
    (
        {"type": "document", "document": MEDIA | {"filename": "f.pdf"}},
        c.Document(media_id="m1", mime_type="x/y", sha256="h", filename="f.pdf"),
    ),
    (
        {"type": "sticker", "sticker": MEDIA | {"animated": True}},
        c.Sticker(media_id="m1", mime_type="x/y", sha256="h", animated=True),
    ),
    (
        {"type": "location", "location": {"latitude": -33.4, "longitude": -70.6, "name": "n", "address": "a"}},
        c.Location(latitude=-33.4, longitude=-70.6, name="n", address="a"),
    ),
    (
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "Ana"}}]},
        c.Contacts(contacts=[{"name": {"formatted_name": "Ana"}}]),
    ),
    (
        {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "b", "title": "B"}}},
        c.ButtonReply(id="b", title="B"),
    ),
    (
        {
            "type": "interactive",
            "interactive": {"type": "list_reply", "list_reply": {"id": "r", "title": "R", "description": "D"}},
        },
        c.ListReply(id="r", title="R", description="D"),
    ),
    (
        {
            "type": "interactive",
            "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{}", "body": "Sent", "name": "flow"}},
        },
        c.FlowReply(response_json="{}", body="Sent", name="flow"),
    ),
    ({"type": "button", "button": {"payload": "p", "text": "t"}}, c.TemplateButton(payload="p", text="t")),
    ({"type": "reaction", "reaction": {"message_id": "w", "emoji": "👍"}}, c.Reaction(message_id="w", emoji="👍")),
    ({"type": "reaction", "reaction": {"message_id": "w"}}, c.Reaction(message_id="w")),
    (
        {"type": "order", "order": {"catalog_id": "k", "text": "t", "product_items": [{"quantity": 1}]}},
        c.Order(catalog_id="k", text="t", product_items=[{"quantity": 1}]),
    ),
    (
        {"type": "system", "system": {"body": "b", "wa_id": "569", "type": "user_changed_number"}},
        c.NumberChanged(body="b", wa_id="569", kind="user_changed_number"),
    ),
    ({"type": "request_welcome"}, c.RequestWelcome()),
    (
        {"type": "unsupported", "unsupported": {"type": "poll"}, "errors": [{"code": 131051}]},
        c.Unsupported(kind="poll", errors=[{"code": 131051}]),
    ),
]


@pytest.mark.parametrize(("fields", "expected"), ROWS, ids=[f"{i}-{row[0]['type']}" for i, row in enumerate(ROWS)])
def test_each_cloud_type_is_read(fields: dict[str, Any], expected: c.AnyContent) -> None:
    message = {"from": PERSON, "id": "wamid.1", "timestamp": "1700000000"} | fields
    (arrival,) = webhook.arrivals(cloud(cloud_value(messages=[message])))
    assert arrival.content == expected
    assert (arrival.id, arrival.did, arrival.contact) == ("wamid.1", LINE, PERSON)
    assert arrival.at_ms == 1_700_000_000_000
    assert arrival.profile_name == f"N{PERSON}"


FLAT_ROWS: list[tuple[dict[str, Any], str, c.AnyContent]] = [
    (flat("Text"), "message", c.Text(body="hola")),
    (flat("text"), "message", c.Text(body="hola")),
    (
        flat("Image", "pie", isAttachment=True, attachment={"mediaUrl": "https://x/i", "mimeType": "image/png"}),
        "message",
        c.Image(url="https://x/i", mime_type="image/png", caption="pie"),
    ),
    (
        flat("Audio", "", isAttachment="true", attachment={"mediaUrl": "https://x/a", "mimeType": "audio/ogg"}),
        "message",
        c.Audio(url="https://x/a", mime_type="audio/ogg"),
    ),
    (
        flat("Video", "", isAttachment=True, attachment={"mediaUrl": "https://x/v", "mimeType": "video/mp4"}),
        "message",
        c.Video(url="https://x/v", mime_type="video/mp4"),
    ),
    (
        flat(
            "Document",
            "",
            isAttachment=True,
            attachment={"mediaUrl": "https://x/d", "mimeType": "application/pdf", "fileName": "d.pdf"},
        ),
        "message",
        c.Document(url="https://x/d", mime_type="application/pdf", filename="d.pdf"),
    ),
    (
        flat("media", "", isAttachment=True, attachment={"mediaUrl": "https://x/m", "mimeType": "image/jpeg"}),
        "message",
        c.Image(url="https://x/m", mime_type="image/jpeg"),
    ),
    (flat("Location", "-33.4,-70.6"), "message", c.Location(latitude=-33.4, longitude=-70.6, address="-33.4,-70.6")),
    (
        flat("Text", "", interactiveChoiceId="2", interactiveChoiceText="Pagos"),
        "message",
        c.ListReply(id="2", title="Pagos"),
    ),
    (flat("transfer", ""), "control", c.SessionControl(action="transfer")),
    (flat("close", ""), "control", c.SessionControl(action="close")),
    (flat("timeout", ""), "control", c.SessionControl(action="timeout")),
    (flat("Text", chatType="OUTBOUND"), "echo", c.Text(body="hola")),
    (flat("transfer", "", chatType="OUTBOUND"), "echo", c.SessionControl(action="transfer")),
]


@pytest.mark.parametrize(("body", "kind", "expected"), FLAT_ROWS)
def test_each_flat_type_is_read(body: dict[str, Any], kind: str, expected: c.AnyContent) -> None:
    (arrival,) = webhook.arrivals(body)
    assert (arrival.kind, arrival.content) == (kind, expected)
    assert (arrival.id, arrival.id_chat, arrival.channel_id, arrival.id_campaign) == (
        "123456789",
        "87654321",
        "77",
        "9",
    )
    assert arrival.owner == "bot"


def test_a_flat_event_says_when_a_human_owns_the_chat() -> None:
    (arrival,) = webhook.arrivals(flat(stateAgent="AGENT"))
    assert arrival.owner == "human"


def test_unknown_types_and_fields_survive() -> None:
    odd = {"from": PERSON, "id": "w", "timestamp": "1", "type": "hologram", "hologram": {"x": 1}}
    known = cloud_text() | {"mood": "good"}
    known["text"] = {"body": "hola", "font": "serif"}
    first, second = webhook.arrivals(cloud(cloud_value(messages=[odd, known])))
    assert first.content == c.Unknown(kind="hologram", raw=odd)
    assert second.extra == {"mood": "good", "text": {"font": "serif"}}
    (third,) = webhook.arrivals(flat("Hologram", abiStatus="?"))
    assert isinstance(third.content, c.Unknown)
    assert third.extra["abiStatus"] == "?"


def test_context_and_referral_are_kept() -> None:
    message = cloud_text() | {
        "context": {"from": LINE, "id": "wamid.0", "forwarded": True},
        "referral": {"source_id": "ad"},
    }
    (arrival,) = webhook.arrivals(cloud(cloud_value(messages=[message])))
    assert arrival.context is not None
    assert (arrival.context.id, arrival.context.forwarded) == ("wamid.0", True)
    assert arrival.referral == {"source_id": "ad"}


def test_a_person_without_a_phone_is_known_by_user_id() -> None:
    message = {"from_user_id": "CL.abc", "id": "w", "timestamp": "1", "type": "text", "text": {"body": "x"}}
    (arrival,) = webhook.arrivals(cloud(cloud_value(messages=[message], contacts=[{"user_id": "CL.abc"}])))
    assert (arrival.contact, arrival.reply_to, arrival.user_id) == ("CL.abc", "CL.abc", "CL.abc")


def test_a_person_is_one_in_both_argentine_forms_and_answered_in_the_form_that_came() -> None:
    (arrival,) = webhook.arrivals(cloud(cloud_value(messages=[cloud_text(sender="541155551234")])))
    assert (arrival.contact, arrival.reply_to) == ("5491155551234", "541155551234")


@pytest.mark.parametrize(
    ("said", "state"),
    [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("warning", "other")],
)
def test_cloud_receipts_are_read(said: str, state: str) -> None:
    status = cloud_status(said) | {"pricing": {"billable": True, "category": "utility"}}
    (receipt,) = webhook.receipts(cloud(cloud_value(statuses=[status])))
    assert (receipt.id, receipt.did, receipt.contact, receipt.state) == ("wamid.1", LINE, PERSON, state)
    assert (receipt.billable, receipt.category, receipt.format) == (True, "utility", "cloud")


def test_a_failed_receipt_says_why() -> None:
    status = cloud_status("failed") | {"errors": [{"code": 131047, "title": "Re-engagement"}]}
    (receipt,) = webhook.receipts(cloud(cloud_value(statuses=[status])))
    assert [(e.code, e.title) for e in receipt.errors] == [("131047", "Re-engagement")]


@pytest.mark.parametrize(
    ("said", "state"),
    [("SENT", "sent"), ("DELIVERY", "delivered"), ("READ", "read"), ("INVALID", "failed"), ("SESSION", "session")],
)
def test_flat_receipts_are_read_alone_and_in_arrays(said: str, state: str) -> None:
    note = {"id": 7, "did": LINE, "msisdn": PERSON, "type": said, "channel": "WHATSAPP", "errors": [{"code": 5}]}
    (alone,) = webhook.receipts(note)
    assert (alone.id, alone.contact, alone.state, alone.errors[0].code) == ("7", PERSON, state, "5")
    assert len(webhook.receipts([note, note])) == 2
    assert webhook.arrivals(note) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["entry", "changes", "value", "messages", "statuses", "from", "id", "type", "text", "did", "msisdn"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(json_values)
def test_no_json_at_all_makes_the_readers_raise(body: Any) -> None:
    found = webhook.pieces(body)
    webhook.arrivals(body)
    webhook.receipts(body)
    if found:
        assert webhook.format_of(webhook.carver(body)(found)) == webhook.format_of(body)


messages = st.builds(
    cloud_text,
    wamid=st.uuids().map(lambda u: f"wamid.{u}"),
    sender=st.sampled_from([PERSON, "56933333333", "56944444444"]),
)
statuses = st.builds(cloud_status, wamid=st.uuids().map(lambda u: f"wamid.{u}"))
values = st.builds(
    cloud_value,
    did=st.sampled_from([LINE, "56955555555"]),
    messages=st.lists(messages, min_size=1, max_size=3),
    statuses=st.lists(statuses, max_size=2),
)


@given(st.lists(values, min_size=1, max_size=3))
def test_carving_gives_each_piece_to_one_envelope_with_the_same_meaning(parts: list[dict[str, Any]]) -> None:
    body = cloud(*parts)
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for piece in webhook.pieces(body):
        groups.setdefault((piece.kind, piece.did, piece.contact), []).append(piece)
    carved = [orjson.loads(orjson.dumps(webhook.carver(body)(group))) for group in groups.values()]
    arrivals = [a for one in carved for a in webhook.arrivals(one)]
    receipts = [r for one in carved for r in webhook.receipts(one)]
    assert sorted(arrivals, key=lambda a: a.id) == sorted(webhook.arrivals(body), key=lambda a: a.id)
    assert sorted(receipts, key=lambda r: r.id) == sorted(webhook.receipts(body), key=lambda r: r.id)
    for key, one in zip(groups, carved, strict=True):
        assert {(p.kind, p.did, p.contact) for p in webhook.pieces(one)} == {key}


def test_a_message_that_only_contacts_tell_the_sender_of_keeps_its_sender_when_carved() -> None:
    message = {"id": "w", "type": "text", "text": {"body": "hola"}}
    contacts = [{"wa_id": PERSON, "profile": {"name": "Ana"}}]
    body = cloud(cloud_value(messages=[message], contacts=contacts, statuses=[cloud_status()]))
    found = webhook.pieces(body)
    assert [piece.contact for piece in found] == [PERSON, PERSON]
    (arrival,) = webhook.arrivals(webhook.carver(body)(found[:1]))
    assert (arrival.contact, arrival.profile_name) == (PERSON, "Ana")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("123456789", "123456789"),
        ("123456789.0", "123456789"),
        ("12345678901234567891234", ""),
        ("0", ""),
        ('"0"', ""),
        ("null", ""),
        ("true", ""),
        ('{"a": 1}', ""),
    ],
)
def test_an_id_is_what_was_written_or_none(written: str, read: str) -> None:
    """Ids whose digits are lost in reading, or that stand for none, would make one event of many."""
    body = orjson.loads(f'{{"did": "{LINE}", "msisdn": "{PERSON}", "type": "Text", "content": "a", "id": {written}}}')
    assert [piece.id for piece in webhook.pieces(body)] == [arrival.id for arrival in webhook.arrivals(body)] == [read]


@pytest.mark.parametrize("number", [f"{PERSON}.0", "5.6922222222e10"])
def test_a_number_written_as_a_fraction_gains_no_digit(number: str) -> None:
    body = orjson.loads(f'{{"did": {LINE}.0, "msisdn": {number}, "type": "Text", "content": "a"}}')
    (arrival,) = webhook.arrivals(body)
    assert (arrival.did, arrival.contact, arrival.reply_to) == (LINE, PERSON, PERSON)


def test_an_absurdly_long_id_is_the_same_short_one_wherever_it_is_read() -> None:
    body = cloud(cloud_value(messages=[cloud_text(wamid="w" * 1_000_000), cloud_text(wamid="w" * 1_000_001)]))
    ids = [arrival.id for arrival in webhook.arrivals(body)]
    assert ids == [piece.id for piece in webhook.pieces(body)]
    assert len(set(ids)) == 2
    assert all(len(found) < 100 for found in ids)


@pytest.mark.parametrize("kind", ["SENT", "READ", "DELIVERY", "INVALID", "SESSION"])
def test_a_notification_with_content_is_no_message_that_a_bot_would_answer(kind: str) -> None:
    body = {"did": LINE, "msisdn": PERSON, "type": kind, "id": 7, "content": "detail"}
    assert [receipt.id for receipt in webhook.receipts(body)] == ["7"]
    assert not webhook.arrivals(body)
    assert webhook.arrivals(body | {"chatType": "INBOUND"}), "a person's words are never lost for their type"


def test_a_change_of_another_field_is_a_notice_and_survives_carving() -> None:
    body = cloud(cloud_value(messages=[cloud_text()]))
    body["entry"][0]["changes"].append({"field": "message_template_status_update", "value": {"event": "PAUSED"}})
    message, notice = webhook.pieces(body)
    assert (message.kind, notice.kind, notice.did) == ("message", "notice", "")
    assert webhook.carver(body)([notice])["entry"][0]["changes"] == [notice.item]


def test_oddities_of_any_shape_are_pieces_that_survive_carving() -> None:
    body = cloud(cloud_value(messages=[cloud_text()]))
    body["entry"][0]["changes"].append("odd change")
    body["entry"] += ["odd entry", {"id": "no changes"}]
    message, *odd = webhook.pieces(body)
    assert message.kind == "message"
    assert [piece.kind for piece in odd] == ["notice"] * 3
    carved = webhook.carver(body)(odd)["entry"]
    assert carved == [{"id": "WABA", "changes": ["odd change"]}, "odd entry", {"id": "no changes"}]


def test_a_post_of_ten_thousand_people_takes_work_in_proportion() -> None:
    """Counts look-ups, not time: each person is looked at a few times, however many there are."""

    class Counting(dict[str, Any]):
        looked = 0

        def get(self, *arguments: Any) -> Any:
            Counting.looked += 1
            return super().get(*arguments)

    senders = [f"569{n:08}" for n in range(500)]
    contacts = [Counting(wa_id=sender) for sender in senders]
    value = cloud_value(messages=[cloud_text(sender=s, wamid=s) for s in senders], contacts=contacts)  # type: ignore[arg-type]
    assert len(webhook.pieces(cloud(value))) == len(senders)
    assert Counting.looked < 10 * len(senders)


@given(st.sampled_from([row[0] for row in FLAT_ROWS]))
def test_arrivals_go_through_our_encoding_unchanged(body: dict[str, Any]) -> None:
    (arrival,) = webhook.arrivals(body)
    assert msgspec.json.decode(msgspec.json.encode(arrival), type=type(arrival)) == arrival


@given(
    st.integers(0, 10**13).map(str) | st.integers(10**9, 10**10).map(str) | st.text("0123456789 +-._e²٣", max_size=12)
)
def test_a_time_is_read_the_same_whether_it_is_a_present_one_or_not(written: str) -> None:
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    expected = 0 if not 0 < seconds <= 1e14 else int(seconds) if seconds > 1e11 else int(seconds * 1000)
    assert seconds_as_ms(written) == expected
