"""What becomes of a body: every piece in exactly one record, bytes untouched where that can be, nothing raised."""

from collections import Counter
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.webhooks import outcomes, plan
from ingress.webhooks.plan import Request, Verdict, plan_request
from runtime.kafka.producer import Record
from runtime.tenants import Grant
from schemas import keys
from schemas.chattigo import webhook
from schemas.headers import Headers
from tests.builders import webhooks as build

OWN, OTHER, FOREIGN = build.LINE, "56911111112", "56999999999"
GRANT = Grant("digest", "acme", frozenset({OWN, OTHER}))
DEPTH = 64


def verdict_of(value: Any, grant: Grant = GRANT) -> Verdict:
    return plan_request(Request(orjson.dumps(value), grant, 1700), DEPTH)


def headers_of(record: Record) -> Headers:
    return Headers.from_kafka(record.headers)


def reason_of(record: Record) -> str:
    return dict(record.headers).get(plan.REASON, b"").decode()


def one(verdict: Verdict) -> Record:
    (record,) = verdict.records
    return record


def items(value: Any) -> Counter[str]:
    """The pieces of a body, as text, and how often each is there."""
    return Counter(
        f"{p.kind} {p.did} {orjson.dumps(p.item, option=orjson.OPT_SORT_KEYS)!r}" for p in webhook.pieces(value)
    )


# one conversation


def test_a_body_of_one_conversation_keeps_its_bytes_and_its_key() -> None:
    # blanks, escapes and the order of the names would not survive an encoding
    body = orjson.dumps(build.cloud(build.cloud_value(messages=[build.cloud_text("á")]))).replace(
        b'"hola"', b' "\\u00e1" '
    )
    record = one(plan_request(Request(b"\n " + body + b"\n", GRANT, 1700, "trace"), DEPTH))
    assert record.value == b"\n " + body + b"\n"
    assert (record.topic, record.key) == ("inbound.conversations", f"{OWN}|{build.PERSON}".encode())
    assert headers_of(record) == Headers(
        id="wamid.1",
        type="webhook",
        tenant="acme",
        at_ms=1700,
        traceparent="trace",
        did=OWN,
        contact=build.PERSON,
        format="cloud",
    )


def test_several_messages_of_one_person_stay_in_one_body() -> None:
    value = build.cloud(build.cloud_value(messages=[build.cloud_text(wamid=f"w{n}") for n in range(3)]))
    assert one(verdict_of(value)).value == orjson.dumps(value)


def test_a_flat_event_goes_to_its_conversation() -> None:
    record = one(verdict_of(build.flat()))
    assert (record.topic, headers_of(record).format) == ("inbound.conversations", "flat")
    assert headers_of(record).id == "123456789"


@pytest.mark.parametrize(
    "value",
    [
        build.cloud(build.cloud_value(statuses=[build.cloud_status(), build.cloud_status("read")])),
        build.flat("READ", ""),
    ],
)
def test_receipts_of_one_line_go_to_the_line_untouched(value: Any) -> None:
    record = one(verdict_of(value))
    assert (record.topic, record.key, record.value) == ("inbound.receipts", OWN.encode(), orjson.dumps(value))


# several places


def test_a_body_of_several_places_is_carved_and_says_so() -> None:
    value = build.cloud(
        build.cloud_value(
            messages=[build.cloud_text(wamid="w1"), build.cloud_text(wamid="w2", sender="56933333333")],
            statuses=[build.cloud_status()],
        ),
        build.cloud_value(did=FOREIGN, messages=[build.cloud_text(wamid="w3")]),
    )
    verdict = verdict_of(value)
    assert [(r.topic, headers_of(r).part, headers_of(r).id) for r in verdict.records] == [
        ("inbound.conversations", "1/4", "w1"),
        ("inbound.conversations", "2/4", "w2"),
        ("inbound.receipts", "3/4", "wamid.1"),
        ("inbound.rejected", "4/4", "w3"),
    ]
    assert verdict.outcome is outcomes.ACCEPTED
    assert verdict.kept == ("foreign_line",)


PEOPLE = st.sampled_from([build.PERSON, "56933333333", "5215512345678", "CL.abc", "CL.a|b", ""])
LINES = st.sampled_from([OWN, OTHER, FOREIGN, ""])


