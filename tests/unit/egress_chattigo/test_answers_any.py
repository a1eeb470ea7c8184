"""The table of answers under any status, body and header: never a raise, never "no" where it may have been "yes"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from egress.chattigo.answers import BAD_LOGIN, GENERIC, NEVER, NOT_NOW, HttpAnswer, classify
from egress.chattigo.result import CallResult
from runtime.http.retry_after import LONGEST_S
from schemas.chattigo.answers import CODE_MAX
from schemas.record import decode, encode

NOW = 1_700_000_000_000
NOES: list[dict[str, Any]] = [
    {"success": False},
    {"success": "false"},
    {"success": 0},
    {"error": {"code": 1}},
    {"error": "número"},
    {"errors": [{"title": "x"}]},
    {"errors": ["x"]},
]
KNOWN = sorted(BAD_LOGIN | NOT_NOW | GENERIC | NEVER)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from([*KNOWN, *map(int, KNOWN), "false", "True", "", 0, 1]),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
errors = st.fixed_dictionaries({}, optional={"code": scalars, "message": values, "title": values})
shapes = st.fixed_dictionaries(
    {},
    optional={
        "success": values,
        "error": errors | values,
        "errors": st.lists(errors | values, max_size=2) | values,
        "message": values,
        "messages": st.lists(st.fixed_dictionaries({}, optional={"id": values}) | values, max_size=2) | values,
    },
)


def written(value: Any) -> st.SearchStrategy[bytes]:
    """A value as servers write it, also not quite as they should."""
    text = json.dumps(value, ensure_ascii=False)
    ways = [
        json.dumps(value).encode(),
        text.encode("utf-8", "replace"),
        text.encode("latin-1", "replace"),
        b"\xef\xbb\xbf" + json.dumps(value).encode(),
        json.dumps(value).encode()[:-1],
    ]
    return st.sampled_from(ways)


bodies = st.one_of(st.binary(max_size=60), (shapes | values).flatmap(written))
statuses = st.integers(100, 999)
headers = st.one_of(st.text(max_size=40), st.integers().map(str), st.just("Fri, 31 Dec 9999 23:59:59 GMT"))


def found(status: int, body: bytes = b"", retry_after: str = "") -> CallResult:
    return classify(HttpAnswer(status=status, body=body, retry_after=retry_after), NOW)


def may_have_been_accepted(status: int) -> bool:
    """By the status alone: every one by which nobody says that it was not."""
    surely_not = {301, 307, 308, 425, 429, 500, 501, 503, 505} | set(range(400, 500)) - {408, 409, 499}
    return status not in surely_not


@given(statuses, bodies, headers)
@example(200, b'{"success":false,"message":"n\xfamero"}', "")
@example(400, b'{"message":"n\xfamero"}', "")
def test_nothing_makes_it_raise_and_every_result_can_be_written(status: int, body: bytes, retry_after: str) -> None:
    result = found(status, body, retry_after)
    assert decode(encode(result), CallResult) == result
    assert len(result.code) <= CODE_MAX
    assert result.retry_after_s is None or 0 <= result.retry_after_s <= LONGEST_S


@given(statuses.filter(may_have_been_accepted), bodies, headers)
def test_what_may_have_been_accepted_is_accepted_or_in_doubt_whatever_the_body_says(
    status: int, body: bytes, retry_after: str
) -> None:
    result = found(status, body, retry_after)
    assert result.kind in ("accepted", "in_doubt")
    assert (result.kind == "accepted") <= (200 <= status < 300)


@given(st.integers(200, 299), shapes, st.data())
def test_a_success_that_says_no_is_never_accepted(status: int, shape: dict[str, Any], data: st.DataObject) -> None:
    no = data.draw(st.sampled_from(NOES))
    whole = data.draw(written(shape | no).filter(lambda body: body.endswith(b"}")))
    try:
        json.loads(whole.decode("utf-8-sig", "replace"))
    except ValueError:
        return  # cut off in a way that ends like an object: unreadable, as many successes are
    assert found(status, whole).kind == "in_doubt"


@given(st.integers(200, 299), st.sampled_from([b"", b"OK", b"null", b"[]", b"{}", b'{"success":true}', b"<html>"]))
def test_a_success_that_says_nothing_is_accepted(status: int, body: bytes) -> None:
    assert found(status, body).kind == "accepted"


@given(st.integers(400, 500).filter(lambda s: s not in (408, 409, 499)), st.sampled_from(KNOWN), st.booleans())
def test_known_codes_decide_before_the_status(status: int, code: str, as_number: bool) -> None:
    body = json.dumps({"error": {"code": int(code) if as_number else code}}).encode()
    expected = found(status).kind
    if code in BAD_LOGIN:
        expected = "unauthorized"
    elif code in NOT_NOW or (code in GENERIC and status in (400, 403)):
        expected = "throttled"
    elif code in NEVER:
        expected = "refused"
    assert (found(status, body).kind, found(status, body).code) == (expected, code)


@given(st.integers(400, 599), st.text("0123456789", min_size=1, max_size=7).filter(lambda c: c not in KNOWN), bodies)
def test_unknown_codes_change_nothing(status: int, code: str, other: bytes) -> None:
    body = json.dumps({"error": {"code": code}}).encode()
    assert found(status, body).kind == found(status).kind
    assert found(status, body).code == code


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"success":false,"message":"n\xfamero"}', "n\ufffdmero"),
        (b'\xef\xbb\xbf{"success":false,"message":"no"}', "no"),
        (b'{"success":false,"message":"\\ud83d"}', "?"),
        (b'{"error":"no"}', "no"),
    ],
)
def test_a_no_is_read_however_it_is_written(body: bytes, reason: str) -> None:
    result = found(200, body)
    assert (result.kind, result.reason) == ("in_doubt", reason)
