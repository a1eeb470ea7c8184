"""Dead letters without Kafka: what is a letter and what a mark, what goes back, what a preview hides; tokens' state."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo.cli.span import span
from relevo.cli.token import Held, standings
from relevo.dead_letters import preview
from relevo.dead_letters.letter import Address, LetterError, counted, gathered
from relevo.dead_letters.records import mark, original, refusal
from runtime.kafka.record import Record
from schemas.dead_letter import ATTEMPTS, Attempt, Cause, source
from schemas.headers import Headers
from schemas.tenant import Account, Tenant
from schemas.token import Token, TokenRequest

NOW = 1_700_000_000_000
PERSON = "56922222222"


class Read(NamedTuple):
    """A record as it is read."""

    record: Record
    at: int = 0

    def topic(self) -> str:
        return self.record.topic

    def partition(self) -> int:
        return self.record.partition

    def offset(self) -> int:
        return self.at

    def value(self) -> bytes | None:
        return self.record.value

    def headers(self) -> Any:
        return list(self.record.headers)

    def timestamp(self) -> tuple[int, int]:
        return 1, NOW


def buried(record: Record, at: int = 0, *, reason: str = "failed", by: str = "x", at_ms: int = NOW) -> Read:
    """A dead letter of the record at an offset."""
    cause = Cause(reason=reason, error="e", source=source(record.topic, record.partition, 7), at_ms=at_ms, by=by)
    headers = cause.headers(record.headers)
    return Read(record._replace(topic=f"{record.topic}.dlq", headers=headers), at)


def record(value: bytes | None = b"{}", *more: tuple[str, bytes], topic: str = "inbound.conversations") -> Record:
    own = Headers(id="m1", type="webhook", tenant="acme", at_ms=1, contact=PERSON).to_kafka()
    return Record(topic, value, b"k", [*own, *more], 2)


names = st.text("abcdefgh_-", min_size=1, max_size=12).filter(
    lambda name: not name.startswith("dlq_") and name != "replay"
)


@given(
    value=st.none() | st.binary(max_size=50),
    key=st.none() | st.binary(max_size=20),
    headers=st.lists(st.tuples(names, st.binary(max_size=20)), max_size=6),
    partition=st.integers(0, 63),
)
def test_what_is_put_back_is_what_was_given_up(
    value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes]], partition: int
) -> None:
    given_up = Record("agents.menu-2", value, key, headers, partition)
    message = buried(given_up)
    [letter] = gathered([message])
    assert original(letter, key, message, "run") == given_up._replace(headers=[*headers, ("replay", b"run")])


def test_a_second_run_replaces_the_name_of_the_first() -> None:
    message = buried(record(b"{}", ("replay", b"first")))
    [letter] = gathered([message])
    put_back = original(letter, b"k", message, "second")
    assert [value for name, value in put_back.headers if name == "replay"] == [b"second"]


def test_a_recipient_of_a_campaign_goes_back_as_the_template_that_it_is_kept_as() -> None:
    message = buried(record(topic="outbound.templates"))
    headers = [(n, b"campaigns.chunks-3-17" if n == "dlq_source" else v) for n, v in message.record.headers]
    message = Read(message.record._replace(headers=headers))
    [letter] = gathered([message])
    assert original(letter, None, message, "run")[0::4] == ("outbound.templates", 3)


def test_a_letter_whose_source_cannot_be_read_is_not_put_back() -> None:
    message = buried(record())
    headers = [(n, b"somewhere" if n == "dlq_source" else v) for n, v in message.record.headers]
    message = Read(message.record._replace(headers=headers))
    [letter] = gathered([message])
    with pytest.raises(LetterError, match="names no partition"):
        original(letter, None, message, "run")


def test_a_mark_is_no_letter_and_tells_what_was_done() -> None:
    first, second = buried(record(), 0), buried(record(), 1)
    letter = gathered([first])[0]
    marked = Read(mark(letter, "dropped", "run", NOW + 5, "closed"), 2)
    assert (marked.value(), marked.partition()) == (None, 2)
    for order in ([first, second, marked], [marked, second, first]):
        found = {one.address.offset: one.done for one in gathered(order)}
        assert found.keys() == {0, 1}
        assert found[1] is None
        assert found[0] is not None
        assert (found[0].action, found[0].run, found[0].at_ms, found[0].why) == ("dropped", "run", NOW + 5, "closed")


def test_a_tombstone_that_looks_like_a_mark_is_still_a_letter() -> None:
    disguised = record(None, ("requeued", b"inbound.conversations.dlq:2:0"))
    headers = [(n, b"requeued" if n == "type" else v) for n, v in disguised.headers]
    found = gathered([buried(record(), 0), buried(disguised._replace(headers=headers), 1)])
    assert [(one.address.offset, one.done) for one in found] == [(1, None), (0, None)]


def test_letters_are_newest_first_and_counted() -> None:
    letters = gathered(
        [
            buried(record(), 0, at_ms=NOW - 1000),
            buried(record(), 1, reason="odd", at_ms=NOW),
            buried(record(), 2, at_ms=NOW - 3000),
        ]
    )
    assert [one.address.offset for one in letters] == [1, 0, 2]
    assert counted(letters) == [("inbound.conversations.dlq", "failed", 2), ("inbound.conversations.dlq", "odd", 1)]


@pytest.mark.parametrize("text", ["", "x.dlq", "x.dlq:1", "x.dlq:1:-2", "x.dlq:1:2:3", "x.dlq:a:1", ":1:1", "x:1:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(LetterError):
        Address.parse(text)


def test_an_address_is_read_as_it_is_written() -> None:
    address = Address("inbound.rejected", 3, 12)
    assert Address.parse(str(address)) == address


def test_what_egress_gave_up_may_go_back_at_once_and_a_rejected_body_never() -> None:
    [letter] = gathered([buried(record(topic="outbound.replies"), reason="attempts", by="egress")])
    assert refusal(letter) == ""
    own = record(b"x", ("reason", b"no_line"), topic="inbound.rejected")
    [rejected] = gathered([Read(own)])
    assert "post the bytes again" in refusal(rejected)


def test_a_letter_keeps_the_calls_that_were_made_for_it_and_what_is_put_back_does_not() -> None:
    calls = [
        Attempt(plan="p1", at_ms=NOW, result="not_sent", code="connect_failed"),
        Attempt(plan="p2", at_ms=NOW + 5, result="throttled", status=429, code="http_429", run="dlq-1"),
    ]
    given_up = record(topic="outbound.replies")
    where = source(given_up.topic, given_up.partition, 7)
    cause = Cause(reason="attempts", error="e", source=where, at_ms=NOW, by="egress", attempts=calls)
    message = Read(given_up._replace(topic="outbound.replies.dlq", headers=cause.headers(given_up.headers)))
    [letter] = gathered([message])
    assert letter.attempts == calls
    assert original(letter, b"k", message, "run").headers == [*given_up.headers, ("replay", b"run")]
    again = Cause(reason="attempts", error="e", source=where, at_ms=NOW, attempts=calls[1:])
    assert Cause.from_headers(again.headers(message.record.headers)).attempts == calls[1:]


@pytest.mark.parametrize("header", [b"", b"\xff", b"{", b"[1]", b'{"plan": "p"}'])
def test_attempts_that_cannot_be_read_are_none_and_the_letter_is_one_all_the_same(header: bytes) -> None:
    message = buried(record())
    [letter] = gathered([Read(message.record._replace(headers=[*message.headers(), (ATTEMPTS, header)]))])
    assert (letter.attempts, letter.reason) == ([], "failed")


def test_what_was_parked_for_too_long_does_not_go_back_to_a_line_that_may_know_it() -> None:
    [letter] = gathered([buried(record(topic="outbound.replies"), reason="parked_too_long", by="egress")])
    assert "as a new message" in refusal(letter)


def test_what_may_have_arrived_does_not_go_back() -> None:
    read = buried(record(topic="outbound.replies"), reason="attempts", by="egress")
    for result, refused in (("not_sent", False), ("in_doubt", True)):
        history = json.dumps([{"plan": "p", "at_ms": 1, "result": result, "status": 0, "code": ""}]).encode()
        [letter] = gathered([Read(read.record._replace(headers=[*read.headers(), (ATTEMPTS, history)]))])
        assert ("may have arrived" in refusal(letter)) == refused


# -- preview


@given(st.recursive(st.text(min_size=4) | st.integers(10_000), lambda inner: st.dictionaries(st.just("body"), inner)))
def test_a_preview_holds_no_value(value: Any) -> None:
    leaf = value
    while isinstance(leaf, dict) and leaf:
        leaf = leaf["body"]
    shown = preview.preview(json.dumps(value).encode())
    assert leaf == {} or shown.count("<") >= 1
    assert not isinstance(leaf, int) or str(leaf) not in shown


def test_a_preview_shows_kinds_but_no_people() -> None:
    body = {"type": "text", "status": PERSON, PERSON: 1, "text": {"body": "hola"}, "n": [True, None, 5]}
    shown = preview.preview(json.dumps(body).encode())
    assert '"type": "text"' in shown
    assert PERSON not in shown
    assert "hola" not in shown
    assert "true" in shown


@pytest.mark.parametrize("value", [b"\xff", b"", b"{", b"[" * 5000])
def test_what_is_no_json_is_told(value: bytes) -> None:
    assert preview.preview(value).startswith("not JSON")
    assert preview.readable(value) == value.decode("utf-8", "backslashreplace")


def test_headers_are_masked_unless_asked_for() -> None:
    pairs = [("contact", PERSON.encode()), ("did", b"56911111111"), ("id", b"m1"), ("x", b"\xff")]
    assert preview.headers(pairs, clear=False) == [
        ("contact", "<11 characters>"),
        ("did", "<number …11>"),
        ("id", "m1"),
        ("x", "\\xff"),
    ]
    assert preview.headers(pairs, clear=True)[0] == ("contact", PERSON)


# -- spans and tokens


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(-5, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_199_000, "1 h"), (86_400_000 * 3, "3 d")],
)
def test_a_span_is_said_in_whole_units(milliseconds: int, said: str) -> None:
    assert span(milliseconds) == said


def tenant(name: str, *users: str, active: bool = True) -> Tenant:
    accounts = {user: Account(service="isv", base="https://x.example", username=user, password="") for user in users}
    return Tenant(tenant=name, active=active, accounts=accounts)


def token(generation: int, refresh_ms: int, dies_ms: int) -> Token:
    times = {"obtained_ms": NOW - 1000, "refresh_ms": refresh_ms, "dies_ms": dies_ms}
    return Token(account="isv|a", generation=generation, token="sealed", **times)


def held(*tokens: Token) -> Held:
    return Held({one.account: one for one in tokens}, {})


@pytest.mark.parametrize(
    ("refresh_ms", "dies_ms", "state"), [(5, 9, "alive"), (0, 9, "overdue"), (-1, 0, "dead"), (-5, -2, "dead")]
)
def test_a_tokens_state_follows_its_times(refresh_ms: int, dies_ms: int, state: str) -> None:
    [one] = standings([tenant("acme", "a")], held(token(3, NOW + refresh_ms, NOW + dies_ms)), [], NOW)
    assert (one.state, one.generation) == (state, 3)


def test_each_account_is_told_once_with_the_requests_that_no_token_answers() -> None:
    requests = [
        TokenRequest(account=name, generation=generation, why="", at_ms=at_ms)
        for name, generation, at_ms in (
            ("isv|a", 2, 1),
            ("isv|a", 3, 8),
            ("isv|a", 3, 7),
            ("isv|b", 0, 9),
            ("isv|z", 0, 1),
        )
    ]
    tenants = [tenant("two", "a", active=False), tenant("one", "a", "b")]
    a, b = standings(tenants, held(token(3, NOW + 1, NOW + 2)), requests, NOW)
    assert (a.account, a.tenants, a.active, a.waiting, a.oldest_request_ms) == ("isv|a", ["one", "two"], True, 2, 7)
    assert (b.state, b.generation, b.waiting) == ("none", 0, 1)
    assert not standings([tenant("off", "a", active=False)], held(), [], NOW)[0].active
