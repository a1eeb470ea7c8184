"""The sandbox's control API, from outside: one call of it.

Promises: a sandbox that does not answer, or refuses, is a `SandboxError` that says why.
"""

from types import TracebackType
from typing import Any, Self

import aiohttp


class SandboxError(Exception):
    """The sandbox is not there or refuses; the message says what."""


class Control:
    """`async with Control(url)`. `url`: the sandbox's address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None
        await self._http.close()

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        assert self._http is not None
        try:
            async with self._http.request(method, f"{self._url}/_sandbox/{path}", json=body) as answer:
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise SandboxError(
                f"no sandbox answers at {self._url} ({type(error).__name__}): relevo sandbox chattigo"
            ) from None
        if answer.status != 200:
            raise SandboxError(f"the sandbox refuses: {said.get('error', answer.status)}")
        return said
