"""What runs from the beginning of a `with` to its end: brokers, clusters of them, and the mock of one.

Promises: a start that fails leaves nothing behind; on an event loop (`async with`) neither start nor end blocks it.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Self


class Running(ABC):
    """`start` and `close` block."""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Ends it, also when it never started."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)
