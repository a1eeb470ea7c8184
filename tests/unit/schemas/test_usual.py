"""The usual body is read in one step, and never otherwise than any body is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.chattigo import usual, webhook
from tests.builders.webhooks import PERSON, cloud, cloud_text, cloud_value, flat

AD = {"source_type": "ad", "source_id": "7", "headline": "Dos por uno"}
REPLY = {"from": "56911111111", "id": "wamid.0", "forwarded": True}

NUMBERS = st.sampled_from(["", PERSON, "+56 9 2222 2222", "5491122223333", "5215511112222", "x", "569111111112222"])
TEXTS = st.text(max_size=8)


def one(**fields: Any) -> dict[str, Any]:
    return cloud(cloud_value(messages=[{**cloud_text(), **fields}]))


@pytest.mark.parametrize("fields", [{}, {"context": REPLY}, {"referral": AD}, {"context": None}, {"timestamp": "x"}])
def test_one_text_of_one_person_is_usual(fields: dict[str, Any]) -> None:
    body = one(**fields)
    assert usual.read(orjson.dumps(body)) == webhook.arrivals(body)[0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        flat(),
        one(type="image"),
        one(text={"body": "a", "more": 1}),
        one(text={"body": 1}),
        one(text=None),
        one(to=PERSON),
        one(from_user_id="US.1"),
        one(id=7),
        one(timestamp=1_700_000_000),
        one(context="x"),
        cloud(),
        cloud(cloud_value(messages=[cloud_text(), cloud_text(wamid="wamid.2")])),
        cloud(cloud_value(messages=[cloud_text()], contacts=[])),
        cloud(
            cloud_value(messages=[cloud_text()], contacts=[{"profile": {"name": "A"}, "wa_id": "1", "user_id": "U"}])
        ),
        cloud(cloud_value(messages=[cloud_text()], statuses=[])),
        {**one(), "more": 1},
    ],
    ids=range(18),
)
def test_whatever_else_is_said_makes_a_body_unusual(body: Any) -> None:
    raw = orjson.dumps(body)
    assert usual.read(raw) is None
    assert webhook.read(raw) == webhook.arrivals(body)


@given(sender=NUMBERS, wa_id=NUMBERS, did=NUMBERS, id=TEXTS, at=TEXTS | st.just("1700000000"), said=TEXTS, name=TEXTS)
def test_it_is_read_as_any_body_is(sender: str, wa_id: str, did: str, id: str, at: str, said: str, name: str) -> None:
    message = {**cloud_text(said, wamid=id, sender=sender), "timestamp": at}
    contacts = [{"profile": {"name": name}, "wa_id": wa_id}]
    body = cloud(cloud_value(did=did, messages=[message], contacts=contacts))
    assert [usual.read(orjson.dumps(body))] == webhook.arrivals(body)


@pytest.mark.parametrize("spoilt", [b"\xff", b"\\ud800", b"\xed\xa0\x80", b'"', b"\n"])
def test_what_is_not_json_is_refused_as_ever(spoilt: bytes) -> None:
    raw = orjson.dumps(one()).replace(b"hola", b"hola" + spoilt)
    with pytest.raises(orjson.JSONDecodeError):
        webhook.read(raw)
