"""What is different on librdkafka's mock cluster: all of it is here, and nothing of it runs on a genuine Kafka.

The mock is the demo's last resort on machines that can have no genuine one. It has topics from the first touch, four
partitions each; it loses the offsets of transactions, shows what was aborted, and its transaction markers stop
aiokafka's readers. So the profile `mock` touches topics instead of comparing them, and pretends transactions. Every
entry refuses any other profile, and a cluster that is not librdkafka's mock.
"""

import logging
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from runtime.kafka import config
from runtime.settings import KafkaSettings
from schemas.topics import MOCK, Topic

CLUSTER = "mockCluster"
TIMEOUT_S = 10.0
_CORRELATION = 1
_NO_RETENTION = -1

_log = logging.getLogger(__name__)


class NotTheMock(RuntimeError):
    """Something that only librdkafka's mock may get was meant for another cluster."""


def is_mock(settings: KafkaSettings) -> bool:
    """Whether the profile says that the cluster is librdkafka's mock."""
    return settings.profile == MOCK.name


def touch(settings: KafkaSettings, topics: Iterable[Topic]) -> None:
    """Makes the topics be there, with four partitions each; consumers alone would not. Blocks.

    Raises NotTheMock, KafkaException.
    """
    require_mock(settings)
    client = AdminClient(config.admin(settings))
    for topic in topics:
        error = client.list_topics(topic.name, timeout=TIMEOUT_S).topics[topic.name].error
        if error is not None:
            raise KafkaException(error)


def require_mock(settings: KafkaSettings) -> None:
    """Raises NotTheMock unless the profile is `mock` and the cluster is one. Blocks."""
    if not is_mock(settings):
        raise NotTheMock(f"only for the profile `{MOCK.name}`; RELEVO_KAFKA_PROFILE is {settings.profile}")
    cluster = AdminClient(config.admin(settings)).list_topics(timeout=TIMEOUT_S).cluster_id
    if not str(cluster).startswith(CLUSTER):
        raise NotTheMock(
            f"{settings.bootstrap} is the cluster {cluster}, not librdkafka's mock; the profile `{MOCK.name}` would do "
            "without transactions there: set RELEVO_KAFKA_PROFILE to the profile of this cluster"
        )


class Member(NamedTuple):
    """Who commits: what librdkafka's bytes of a group's metadata say."""

    group: str
    generation: int
    member_id: str

    @classmethod
    def of(cls, metadata: Any) -> "Member":
        """From bytes, or from librdkafka's own object of them."""
        raw = bytes(metadata).removeprefix(b"CGMDv2:")
        (generation,) = struct.unpack_from("=i", raw)
        group, member_id = raw[4:].split(b"\0")[:2]
        return cls(group.decode(), generation, member_id.decode())


class PretendedTransactions(Producer):
    """Looks like a transactional producer; nothing is exactly once here.

    A commit delivers the records, then commits the offsets as the member would: a crash between the two repeats the
    records, an abort takes nothing back, and readers see records before their commit. A member that was replaced is
    refused, as by a genuine Kafka.
    """

    def __init__(self, settings: KafkaSettings, timeout_s: float) -> None:
        """Raises NotTheMock."""
        require_mock(settings)
        self._bootstrap = settings.bootstrap
        self._offsets: list[TopicPartition] = []
        self._member: Member | None = None
        self._failed: KafkaError | None = None
        options = {"linger.ms": 0, "message.timeout.ms": int(timeout_s * 1000)}
        super().__init__(config.producer(settings, {**options, "on_delivery": self._delivered}))
        _log.warning("nothing is exactly once here: transactions are pretended on librdkafka's mock cluster")

    def init_transactions(self, *_: object) -> None:
        """There is no coordinator to ask and nobody to fence."""

    def begin_transaction(self) -> None:
        self._offsets, self._member, self._failed = [], None, None

    def send_offsets_to_transaction(self, positions: Sequence[TopicPartition], metadata: object, *_: object) -> None:
        """Kept until the commit."""
        self._offsets, self._member = list(positions), Member.of(metadata)

    def commit_transaction(self, timeout: float = TIMEOUT_S) -> None:
        """Raises KafkaException: then the records may be there, and the offsets are not committed."""
        end = time.monotonic() + timeout
        if self.flush(timeout):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "records are not delivered in time"))
        if self._failed is not None:
            raise KafkaException(self._failed)
        if self._member is not None:
            commit_offsets(self._bootstrap, self._member, self._offsets, max(end - time.monotonic(), 0.1))

    def abort_transaction(self, *_: object) -> None:
        """What was produced stays."""
        _log.warning("an abort takes nothing back on librdkafka's mock cluster")

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        self._failed = self._failed or error


def commit_offsets(bootstrap: str, member: Member, offsets: Sequence[TopicPartition], timeout_s: float) -> None:
    """Commits for a member from outside of its client: only a transaction can do that on a genuine Kafka's clients.

    Raises KafkaException with the code that the cluster answers, or _TRANSPORT.
    """
    # Here, not above: services that load no aiokafka need it on the mock alone.
    from aiokafka.protocol.api import RequestHeader_v1
    from aiokafka.protocol.commit import OffsetCommitRequest_v2, OffsetCommitResponse_v2

    topics = [(one.topic, [(one.partition, one.offset, "")]) for one in offsets]
    request = OffsetCommitRequest_v2(member.group, member.generation, member.member_id, _NO_RETENTION, topics)
    try:
        answer = _asked(bootstrap, RequestHeader_v1(request, _CORRELATION).encode() + request.encode(), timeout_s)
    except OSError as failed:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT, str(failed))) from failed
    for topic, partitions in OffsetCommitResponse_v2.decode(BytesIO(answer)).topics:
        for number, code in partitions:
            if code:
                raise KafkaException(KafkaError(code, f"offset of {topic}/{number} not committed"))


def _asked(bootstrap: str, request: bytes, timeout_s: float) -> bytes:
    """The answer's body, behind size and correlation id."""
    host, _, port = bootstrap.rpartition(":")
    with socket.create_connection((host, int(port)), timeout_s) as connection, connection.makefile("rb") as answers:
        connection.sendall(struct.pack(">i", len(request)) + request)
        size, _ = struct.unpack(">ii", answers.read(8))
        return answers.read(size - 4)
