"""What is remembered of a conversation: one compact record under `did|contact`, this processor's alone.

It is encoded as a MessagePack array, so that new fields may only be added at the end, with a default. With a full
ring of 64 it takes about 600 bytes.
"""

from __future__ import annotations

import hashlib

import msgspec

from schemas.inbound import Facts, Owner

HASH_BYTES = 8


class State(msgspec.Struct, array_like=True, kw_only=True):
    """`offset` is the last source record that was handled: whatever is not newer is a replay (see `handled`).

    `ring` holds hashes of recent event ids, oldest first. `optout` is None, or the categories not wanted (empty:
    all). `touched_ms` is when anything last happened here, by our clock. `tenant` is whose line it was then.
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
            offset=self.offset, ring=self.ring, touched_ms=self.touched_ms, epoch=self.epoch + 1, optout=self.optout
        )

    def knows(self, event_id: str) -> bool:
        """Whether the event was handled before, as far as the ring reaches."""
        return event_hash(event_id) in self.ring

    def remember(self, event_id: str, size: int) -> None:
        """Add an event to the ring of `size`."""
        self.ring = (self.ring + event_hash(event_id))[-size * HASH_BYTES :]

    def give_to(self, owner: Owner) -> None:
        """Change the owner (or confirm the present one) in a new epoch."""
        self.owner = owner
        self.epoch += 1

    def window_expires_ms(self, window_ms: int) -> int:
        """When free-form sends end, 0 if the person never wrote. `window_ms` is the window less its margin."""
        return self.last_inbound_ms + window_ms if self.last_inbound_ms else 0

    def facts(self, window_ms: int) -> Facts:
        """What agents are told."""
        return Facts(
            window_expires_ms=self.window_expires_ms(window_ms),
            owner=self.owner,
            owner_epoch=self.epoch,
            id_chat=self.id_chat,
            channel_id=self.channel_id,
            id_campaign=self.id_campaign,
            profile_name=self.profile_name,
            language=self.language,
            user_id=self.user_id,
            last_inbound_ms=self.last_inbound_ms,
        )


def event_hash(event_id: str) -> bytes:
    """Eight bytes that stand for an event id: two of a conversation's recent ones never meet by accident."""
    return hashlib.blake2b(event_id.encode(), digest_size=HASH_BYTES).digest()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def encode(state: State) -> bytes:
    """The value on `conversations.state`."""
    return _encoder.encode(state)


def decode(value: bytes | None) -> State:
    """The state, a fresh one where nothing is remembered."""
    return _decoder.decode(value) if value else State()
