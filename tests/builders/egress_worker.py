"""An egress worker with a plain HTTP client, run as `python -m tests.builders.egress_worker`."""

from __future__ import annotations

import json
import os

import aiohttp

from egress.chattigo.answers import HttpAnswer, classify
from egress.chattigo.paths import url
from egress.chattigo.result import CallResult
from egress.lines.process.service import serve
from runtime.clock import now_ms
from runtime.service import Service, run
from runtime.settings import EgressSettings, KafkaSettings, ServiceSettings, TenantsSettings
from schemas.tenant import Account


class PlainClient:
    """Posts without a login."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            headers={"X-Instance": os.environ["TEST_INSTANCE"], "X-Process": str(os.getpid())}
        )

    async def post(
        self, account: Account, url_path: str, body: bytes, *, timeout_s: float, fresh_connection: bool, did: str
    ) -> CallResult:
        try:
            timeout = aiohttp.ClientTimeout(total=timeout_s)
            async with self._session.post(url(account, url_path), data=body, timeout=timeout) as answer:
                retry = answer.headers.get("Retry-After", "")
                return classify(HttpAnswer(status=answer.status, body=await answer.read(), retry_after=retry), now_ms())
        except aiohttp.ClientConnectorError as error:
            return CallResult(kind="not_sent", code="connect", reason=type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return CallResult(kind="in_doubt", code="broken", reason=type(error).__name__)

    async def close(self) -> None:
        await self._session.close()


async def main(service: Service) -> None:
    client = PlainClient()
    kafka = KafkaSettings(bootstrap=os.environ["TEST_BOOTSTRAP"])
    settings = EgressSettings(**json.loads(os.environ["TEST_EGRESS"]))
    try:
        await serve(service, kafka, settings, TenantsSettings(), client)
    finally:
        await client.close()


if __name__ == "__main__":
    run(main, name="egress", settings=ServiceSettings(instance=os.environ["TEST_INSTANCE"]))
