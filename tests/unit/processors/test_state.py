"""A conversation's state: small, exact, and still read when a later version wrote more or an earlier one less."""

from __future__ import annotations

import hashlib
import tracemalloc

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processors.conversations.state import HASH_BYTES, State, decode, encode, event_hash
from processors.conversations.world import Rules
from runtime.settings import ProcessorSettings

RING = Rules().ring
ids = st.lists(st.text(min_size=1, max_size=20), max_size=120)

_OLD_RING = b"".join(hashlib.blake2b(one.encode(), digest_size=8).digest() for one in ("wamid.1", "wamid.2"))
# As version 0.1.0 wrote it: a ring of hashes of 8 bytes, and no field behind the tenant.
_OLD = [41, _OLD_RING, 1_700_000_000_000, 1_699_999_999_000, "human", 3, "569", "chat", "77", "9", "Ana", "", "CL.1"]
OF_0_1_0 = msgspec.msgpack.encode([*_OLD, ["marketing"], "acme"])


def test_a_state_of_the_version_before_is_read_and_knows_what_it_knew() -> None:
    state = decode(OF_0_1_0)
    assert (state.offset, state.owner, state.epoch, state.profile_name, state.tenant) == (41, "human", 3, "Ana", "acme")
    assert (state.user_id, state.optout, state.alias, state.pinned) == ("CL.1", ["marketing"], "", False)
    assert state.knows("wamid.1")
    assert state.knows("wamid.2")
    assert not state.knows("wamid.3")
    state.remember("wamid.3", RING)
    again = decode(encode(state))
    assert all(again.knows(f"wamid.{n}") for n in (1, 2, 3))
    assert (again.ring, len(again.ids)) == (b"", 3 * HASH_BYTES)


def test_a_state_of_a_later_version_is_read() -> None:
    later = msgspec.msgpack.encode([*msgspec.msgpack.decode(encode(State(offset=5, tenant="acme"))), "more", 1])
    assert decode(later) == State(offset=5, tenant="acme")


def test_an_alias_is_written_small_and_read_as_it_was() -> None:
    alias = State(
        offset=7, touched_ms=1_700_000_000_000, tenant="acme", alias="5491155551234", reply_to="541155551234", epoch=1
    )
    assert decode(encode(alias)) == alias
    assert len(encode(alias)) < 50


@given(ids)
def test_the_latest_events_are_known_and_no_other(given_ids: list[str]) -> None:
    state = State()
    for one in given_ids:
        state.remember(one, RING)
    latest = given_ids[-RING:]
    assert all(state.knows(one) for one in latest)
    assert not any(state.knows(one) for one in set(given_ids) - set(latest))
    assert not state.knows("one that never came, longer than any of the others")


def test_halves_of_two_neighbours_are_not_taken_for_an_event() -> None:
    state = State()
    wanted = event_hash("never came")
    state.ids = b"abc" + wanted + b"def"
    assert not state.knows("never came")
    state.ids += wanted
    assert state.knows("never came")


@given(ids, ids)
def test_two_rings_joined_know_the_latest_of_both(older: list[str], own: list[str]) -> None:
    one, other = State(), State()
    for event in older:
        one.remember(event, RING)
    for event in own:
        other.remember(event, RING)
    other.join_ids(one.ids, RING)
    assert all(other.knows(event) for event in [*older[-RING // 2 :], *own[-RING // 2 :]])
    assert len(other.ids) <= RING * HASH_BYTES


def test_a_full_state_is_well_below_what_a_conversation_may_take() -> None:
    """With its key and its place in the table it takes 600 bytes at most; `bench/recovery.py` measures that."""
    state = State(
        offset=2**40,
        touched_ms=1_700_000_000_000,
        last_inbound_ms=1_700_000_000_000,
        owner="human",
        epoch=12,
        reply_to="5491155551234",
        profile_name="María Fernanda González",
        user_id="AR.12345678901234567",
        language="es",
        tenant="acme-retail",
        claimed_h=472_222,
    )
    for n in range(200):
        state.remember(f"wamid.{n}", RING)
    assert len(encode(state)) <= 410


def test_a_value_takes_no_more_memory_than_its_bytes() -> None:
    """A value of the encoder's own would keep half as much again."""
    tracemalloc.start()
    try:
        values = [encode(State(ids=bytes(RING * HASH_BYTES), tenant="acme")) for _ in range(100)]
        each = tracemalloc.get_traced_memory()[0] / len(values)
    finally:
        tracemalloc.stop()
    assert each < len(values[0]) + 60


def test_the_rules_are_what_the_settings_say_without_any() -> None:
    assert Rules.of(ProcessorSettings()) == Rules()
