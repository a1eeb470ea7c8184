"""What is known of a conversation, read from the changelog of the processor that alone writes it. Blocks.

Promises: committed records alone; joins no group. Leaves to `order` what can be asked of a conversation.
"""

from __future__ import annotations

import msgspec

from processors.conversations.state import State, decode
from runtime.kafka.offsets import end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.record import RecordError

_STATE = topics.CONVERSATIONS_STATE


class Known:
    """One conversation's `state`, None where nothing is known; `read` takes in what came since the last time.

    `writes` counts how often it was written, as far as Kafka keeps that.
    """

    def __init__(self, settings: KafkaSettings, did: str, contact: str) -> None:
        self.contact = contact
        self._settings = settings
        self._key = keys.conversation(did, contact).encode()
        self.partition = keys.partition(self._key, _STATE.count(topics.PROFILES[settings.profile]))
        self._position = BEGINNING
        self.state: State | None = None
        self.writes = 0

    def read(self) -> Known:
        place = (_STATE.name, self.partition)
        end = end_offsets(self._settings, [place], committed=True)[place]
        for message in read_partition(self._settings, *place, self._position, end):
            if message.key() == self._key:
                self._learn(message.value())
        self._position = end
        return self

    def _learn(self, value: bytes | str | None) -> None:
        self.writes += 1
        try:
            self.state = decode(value) if isinstance(value, bytes) and value else None
        except msgspec.MsgspecError as wrong:
            raise RecordError(f"{_STATE.name}: what is known of the conversation cannot be read: {wrong}") from None

    @property
    def forgotten(self) -> bool:
        """Whether nothing is known of the person but, perhaps, the wish not to be written to."""
        return self.state is None or self.state.forgotten


def known(settings: KafkaSettings, did: str, contact: str) -> tuple[Known, Known]:
    """What is known under the contact itself, and what of the conversation that it belongs to: of a user id whose phone
    is known that of the phone, else the same."""
    asked = Known(settings, did, contact).read()
    if asked.state is None or not asked.state.alias:
        return asked, asked
    return asked, Known(settings, did, asked.state.alias).read()
