"""Tokens from Kafka: follows `tokens` and writes requests to `tokens.requests`."""

from __future__ import annotations

from collections.abc import Callable

from egress.chattigo.tokens import Tokens
from runtime.kafka.follower import Follower
from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from runtime.secrets import KeyRing
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.headers import Headers
from schemas.record import encode
from schemas.token import TokenRequest


def request_record(request: TokenRequest, topic: str = topics.TOKENS_REQUESTS.name) -> Record:
    """A request on its topic; the key decides the partition, and with it the account's owner."""
    headers = Headers(
        id=f"{request.account}@{request.generation}", type="token_request", tenant="", at_ms=request.at_ms
    )
    return Record(topic, encode(request), request.account.encode(), headers.to_kafka())


class TokenFeed:
    """`tokens` is what callers use; between `start` and `stop` it is fed."""

    def __init__(
        self,
        kafka: KafkaSettings,
        ring: KeyRing,
        *,
        on_failure: Callable[[BaseException], None] | None = None,
        topic: str = topics.TOKENS.name,
        requests: str = topics.TOKENS_REQUESTS.name,
    ) -> None:
        """`on_failure` hears when the follower ends by itself: end the process, its tokens go stale. The names of the
        topics are the catalogue's but in tests."""
        self._producer = Producer(kafka)
        self._requests = requests
        self.tokens = Tokens(ring, self._ask)
        self._follower = Follower(kafka, topic, self.tokens.apply, on_failure=on_failure)

    async def start(self, caught_up_s: float = 60) -> None:
        """Returns when all tokens were read. Raises FollowerFailed or TimeoutError."""
        await self._producer.start()
        await self._follower.start()
        await self._follower.caught_up(caught_up_s)

    async def stop(self) -> None:
        await self._follower.stop()
        await self._producer.stop()

    async def _ask(self, request: TokenRequest) -> None:
        await self._producer.send(request_record(request, self._requests))
