"""Membership: who we are in the consumer group, in the bytes that a transactional producer sends along.

aiokafka joins the group, librdkafka writes the transaction. The broker refuses offsets whose generation, member or
instance is not the group's present one, which is what keeps a paused worker from writing over its successor.
librdkafka takes the metadata as bytes of its own making; `metadata` makes the same ones, and `check` compares
them with librdkafka's at start, since the format is not promised anywhere.
"""

import struct
from typing import NamedTuple

from confluent_kafka import Consumer

_MAGIC = b"CGMDv2:"
_NO_INSTANCE = b"\x01"
_AN_INSTANCE = b"\x00"


class MetadataFormatChanged(RuntimeError):
    """librdkafka writes group metadata in another form than this module."""


class Membership(NamedTuple):
    """A member of the group in one generation."""

    group: str
    generation: int
    member_id: str
    instance: str | None

    def metadata(self) -> bytes:
        """As librdkafka's `rd_kafka_consumer_group_metadata_write` (2.0 and later) writes it, native byte order."""
        instance = _NO_INSTANCE if self.instance is None else _AN_INSTANCE + _text(self.instance)
        return _MAGIC + struct.pack("=i", self.generation) + _text(self.group) + _text(self.member_id) + instance


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def check_metadata_format() -> None:
    """Raises `MetadataFormatChanged` unless librdkafka's bytes are ours, with and without an instance."""
    for instance in (None, "slot-7"):
        config = {"bootstrap.servers": "127.0.0.1:1", "group.id": "a-group", "log_level": 0}
        if instance is not None:
            config["group.instance.id"] = instance
        consumer = Consumer(config)
        try:
            theirs = bytes(consumer.consumer_group_metadata())
        finally:
            consumer.close()
        ours = Membership("a-group", -1, "", instance).metadata()
        if theirs != ours:
            raise MetadataFormatChanged(f"librdkafka writes {theirs!r}, expected {ours!r}")
