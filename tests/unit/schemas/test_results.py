"""What an answer says of each recipient is read whatever its shape, and nothing else is taken for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.chattigo.answers import read_answer
from schemas.chattigo.results import read_results

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5) | st.sampled_from([0, 1, 200, 400]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["results", "data", "id", "to", "success", "errors", "status", "code", "destination"]),
            inner,
        )
    ),
    max_leaves=12,
)


def read(body: Any) -> list[tuple[str, str, bool | None, str]]:
    answer = read_answer(200, msgspec.json.encode(body))
    return [(one.id, one.to, one.taken, one.code) for one in answer.recipients]


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "results": [{"id": "m1", "destination": "5691", "success": True},
                                      {"id": "m2", "destination": "5692", "success": False,
                                       "errors": [{"code": 131026, "title": "t"}]}]},
        {"data": {"recipients": [{"id": "m1", "to": "5691", "status": "accepted"},
                                 {"id": "m2", "to": "5692", "status": "FAILED", "code": "131026"}]}},
        {"hsm": {"destinations": [{"id": "m1", "msisdn": "5691", "ok": 1},
                                  {"id": "m2", "msisdn": "5692", "ok": "false", "errorCode": 131026}]}},
        [{"id": "m1", "phone": 5691, "type": "SENT"},
         {"id": "m2", "phone": 5692, "type": "INVALID", "code": 131026}],
        {"data": [{"id": "m1", "to": "5691", "status": 202},
                  {"id": "m2", "to": "5692", "status": 404, "code": 131026}]},
        {"results": [{"id": "m1", "to": "5691", "accepted": True},
                     {"id": "m2", "to": "5692", "error": {"code": 131026, "message": "t"}}]},
    ],
)  # fmt: skip
def test_results_of_any_shape_are_read(body: Any) -> None:
    assert read(body) == [("m1", "5691", True, ""), ("m2", "5692", False, "131026")]


def test_an_object_of_numbers_is_a_result_for_each() -> None:
    said = {"results": {"5691": True, "5692": {"success": False, "errors": [{"code": 1}]}, "5693": "queued"}}
    assert read(said) == [("", "5691", True, ""), ("", "5692", False, "1"), ("", "5693", True, "")]


@pytest.mark.parametrize(
    "body",
    [
        {"success": True},
        {"success": True, "results": []},
        {"success": True, "results": "all"},
        {"hsm": {"destinations": [{"destination": "5691", "parameters": ["x"]}]}},  # the request, sent back
        {"results": [{"id": "m1", "destination": "5691"}]},
        {"messages": [{"id": "wamid.1", "message_status": "accepted"}], "contacts": [{"input": "1", "wa_id": "1"}]},
        None,
        7,
    ],
)
def test_what_says_nothing_of_anybody_is_no_result(body: Any) -> None:
    assert read(body) == []


def test_a_wamid_is_the_providers_id_and_not_ours() -> None:
    [one] = read_results({"results": [{"id": "wamid.7", "destination": "5691", "success": True}]})
    assert (one.id, one.provider_id, one.to) == ("", "wamid.7", "5691")
    [one] = read_results({"results": [{"id": "m1", "wamid": "wamid.8", "status": "sent"}]})
    assert (one.id, one.provider_id) == ("m1", "wamid.8")


def test_what_says_both_is_neither() -> None:
    assert read({"results": [{"id": "m1", "success": True, "errors": [{"code": 1}]}]}) == [("m1", "", None, "1")]


@pytest.mark.parametrize("status", [400, 401, 500])
def test_an_answer_that_takes_nothing_has_no_results(status: int) -> None:
    body = msgspec.json.encode({"results": [{"id": "m1", "success": True}]})
    assert read_answer(status, body).recipients == []


@given(JSON)
def test_nothing_that_comes_raises_and_every_result_says_something(body: Any) -> None:
    for one in read_results(body):
        assert one.taken in (True, False, None)
        assert len(one.code) <= 64
        msgspec.json.encode(one)
