"""Bodies: their depth, and what is packed, within the limits."""

import gzip
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.webhooks import encoding, json_body, outcomes
from ingress.webhooks.outcomes import Refused

JSON = st.recursive(
    st.none() | st.text(alphabet='[]{}"\\ax', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=20,
)


def depth(value: Any) -> int:
    if isinstance(value, dict | list):
        children = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, children), default=0)
    return 0


@given(JSON, st.integers(1, 6))
def test_exactly_what_is_deeper_than_the_limit_is_too_deep(value: Any, limit: int) -> None:
    body = orjson.dumps(value)
    if depth(value) <= limit:
        assert json_body.read(body, limit) == value
    else:
        with pytest.raises(json_body.TooDeep):
            json_body.read(body, limit)


def test_brackets_in_texts_and_side_by_side_are_no_depth() -> None:
    assert json_body.read(orjson.dumps(["[" * 100]), 8) == ["[" * 100]
    assert json_body.read(b"[" + b"[]," * 1000 + b"[]]", 8) == [[]] * 1001


@pytest.mark.parametrize("count", [1024, 1025, 10_000_000])
def test_no_depth_overflows_anything(count: int) -> None:
    with pytest.raises(json_body.TooDeep):
        json_body.read(b"[" * count + b"]" * count, 64)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_packed_bodies_unpack_within_the_limit(body: bytes, limit: int) -> None:
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": [gzip.compress(body)],
        "deflate": [zlib.compress(body), raw.compress(body) + raw.flush()],
        "": [body],
    }
    for coding, forms in packed.items():
        for form in forms:
            if len(body) <= limit or not coding:
                assert encoding.unpack(form, coding, limit) == body
            else:
                with pytest.raises(Refused) as caught:
                    encoding.unpack(form, coding, limit)
                assert caught.value.outcome is outcomes.TOO_LARGE


def test_a_small_body_that_unpacks_to_a_huge_one_is_too_large() -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=9)
    with pytest.raises(Refused):
        encoding.unpack(bomb, "gzip", 1_000_000)


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_unpack_or_are_told_to_be_broken(body: bytes, coding: str) -> None:
    try:
        unpacked = encoding.unpack(body, coding, 10_000)
    except encoding.BadEncoding:
        return
    assert len(unpacked) <= 10_000


@pytest.mark.parametrize(
    "body", [gzip.compress(b"x", mtime=0)[:-1], gzip.compress(b"x", mtime=0) + b"more", b"", b"{}"]
)
def test_cut_off_and_trailing_bytes_are_broken(body: bytes) -> None:
    with pytest.raises(encoding.BadEncoding):
        encoding.unpack(body, "gzip", 100)


@pytest.mark.parametrize(
    ("shown", "name"), [("", ""), ("identity", "identity"), (" GZIP ", "gzip"), ("x-gzip", "gzip")]
)
def test_known_codings_are_known_in_any_spelling(shown: str, name: str) -> None:
    assert encoding.check(shown) == name


@pytest.mark.parametrize("shown", ["br", "zstd", "gzip, gzip", "deflate,gzip", "compress"])
def test_other_codings_are_refused_before_the_body_is_read(shown: str) -> None:
    with pytest.raises(Refused) as caught:
        encoding.check(shown)
    assert caught.value.outcome is outcomes.UNKNOWN_ENCODING
