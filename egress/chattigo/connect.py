"""The client with everything that it needs, for as long as a service runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from egress.chattigo.client import Client
from egress.chattigo.feed import TokenFeed
from egress.chattigo.wire import Wire
from runtime.http import Guard
from runtime.secrets import KeyRing
from runtime.settings import EgressSettings, KafkaSettings, TenantsSettings


@asynccontextmanager
async def connected(
    kafka: KafkaSettings,
    egress: EgressSettings,
    tenants: TenantsSettings,
    ring: KeyRing,
    *,
    on_failure: Callable[[BaseException], None] | None = None,
) -> AsyncIterator[Client]:
    """A client whose tokens are followed. Raises FollowerFailed or TimeoutError when the tokens cannot be read."""
    feed = TokenFeed(kafka, ring, on_failure=on_failure)
    wire = Wire(connect_s=egress.connect_timeout_s, guard=Guard(tenants.private_networks))
    client = Client(feed.tokens, wire, young_token_s=egress.young_token_s)
    try:
        await feed.start(tenants.caught_up_s)
        await client.start()
        yield client
    finally:
        await client.stop()
        await feed.stop()