def numbered(value: Any) -> Any:
    """The body with an id of its own for each item, in the order of the body."""
    ids = count(1)
    for item in value if isinstance(value, list) else _lists(value):
        item["id"] = f"wamid.{next(ids)}"
    return value


def _lists(value: Any) -> list[dict[str, Any]]:
    values = [change["value"] for entry in value["entry"] for change in entry["changes"]]
    return [item for v in values for name in ("messages", "statuses", "errors") for item in v.get(name, [])]


def _message(person: str) -> dict[str, Any]:
    message = build.cloud_text(sender=person)
    if not person.isdigit():
        del message["from"]
        message["from_user_id"] = person
    return message


VALUES = st.builds(
    lambda did, people, statuses, errors: {
        **build.cloud_value(
            did=did,
            messages=[_message(person) for person in people],
            statuses=[build.cloud_status() for _ in range(statuses)],
        ),
        **({"errors": [{"code": 1}]} if errors else {}),
    },
    LINES,
    st.lists(PEOPLE, max_size=3),
    st.integers(0, 2),
    st.booleans(),
)
NOTICES = st.builds(lambda did: {"metadata": {"display_phone_number": did}, "event": "APPROVED"}, LINES)
CLOUD = st.lists(VALUES | NOTICES, min_size=1, max_size=4).map(lambda values: numbered(build.cloud(*values)))
FLAT = st.lists(
    st.builds(
        lambda did, person, kind: build.flat(kind, did=did, msisdn=person),
        LINES,
        PEOPLE,
        st.sampled_from(["Text", "transfer", "Image"]),
    ),
    min_size=1,
    max_size=4,
).map(numbered)


@given(CLOUD | FLAT)
def test_every_piece_of_every_body_is_in_exactly_one_record(value: Any) -> None:
    body = orjson.dumps(value)
    verdict = verdict_of(value)
    assert verdict.fault is None
    assert verdict.records
    carved = Counter[str]()
    for record in verdict.records:
        carved += items(orjson.loads(record.value or b""))
    assert carved == items(value)
    assert (verdict.records[0].value == body and not headers_of(verdict.records[0]).part) == (len(verdict.records) == 1)


@given(CLOUD | FLAT)
def test_every_piece_is_where_its_line_and_person_belong(value: Any) -> None:
    for record in verdict_of(value).records:
        found = webhook.pieces(orjson.loads(record.value or b""))
        if record.topic == "inbound.rejected":
            assert reason_of(record)
            assert record.key is None
            continue
        assert {piece.did for piece in found} == {headers_of(record).did} <= GRANT.lines
        if record.topic == "inbound.receipts":
            assert record.key == headers_of(record).did.encode()
            assert {piece.kind for piece in found} <= {"receipt", "notice"}
        else:
            assert {keys.conversation(p.did, p.contact).encode() for p in found} == {record.key}
            assert {piece.kind for piece in found} == {"message"}


@given(CLOUD | FLAT)
def test_the_order_of_a_conversation_survives(value: Any) -> None:
    whole = [(p.did, p.contact, p.id) for p in webhook.pieces(value)]
    for record in verdict_of(value).records:
        part = [(p.did, p.contact, p.id) for p in webhook.pieces(orjson.loads(record.value or b""))]
        places = [whole.index(piece) for piece in part if piece[2]]
        assert places == sorted(places)


# kept


@pytest.mark.parametrize("body", [b"", b"{", b"hola", b"\xff", b"NaN", b"\xef\xbb\xbf{}", b'"\\ud800"'])
def test_what_is_not_json_is_kept_and_answered_400(body: bytes) -> None:
    verdict = plan_request(Request(body, GRANT, 1), DEPTH)
    record = one(verdict)
    assert (verdict.outcome.status, record.topic, record.value) == (400, "inbound.rejected", body)
    assert reason_of(record) == "not_json"
    assert len(headers_of(record).id) == 24


