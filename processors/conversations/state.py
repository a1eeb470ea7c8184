"""What is remembered of a conversation: one compact record under `did|contact`, this processor's alone.

It is encoded as a MessagePack array, so that new fields may only be added at the end, with a default. With a full
ring of 46 it takes about 400 bytes, and 600 with its key and its place in a table (`bench/recovery.py` measures it).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import zip_longest

import msgspec

from schemas.inbound import Facts, Owner

HASH_BYTES = 6
_OLD_HASH_BYTES = 8


class State(msgspec.Struct, array_like=True, kw_only=True):
    """`offset` is the last source record that was handled: whatever is not newer is a replay (see `handled`).

    `ids` holds hashes of recent event ids, oldest first; `ring` held longer ones in an earlier version, and is
    empty once the state was read. `optout` is None, or the categories not wanted (empty: all). `touched_ms` is when
    anything last happened here, by our clock. `tenant` is whose line it was then. `language` is empty until the
    person's words or an order told it; `pinned` says that an order did.

    While a human owns it, `human` has since when, and when the human last wrote (0: not yet), by our clock.

    `user_id` and `parent_id` are the person's user ids; those that lead here as aliases were told so last in the hour
    `claimed_h` (since 1970). `wished_ms` is when the wish changed last, where it is one for all lines of the tenant.

    With an `alias` this is no conversation but the way to one: everything under this key belongs to that contact, whose
    address is `reply_to`; `epoch` is above 0 if a conversation went there from here, and `ids` are those that were
    handled here, or forwarded last.
    """

    offset: int = -1
    ring: bytes = b""
    touched_ms: int = 0
    last_inbound_ms: int = 0
    owner: Owner = "bot"
    epoch: int = 0
    reply_to: str = ""
    id_chat: str = ""
    channel_id: str = ""
    id_campaign: str = ""
    profile_name: str = ""
    language: str = ""
    user_id: str = ""
    optout: list[str] | None = None
    tenant: str = ""
    ids: bytes = b""
    alias: str = ""
    parent_id: str = ""
    claimed_h: int = 0
    pinned: bool = False
    human: tuple[int, int] | None = None
    wished_ms: int = 0

    def handled(self, offset: int, timestamp_ms: int) -> bool:
        """Whether the source record with this offset was handled before.

        One that was written after anything last happened here was not, whatever its offset: the topic was created
        anew under a state that was kept. Between clocks that differ, the ring alone decides for that long.
        """
        return offset <= self.offset and timestamp_ms <= self.touched_ms

    def of(self, tenant: str) -> State:
        """The state for the tenant that has the line now. If it was another's, nothing that was learnt for that one
        is told: what was handled and the person's wish on the line stay, in a new epoch of the owner."""
        if self.tenant in ("", tenant):
            return self
        return State(
            offset=self.offset, ids=self.ids, touched_ms=self.touched_ms, epoch=self.epoch + 1, optout=self.optout
        )

    def anew(self) -> State:
        """What is left when the person went on elsewhere: what was handled, in a new epoch of the owner."""
        return State(
            offset=self.offset, ids=self.ids, touched_ms=self.touched_ms, epoch=self.epoch + 1, tenant=self.tenant
        )

    def wish(self) -> State | None:
        """What outlives the conversation: that the person wants to be left alone, if so; a few bytes."""
        return None if self.optout is None else State(optout=self.optout, tenant=self.tenant)

    def rest(self) -> State | None:
        """What outlives an erasure until it was idle for long: what was handled, so that a repeat brings nobody back,
        and the wish."""
        return self._kept() if self.ids else self.wish()

    @property
    def forgotten(self) -> bool:
        """Whether nothing is known of a person, but what was handled and, perhaps, the wish."""
        return self == self._kept()

    def _kept(self) -> State:
        return State(
            offset=self.offset,
            ids=self.ids,
            touched_ms=self.touched_ms,
            optout=self.optout,
            tenant=self.tenant,
            wished_ms=self.wished_ms,
        )

    def knows(self, event_id: str) -> bool:
        """Whether the event was handled before, as far as the ring reaches."""
        wanted = event_hash(event_id)
        at = self.ids.find(wanted)
        while at > 0 and at % HASH_BYTES:  # halves of two neighbours are not a hash
            at = self.ids.find(wanted, at + 1)
        return at >= 0

    def remember(self, event_id: str, size: int) -> None:
        """Add an event to the ring of `size`."""
        self.ids = (self.ids + event_hash(event_id))[-size * HASH_BYTES :]

    def join_ids(self, theirs: bytes, size: int) -> None:
        """Know what another key of the same person knew, each once; the newest of both stay longest."""
        pairs = zip_longest(_newest_first(self.ids), _newest_first(theirs))
        both = list(dict.fromkeys(one for pair in pairs for one in pair if one))
        self.ids = b"".join(reversed(both[:size]))

    def give_to(self, owner: Owner, now_ms: int) -> None:
        """Change the owner (or confirm the present one) in a new epoch."""
        self.owner = owner
        self.epoch += 1
        self.human = (now_ms, 0) if owner == "human" else None

    def human_wrote(self, now_ms: int) -> None:
        """The human who owns it wrote to the person: after all that the human did before, whatever this worker's clock
        says, so that an order which is on its way is too late."""
        since_ms = self.human_since_ms
        self.human = (self.taken_ms, now_ms if now_ms >= since_ms else since_ms + 1)

    @property
    def taken_ms(self) -> int:
        """Since when a human owns it; 0 while the bot does, or where a state of before did not note it."""
        return self.human[0] if self.human else 0

    @property
    def wrote_ms(self) -> int:
        """When the human last wrote; 0 for not yet."""
        return self.human[1] if self.human else 0

    @property
    def human_since_ms(self) -> int:
        """When the human who owns it last did something: took it, or wrote; in a state of before that was not noted,
        and anything counts. 0 while the bot owns it."""
        return 0 if self.owner == "bot" else max(self.taken_ms, self.wrote_ms) or self.touched_ms

    def window_expires_ms(self, window_ms: int) -> int:
        """When free-form sends end, 0 if the person never wrote. `window_ms` is the window less its margin."""
        return self.last_inbound_ms + window_ms if self.last_inbound_ms else 0

    def facts(self, window_ms: int, language: str = "") -> Facts:
        """What agents are told; `language` is the line's, where the conversation has none of its own."""
        return Facts(
            window_expires_ms=self.window_expires_ms(window_ms),
            owner=self.owner,
            owner_epoch=self.epoch,
            id_chat=self.id_chat,
            channel_id=self.channel_id,
            id_campaign=self.id_campaign,
            profile_name=self.profile_name,
            language=self.language or language,
            user_id=self.user_id or self.parent_id,
            last_inbound_ms=self.last_inbound_ms,
        )


