"""The network of a stage: services reach Kafka and Chattigo, and Chattigo reaches the webhooks, through proxies.

Promises: whoever looks from outside (the audit, the one who starts it all) reaches Kafka directly, by a listener of its
own, however bad the network is. Leaves to `sandbox.proxy` what can be bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from sandbox.kafka.ports import free_ports
from sandbox.kafka.properties import LAPTOP
from sandbox.proxy.link import HOST, Address, Link

KAFKA, CHATTIGO, WEBHOOKS = "kafka", "chattigo", "webhooks"


class Network:
    """`broker_ports` and `properties` are the broker's; where else the links lead is told by `lead`."""

    def __init__(self) -> None:
        direct, through, controller, *own = free_ports(6)
        self.broker_ports = (direct, controller)
        self._listeners = (direct, through, controller)
        names = (KAFKA, CHATTIGO, WEBHOOKS)
        self.links = {name: Link(name, Address(HOST, through), port) for name, port in zip(names, own, strict=True)}
        self._stack = AsyncExitStack()

    @property
    def properties(self) -> Mapping[str, str | int]:
        """A second listener that says it is where the link listens: clients come back by the way they came."""
        direct, through, controller = self._listeners
        return {
            "listeners": f"PLAINTEXT://{HOST}:{direct},THROUGH://{HOST}:{through},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{direct},THROUGH://{self.address(KAFKA)}",
            "listener.security.protocol.map": f"{LAPTOP['listener.security.protocol.map']},THROUGH:PLAINTEXT",
        }

    def address(self, name: str) -> str:
        """`host:port` of a link."""
        return f"{HOST}:{self.links[name].port}"

    def lead(self, name: str, url: str) -> str:
        """Let a link lead to where this address is; the address that goes through the link."""
        parts = urlsplit(url)
        self.links[name].to = Address(parts.hostname or HOST, parts.port or 80)
        return parts._replace(netloc=self.address(name)).geturl()

    async def start(self) -> None:
        """Raises OSError."""
        for link in self.links.values():
            await self._stack.enter_async_context(link)

    async def stop(self) -> None:
        """May be called twice."""
        await self._stack.aclose()
