"""The transport: how Faust finds our consumer, under the scheme `relevo://`, through its registry of drivers.

Faust's own producer is replaced by one that refuses: everything that a processor writes travels in `Effects`.
"""

from typing import Any, NoReturn

from faust.transport import base
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from runtime.engine.consumer import ChunkConsumer

SCHEME = "relevo"


class NoProducer(base.Producer):
    """Faust asks for a producer to flush and to wait for; it has nothing to send."""

    async def flush(self) -> None:
        """Nothing is buffered here."""

    async def send(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Always raises: a record sent past the transaction could be lost or doubled."""
        raise RuntimeError("send through Effects: Faust's producer is outside the transaction")

    def send_soon(self, *args: Any, **kwargs: Any) -> NoReturn:
        """As `send`."""
        raise RuntimeError("send through Effects: Faust's producer is outside the transaction")


class Transport(driver.Transport):
    """Chunks from Kafka, nothing to Kafka."""

    Consumer = ChunkConsumer
    Producer = NoProducer


def register() -> None:
    """Make the scheme known to Faust."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