def _newest_first(ids: bytes) -> list[bytes]:
    return [ids[at : at + HASH_BYTES] for at in range(0, len(ids), HASH_BYTES)][::-1]


@lru_cache(maxsize=64)
def event_hash(event_id: str) -> bytes:
    """Six bytes that stand for an event id; an id is asked for twice, before its event and after it.

    That an event meets a hash of another one in a ring of 46, and is taken for a duplicate, has a chance of 46 in
    2^48: at a hundred million events a day once in about 165 years.
    """
    return hashlib.blake2b(event_id.encode(), digest_size=_OLD_HASH_BYTES).digest()[:HASH_BYTES]


class _Alias(msgspec.Struct, array_like=True):
    """What a state that is an alias comes to. Every person with a user id has one, so it is written by itself."""

    offset: int
    touched_ms: int
    tenant: str
    alias: str
    reply_to: str
    epoch: int
    ids: bytes = b""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)
_alias_decoder = msgspec.msgpack.Decoder(_Alias)
_STATE_FROM = 0x9F  # the first byte of an array of 15 fields, which a state has at least; an alias has fewer


def encode(state: State) -> bytes:
    """The value on `conversations.state`. A copy: the encoder's own bytes keep the room they grew into, half as much
    again, and a value stays in memory for days."""
    written: State | _Alias = state
    if state.alias:
        at = (state.offset, state.touched_ms, state.tenant)
        written = _Alias(*at, state.alias, state.reply_to, state.epoch, state.ids)
    return bytes(memoryview(_encoder.encode(written)))


def decode(value: bytes | None) -> State:
    """The state, a fresh one where nothing is remembered. One of an earlier version is brought up to date."""
    if not value:
        return State()
    if value[0] < _STATE_FROM:
        return State(**msgspec.structs.asdict(_alias_decoder.decode(value)))
    state = _decoder.decode(value)
    if state.ring:
        older = [state.ring[at : at + HASH_BYTES] for at in range(0, len(state.ring), _OLD_HASH_BYTES)]
        state.ids, state.ring = b"".join(older) + state.ids, b""
    return state
