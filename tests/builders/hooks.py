"""A caller that may call this machine, and what to call with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

from runtime.hooks import Call, Caller, connected
from runtime.settings import HooksSettings, TenantsSettings

HERE = TenantsSettings(private_networks=(ip_network("127.0.0.0/8"),))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@asynccontextmanager
async def calling(tenants: TenantsSettings = HERE, **hooks: Any) -> AsyncIterator[Caller]:
    async with connected(HooksSettings(**hooks), tenants, use="test") as caller:
        yield caller


def to(url: str, **more: Any) -> Call:
    return Call(**({"tenant": "acme", "url": url, "timeout_s": 5, "body": b"{}", "id": "m1"} | more))