@pytest.mark.parametrize("value", [{}, [], 7, None, "text", {"entry": 5}, {"entry": []}, [build.flat(), 5]])
def test_json_of_unknown_shape_is_kept_and_answered_200(value: Any) -> None:
    verdict = verdict_of(value)
    assert (verdict.outcome, verdict.outcome.status) == (outcomes.UNKNOWN_SHAPE, 200)
    assert (one(verdict).topic, one(verdict).value) == ("inbound.rejected", orjson.dumps(value))
    assert verdict.kept == ("unknown_shape",)


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("foreign_line", build.cloud(build.cloud_value(did=FOREIGN, messages=[build.cloud_text()]))),
        ("foreign_line", build.flat(did=FOREIGN)),
        ("no_line", build.cloud({"messages": [build.cloud_text()]})),
        ("no_line", build.cloud({"event": "APPROVED"})),
        ("no_contact", build.flat(msisdn="")),
        ("bad_key", build.cloud(build.cloud_value(messages=[{"id": "w", "from_user_id": "CL.a|b"}]))),
        ("bad_key", build.cloud(build.cloud_value(messages=[{"id": "w", "from_user_id": "C" * 5000}]))),
    ],
)
def test_what_cannot_be_placed_is_kept_with_its_reason(reason: str, value: Any) -> None:
    verdict = verdict_of(value)
    assert verdict.outcome.status == 200
    assert (one(verdict).topic, reason_of(one(verdict))) == ("inbound.rejected", reason)
    assert one(verdict).value == orjson.dumps(value)


def test_a_foreign_line_does_not_hold_up_the_others() -> None:
    value = build.cloud(
        build.cloud_value(did=FOREIGN, messages=[build.cloud_text(wamid="w1")]),
        build.cloud_value(messages=[build.cloud_text(wamid="w2")]),
    )
    assert sorted(record.topic for record in verdict_of(value).records) == ["inbound.conversations", "inbound.rejected"]


def test_nothing_of_an_inactive_tenant_is_processed_and_all_is_kept() -> None:
    verdict = verdict_of(build.flat(), GRANT._replace(active=False))
    assert verdict.outcome is outcomes.INACTIVE_TENANT
    assert one(verdict).topic == "inbound.rejected"


def test_an_unreasonable_id_becomes_a_digest_so_that_the_record_stays_small() -> None:
    record = one(verdict_of(build.flat(id="x" * 100_000)))
    assert len(headers_of(record).id) == 24


def test_a_body_whose_envelopes_would_fill_the_memory_is_kept_whole() -> None:
    """A megabyte beside the messages would be repeated for each of 300 people."""
    messages = [build.cloud_text(sender=f"569{n:08}", wamid=f"w{n}") for n in range(300)]
    value = build.cloud(build.cloud_value(messages=messages) | {"unheard_of": "x" * 1_000_000})
    verdict = verdict_of(value)
    assert (verdict.outcome, verdict.kept) == (outcomes.TOO_WIDE, ("too_wide",))
    assert one(verdict).value == orjson.dumps(value)


def test_a_defect_of_ours_costs_no_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(value: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(webhook, "pieces", broken)
    verdict = verdict_of(build.flat())
    assert (verdict.outcome.status, reason_of(one(verdict))) == (200, "parser_failed")
    assert isinstance(verdict.fault, RuntimeError)


# depth, and anything at all


@pytest.mark.parametrize("depth", [DEPTH + 1, 1024, 1025, 100_000])
def test_what_is_too_deep_is_refused_and_not_kept(depth: int) -> None:
    verdict = plan_request(Request(b"[" * depth + b"]" * depth, GRANT, 1), DEPTH)
    assert (verdict.outcome, verdict.records) == (outcomes.TOO_DEEP, ())


WORDS = st.sampled_from(
    ["entry", "changes", "value", "messages", "statuses", "errors", "contacts", "metadata", "display_phone_number"]
) | st.sampled_from(["from", "from_user_id", "wa_id", "id", "did", "type", "msisdn", "to", "content", "field"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS | st.sampled_from([OWN, FOREIGN]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=5),
    max_leaves=25,
)
SHAPED = st.builds(lambda values: {"entry": [{"changes": [{"value": v} for v in values]}]}, st.lists(JSON, max_size=3))


@given(JSON | SHAPED | st.lists(JSON, max_size=3).map(lambda entry: {"entry": entry}))
def test_no_json_raises_or_disappears(value: Any) -> None:
    verdict = verdict_of(value)
    assert verdict.fault is None
    assert verdict.outcome.status == 200
    assert verdict.records


@given(st.binary(max_size=200))
def test_no_bytes_raise_or_disappear(body: bytes) -> None:
    verdict = plan_request(Request(body, GRANT, 1), DEPTH)
    assert verdict.outcome.status in (200, 400)
    assert one(verdict).value == body
